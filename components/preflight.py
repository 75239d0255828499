"""Before anything is touched: are the clusters there, and in which state are the releases?"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pulumi

from bus import confirmations
from bus.access import Cluster
from bus.deployment import Deployment, Release
from bus.errors import Problem, Refused
from bus.kube import brokers_there
from bus.reachable import unreachable
from bus.releases import preview, records, recovery, rendering
from bus.releases.state import Act, Record, decide, description
from bus.users import switching
from components.recovery import wanted_of
from components.umbrella import CHARTS, STAGED


def run(plan: Deployment, config: Mapping[str, str]) -> Deployment:
    """The plan with what the clusters say of its releases; nothing is changed yet.

    Raises Refused where a cluster cannot be reached, or a release is somebody else's. `config` is Pulumi's flat
    config, for the kubeconfigs that sites have of their own.
    """
    clusters = {site: plan.cluster(site, config) for site in plan.sites}
    clusters = _reached(plan, clusters)
    if problems := _switched(plan, clusters):
        raise Refused(problems)
    now = datetime.now(UTC)
    found = {
        site: records.read(cluster, [release.name for release in plan.releases(site)])
        for site, cluster in clusters.items()
    }
    wrong = _foreign(plan, clusters, found, now)
    if not wrong and pulumi.runtime.is_dry_run():
        wrong = _shown(plan, clusters, found)
        for said in confirmations.of_stack(plan, clusters):
            pulumi.log.warn(said)
    if wrong:
        raise Refused(wrong)

    def judged(site: str, release: Release) -> Release:
        if site not in clusters:
            return release
        said = description(found[site][release.name], wanted_of(release), now)
        return replace(release, cluster=clusters[site], description=said)

    return plan.with_releases(judged)


def _reached(plan: Deployment, clusters: Mapping[str, Cluster]) -> dict[str, Cluster]:
    """The clusters that answer; raises Refused where one does not that has to."""
    content = plan.settings.content
    away = unreachable(plan.settings, clusters)
    everywhere = pulumi.runtime.is_dry_run() and content.allow_offline_preview
    wrong = [problem for site, problem in away.items() if not everywhere and site not in content.allow_offline]
    if wrong:
        way_out = "to deploy the other sites meanwhile: bus:allowOffline (docs/operating.md)"
        raise Refused([replace(problem, hint=f"{problem.hint}; {way_out}") for problem in wrong])
    for problem in away.values():
        pulumi.log.warn(f"{problem}; topics, indices and releases are not judged against it")
    return {site: cluster for site, cluster in clusters.items() if site not in away}


def _switched(plan: Deployment, clusters: Mapping[str, Cluster]) -> list[Problem]:
    """Brokers of one site that would have to talk to each other with a login and without one."""
    problems = []
    for site, cluster in clusters.items():
        kafka = plan.sites[site].settings.kafka
        if kafka.brokers > 1 and (said := switching.refusal(*brokers_there(cluster), kafka.authorization)):
            way_out = switching.way_out(cluster.namespace)
            path = f"bus:sites.{site}.kafka.authorization"
            problems.append(Problem(plan.settings.file, path, kafka.authorization, said, way_out))
    return problems


def _shown(
    plan: Deployment, clusters: Mapping[str, Cluster], found: Mapping[str, Mapping[str, list[Record]]]
) -> list[Problem]:
    """Says in a preview which objects of which releases change; returns what Helm could not render or keep."""
    if not rendering.is_there():
        pulumi.log.info("helm is not on PATH: which objects of a release change is not shown")
        return []
    problems = []
    for site, cluster in clusters.items():
        for release in plan.releases(site):
            try:
                shown = preview.preview(site, release, cluster, found[site][release.name], CHARTS, STAGED)
            except rendering.NoHelm as error:
                problems.append(Problem(f"charts/{release.chart}", "", None, f"site {site}: {error}"))
                continue
            if shown:
                pulumi.log.info(preview.text(shown))
                if said := preview.warning(shown):
                    pulumi.log.warn(said)
            if shown and shown.refused:
                problems.append(Problem(f"charts/{release.chart}", "", None, shown.refused))
    return problems


def _foreign(
    plan: Deployment,
    clusters: Mapping[str, Cluster],
    found: Mapping[str, Mapping[str, list[Record]]],
    now: datetime,
) -> list[Problem]:
    problems = []
    for site, cluster in clusters.items():
        for release in plan.releases(site):
            wanted = wanted_of(release)
            decision = decide(found[site][release.name], wanted, now, known=True)
            if decision.act is Act.REFUSE:
                said = recovery.refusal(cluster, wanted, decision)
                problems.append(Problem(plan.settings.file, f"bus:sites.{site}.namespace", cluster.namespace, said))
    return problems
