"""Before anything is touched: are the clusters there, and in which state are the releases?

Every question is asked of all sites side by side, within bounds. What is wrong with one site hides nothing of another:
all of it is refused at once, in the order of the sites.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pulumi

from bus.cluster.access import Cluster
from bus.cluster.kube import brokers_there
from bus.cluster.reachable import SITES_AT_ONCE, problem, unreachable
from bus.deployment import Deployment, Release
from bus.errors import InvalidInput, Problem
from bus.fan_out import Progress, fan_out
from bus.plan import confirmations
from bus.releases.compare import preview, previews
from bus.releases.recovery import prepare, records
from bus.releases.recovery.state import Act, Revision, decide, description
from bus.releases.render import rendering
from bus.running import comparing
from bus.users import switching
from components.release_hooks import wanted_of
from components.umbrella import CHARTS, STAGED


@dataclass(frozen=True)
class Live:
    """What a site's cluster says of it."""

    records: Mapping[str, list[Revision]]
    """release -> Helm's records of it"""
    brokers: tuple[int, bool, bool]
    """how many brokers are deployed, and whether they ask for a login; (0, False) where that does not matter"""


def run(deployment: Deployment, config: Mapping[str, str]) -> Deployment:
    """The plan with what the clusters say of its releases; nothing is changed yet.

    Raises InvalidInput where a cluster cannot be reached, a release is somebody else's, or what runs cannot become
    what is wanted without a loss (bus/running). `config` is Pulumi's flat config, for the kubeconfigs of sites.
    """
    now = datetime.now(UTC)
    clusters, problems = _reached(deployment, {site: deployment.cluster(site, config) for site in deployment.sites})
    asked = fan_out(
        clusters,
        lambda site: _live(deployment, site, clusters[site]),
        at_once=SITES_AT_ONCE,
        progress=Progress("releases of sites read", pulumi.log.info),
    )
    live = asked.values
    problems += [problem(deployment.settings, site, error) for site, error in asked.failures.items()]
    refused = {site: _judged(deployment, site, clusters[site], found, now) for site, found in live.items()}
    problems += [one for of_site in refused.values() for one in of_site]
    compared = comparing.of_stack(deployment, {site: clusters[site] for site in live}, CHARTS, pulumi.log.info)
    problems += compared.problems
    for said in compared.warnings:
        pulumi.log.warn(said)
    sound = {site: clusters[site] for site in live if not refused[site]}
    if pulumi.runtime.is_dry_run():
        problems += _shown(deployment, sound, live)
        if not problems:
            problems += _guarded(
                deployment, deployment.sites.keys() - clusters.keys()
            )  # the others were rendered to be shown
            for said in confirmations.of_stack(deployment, clusters):
                pulumi.log.warn(said)
    else:
        problems += _guarded(deployment, sound)
    if problems:
        raise InvalidInput(problems)

    def judged(site: str, release: Release) -> Release:
        if site not in clusters:
            return release
        said = description(live[site].records[release.name], wanted_of(release), now)
        return replace(release, cluster=clusters[site], description=said)

    return deployment.with_releases(judged)


def _reached(deployment: Deployment, clusters: Mapping[str, Cluster]) -> tuple[dict[str, Cluster], list[Problem]]:
    """The clusters that answer, and a problem for each one that does not and has to."""
    content = deployment.settings.stack_file
    away = unreachable(deployment.settings, clusters, Progress("sites reached", pulumi.log.info))
    everywhere = pulumi.runtime.is_dry_run() and content.allow_offline_preview
    missed = {site for site in away if not everywhere and site not in content.allow_offline}
    remedy = "to deploy the other sites meanwhile: bus:allowOffline (docs/operating.md)"
    problems = [replace(away[site], remedy=f"{away[site].remedy}; {remedy}") for site in away if site in missed]
    for site in away:
        if site not in missed:
            pulumi.log.warn(f"{away[site]}; topics, indices, releases and what runs there are not judged")
    return {site: cluster for site, cluster in clusters.items() if site not in away}, problems


def _live(deployment: Deployment, site: str, cluster: Cluster) -> Live:
    """Ask a site's cluster; raises Unreachable."""
    found = records.read(cluster, [release.name for release in deployment.releases(site)])
    several = deployment.sites[site].site.kafka.brokers > 1
    return Live(found, brokers_there(cluster) if several else (0, False, False))


def _judged(deployment: Deployment, site: str, cluster: Cluster, live: Live, now: datetime) -> list[Problem]:
    """What of a site cannot be deployed as its cluster is now."""
    return [*_switched(deployment, site, cluster, live), *_foreign(deployment, site, cluster, live, now)]


def _switched(deployment: Deployment, site: str, cluster: Cluster, live: Live) -> list[Problem]:
    """Brokers of one site that would have to talk to each other with a login and without one."""
    kafka = deployment.sites[site].site.kafka
    if said := switching.refusal(*live.brokers, kafka.authorization):
        remedy = switching.remedy(cluster.namespace)
        path = f"bus:sites.{site}.kafka.authorization"
        return [Problem(deployment.settings.file, path, kafka.authorization, said, remedy)]
    return []


def _foreign(deployment: Deployment, site: str, cluster: Cluster, live: Live, now: datetime) -> list[Problem]:
    """Releases in the site's namespace that are somebody else's."""
    problems = []
    for release in deployment.releases(site):
        wanted = wanted_of(release)
        decision = decide(live.records[release.name], wanted, now, known=True)
        if decision.act is Act.REFUSE:
            said = prepare.refusal(cluster, wanted, decision)
            problems.append(Problem(deployment.settings.file, f"bus:sites.{site}.namespace", cluster.namespace, said))
    return problems


def _shown(deployment: Deployment, clusters: Mapping[str, Cluster], live: Mapping[str, Live]) -> list[Problem]:
    """Says in a preview which objects of which releases change; returns what Helm could not render or keep."""
    if not rendering.is_there():
        pulumi.log.info("helm is not on PATH: which objects change is not shown, and what charts make is not checked")
        return []
    history = {site: found.records for site, found in live.items()}
    found = previews.of_stack(deployment, clusters, history, CHARTS, STAGED, pulumi.log.info)
    for one in found.changed:
        pulumi.log.info(preview.text(one))
        if said := preview.warning(one):
            pulumi.log.warn(said)
    return list(found.problems)


def _guarded(deployment: Deployment, sites: Collection[str]) -> list[Problem]:
    """Objects of releases that must not be applied; nothing is applied that could not be looked at."""
    if rendering.is_there():
        return previews.guarded(
            deployment, [site for site in deployment.sites if site in sites], CHARTS, STAGED, pulumi.log.info
        )
    if pulumi.runtime.is_dry_run() or not sites:
        return []
    allowed = f"what the charts make must be checked before it is applied: {rendering.MISSING}"
    return [Problem(deployment.settings.file, "", None, allowed)]
