"""Before anything is touched: are the clusters there, and did a dead deployment leave a release locked?"""

from collections.abc import Mapping

import pulumi

from bus.access import Unreachable, check_reachable
from bus.deployment import Deployment
from bus.errors import Problem, Refused
from bus.releases import records
from bus.releases.state import locked


def run(plan: Deployment, config: Mapping[str, str]) -> None:
    """Raises Refused where a cluster cannot be reached; in an update, unlocks the stack's own pending releases.

    `config` is Pulumi's flat config, for the kubeconfigs that sites have of their own.
    """
    settings = plan.settings
    clusters = {site: plan.cluster(site, config) for site in plan.sites}
    problems = []
    for site, cluster in clusters.items():
        try:
            check_reachable(cluster)
        except Unreachable as error:
            path = f"bus:{settings.kubeconfig_keys[site]}" if site in settings.kubeconfig_keys else f"bus:sites.{site}"
            way_out = "check the network, the context and KUBECONFIG; bus:allowOfflinePreview: true previews without it"
            problems.append(
                Problem(settings.file, path, None, f"the cluster of {site} cannot be reached: {error}", way_out)
            )
    if problems and pulumi.runtime.is_dry_run() and settings.content.allow_offline_preview:
        for problem in problems:
            pulumi.log.warn(f"{problem}; topics, indices and releases are not judged against it")
        return
    if problems:
        raise Refused(problems)
    if pulumi.runtime.is_dry_run():
        return
    for site, cluster in clusters.items():
        releases = [release.name for release in plan.releases(site)]
        for record in locked(records.read(cluster, releases)):
            records.mark_failed(cluster, record)
            pulumi.log.warn(
                f"{site}: release {record.release} revision {record.revision} was left {record.status} by a deployment "
                f"that was cut off; unlocked, this run goes on from it"
            )
