"""What runs in a stack compared with what it wants: every refusal and every warning of all sites, side by side."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from bus.cluster.access import Cluster, Unreachable
from bus.cluster.reachable import SITES_AT_ONCE
from bus.deployment import Deployment, SitePlan
from bus.errors import Problem
from bus.fan_out import Progress, fan_out
from bus.image_reference import Reference, pulled
from bus.images.registry.registries import sources
from bus.releases.render.values import brick_values
from bus.running import asking, mirrors, reading, sizes, versions, volumes
from bus.running.images import Images
from bus.running.live import MOST_VOTERS, Live, Workload
from bus.running.sizes import Finding
from bus.running.versions import Version


@dataclass
class Verdict:
    """What is refused, and what must be known although it is not."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, file: str, root: str, findings: Iterable[Finding]) -> None:
        """Adds findings, whose keys are below `root` of a file."""
        for finding in findings:
            problem = Problem(file, f"{root}{finding.key}", finding.wanted, finding.said, finding.remedy)
            if finding.refused:
                self.problems.append(problem)
            else:
                self.warnings.append(str(problem))


def of_stack(
    deployment: Deployment, clusters: Mapping[str, Cluster], charts: Path, say: Callable[[str], None]
) -> Verdict:
    """The verdict of every site whose cluster is in `clusters`; `say` gets a line now and then where it takes long."""
    content, verdict = deployment.settings.stack_file, Verdict()
    with Images(sources(content, charts.absolute().parent), content.images.versions) as images:

        def compared(name: str) -> Verdict:
            return _of_site(deployment, name, clusters[name], images, charts)

        progress = Progress("sites compared with what runs", say)
        sites = fan_out(clusters, compared, at_once=SITES_AT_ONCE, progress=progress)
    for found in sites.values.values():
        verdict.problems += found.problems
        verdict.warnings += found.warnings
    for name, error in sites.failures.items():
        said = f"what runs on {name} cannot be compared with what is wanted: {error}"
        path = f"bus:sites.{name}"
        verdict.problems.append(
            Problem(deployment.settings.file, path, None, said, "run the same again once it answers")
        )
    for name, finding in mirrors.judged(deployment, clusters, charts):
        verdict.add(deployment.settings.file, f"bus:sites.{name}.", [finding])
    return verdict


def _of_site(deployment: Deployment, name: str, cluster: Cluster, images: Images, charts: Path) -> Verdict:
    """The verdict of one site; raises Unreachable."""
    site, verdict, file = deployment.sites[name], Verdict(), deployment.settings.file
    live = reading.live(cluster)
    if live.hidden:
        verdict.warnings.append(
            f"site {name}: this user may not list {', '.join(live.hidden)} in {cluster.namespace}: whether nodes, "
            f"brokers and versions may change as it is wanted is not fully judged"
        )
    live = _asked(deployment, site, cluster, live)
    verdict.add(file, f"bus:sites.{name}.", sizes.judged(site.site, live))
    for brick, finding in _versions(deployment, site, cluster, live, images):
        told = replace(finding, said=f"site {name}: {finding.said}")
        verdict.add(f"values/{brick}.yml", "", [told])
    for brick, workload in _products(live).items():
        size = str(
            (brick_values(charts, site.base.chart, site.base.values, brick).get("persistence") or {}).get("size", "")
        )
        if found := volumes.judged(brick, cluster.namespace, size, workload):
            told = replace(found, said=f"site {name}: {found.said}")
            verdict.add(f"values/{brick}.yml", "values.", [told])
    return verdict


def _products(live: Live) -> dict[str, Workload]:
    """The products that have volumes, by their brick."""
    return {"kafka": live.kafka, "es": live.elasticsearch, "postgres": live.postgres}


def _asked(deployment: Deployment, site: SitePlan, cluster: Cluster, live: Live) -> Live:
    """The same with what only the servers know, where it is needed."""
    wanted = site.site.kafka
    if live.elasticsearch.nodes > 1 and len(live.elasticsearch.pods) > 1:
        live = replace(live, answers=asking.elasticsearch(cluster, live.elasticsearch.pods))
    if live.mode == "kraft" and live.kafka.pods and min(MOST_VOTERS, wanted.brokers) > live.voters:
        with suppress(Unreachable):
            found = asking.features(cluster, deployment.settings.admin_port(site.name), wanted.bootstrap_servers or "")
            live = replace(live, kraft_version=asking.kraft_version(found))
    return live


def _versions(
    deployment: Deployment, site: SitePlan, cluster: Cluster, live: Live, images: Images
) -> Iterator[tuple[str, Finding]]:
    """What is found of the wanted image of each product, against what runs of it."""
    for brick, workload in _products(live).items():
        image = site.base.images.get(brick)
        if image is None or not workload.members:
            continue
        current = _reference(workload.image)
        if versions.is_same(current, image.relocated(deployment.registry) if site.base.delivered else image):
            continue
        deployed = images.version(brick, current) if current else None
        running = _running(cluster, brick, workload, deployed)
        known = versions.Known(running, deployed, images.version(brick, image))
        if finding := versions.judged(brick, image, workload, known):
            yield brick, finding


def _running(cluster: Cluster, brick: str, workload: Workload, deployed: Version | None) -> Version | None:
    """The version that runs: as the servers say it, or as the image has it that they were started from."""
    if answered := asking.version(cluster, brick, workload):
        return answered
    if workload.replicas and not workload.pods:
        return None  # an image whose pods do not get ready has not shown that it can read the data
    return deployed


def _reference(image: str) -> Reference | None:
    try:
        return pulled(image) if image else None
    except ValueError:
        return None
