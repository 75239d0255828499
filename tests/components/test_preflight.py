"""Before anything is touched: all sites are asked side by side, within bounds, and no problem hides another one."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from bus.cluster import reachable
from bus.cluster.access import Cluster, Unreachable
from bus.deployment import Deployment, Release
from bus.errors import InvalidInput
from bus.plan import build
from bus.releases.compare import preview, previews
from bus.releases.compare.preview import ReleasePreview
from bus.releases.recovery import records
from bus.releases.recovery.state import Revision
from bus.releases.render import rendering
from bus.running import comparing
from components import preflight
from tests.support import fleet
from tests.support.concurrency import Gauge, Meeting

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    """Central and 39 complexes: more than are asked at a time."""
    return build.plan(ROOT, fleet.load(fleet.fleet_config(39)))


class Clusters:
    """Clusters that a test stands in for, and what the run said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.said: list[str] = []
        monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
        monkeypatch.setattr(pulumi.log, "info", self.said.append)
        monkeypatch.setattr(pulumi.log, "warn", self.said.append)
        monkeypatch.setattr(rendering, "is_there", lambda: True)
        self.reach(lambda _: None)
        self.read(lambda _, names: {name: [] for name in names})
        self.compare(lambda *_: None)
        # What runs is compared in tests of its own.
        monkeypatch.setattr(comparing, "of_stack", lambda *_: comparing.Verdict())

    def reach(self, answer: Callable[[Cluster], None]) -> None:
        self._monkeypatch.setattr("bus.cluster.reachable.check_reachable", answer)

    def read(self, answer: Callable[[Cluster, Iterable[str]], dict[str, list[Revision]]]) -> None:
        self._monkeypatch.setattr(records, "read", answer)

    def compare(self, answer: Callable[..., ReleasePreview | None]) -> None:
        self._monkeypatch.setattr(preview, "preview", answer)


@pytest.fixture
def clusters(monkeypatch: pytest.MonkeyPatch) -> Clusters:
    return Clusters(monkeypatch)


def problems_of(deployment: Deployment) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        preflight.run(deployment, {})
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize("question", ["reach", "read", "compare"])
def test_slow_clusters_are_asked_side_by_side(question: str, deployment: Deployment, clusters: Clusters) -> None:
    meeting = Meeting(8)

    def asked(*given: Any) -> Any:
        meeting.wait()
        return {name: [] for name in given[1]} if question == "read" else None

    getattr(clusters, question)(asked)
    preflight.run(deployment, {})


@pytest.mark.parametrize(
    ("question", "bound"),
    [("reach", reachable.SITES_AT_ONCE), ("read", reachable.SITES_AT_ONCE), ("compare", previews.RELEASES_AT_ONCE)],
)
def test_no_more_than_the_bound_are_asked_at_a_time(
    question: str, bound: int, deployment: Deployment, clusters: Clusters
) -> None:
    gauge = Gauge()

    def asked(*given: Any) -> Any:
        with gauge:
            time.sleep(0.02)
            return {name: [] for name in given[1]} if question == "read" else None

    getattr(clusters, question)(asked)
    preflight.run(deployment, {})
    assert 1 < gauge.most <= bound


def foreign(release: str) -> Revision:
    return Revision(release, 1, "deployed", f"sh.helm.release.v1.{release}.v1", "another", "1.0", "", datetime.now(UTC))


def test_no_problem_of_a_site_hides_those_of_another(deployment: Deployment, clusters: Clusters) -> None:
    def reach(cluster: Cluster) -> None:
        if cluster.namespace == "hicksonc001":
            raise Unreachable("no route")

    def read(cluster: Cluster, names: Iterable[str]) -> dict[str, list[Revision]]:
        time.sleep(0.1 if cluster.namespace == "hicksonc002" else 0)
        if cluster.namespace in ("hicksonc002", "hicksonc003"):
            raise Unreachable(f"secrets of {cluster.namespace} are forbidden")
        other = cluster.namespace == "hicksonc004"
        return {name: [foreign(name)] if other and name.startswith("base") else [] for name in names}

    def compare(site: str, release: Release, *_: object) -> ReleasePreview | None:
        if site == "c005":
            raise rendering.NoHelm(f"helm cannot render {release.name}")
        refused = "its record would be too large" if site == "c006" and release.name == "c006" else ""
        return ReleasePreview(site, release.name, True, refused=refused)

    clusters.reach(reach)
    clusters.read(read)
    clusters.compare(compare)
    said = problems_of(deployment)
    parts = [
        "bus:sites.c001: the cluster of c001 cannot be reached: no route",
        "bus:sites.c002: the cluster of c002 cannot be reached: secrets of hicksonc002 are forbidden",
        "bus:sites.c003: the cluster of c003 cannot be reached: secrets of hicksonc003 are forbidden",
        "bus:sites.c004.namespace = 'hicksonc004': release base",
        *(f"site c005: helm cannot render {release.name}" for release in deployment.releases("c005")),
        "site c006: its record would be too large",
    ]
    assert len(said) == len(parts), said
    assert all(part in line for part, line in zip(parts, said, strict=True)), said
    heads = [line.split("\n")[0] for line in clusters.said if "is new" in line]
    sound = [site for site in deployment.sites if site not in ("c001", "c002", "c003", "c004", "c005")]
    assert heads == [
        f"{site}: release {release.name} is new: none of its objects, only files or values of its chart"
        for site in sound
        for release in deployment.releases(site)
    ], "what changes is shown in the order of the sites, whichever was asked first"


def test_a_deployment_collects_them_too(
    deployment: Deployment, clusters: Clusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)

    def read(cluster: Cluster, names: Iterable[str]) -> dict[str, list[Revision]]:
        if cluster.namespace == "hicksonc003":
            raise Unreachable("no answer")
        return {name: [foreign(name)] for name in names}

    clusters.read(read)
    said = problems_of(deployment)
    assert len(said) == 1 + sum(len(deployment.releases(site)) for site in deployment.sites if site != "c003")
    assert "the cluster of c003 cannot be reached: no answer" in said[0]


def test_helm_processes_are_bounded_however_many_releases_are_compared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gauge = Gauge()

    def run(*_: object, **__: object) -> Any:
        with gauge:
            time.sleep(0.02)
            return SimpleNamespace(returncode=0, stdout="", stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    threads = [threading.Thread(target=rendering.render, args=(tmp_path, "r", "n", {})) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 < gauge.most <= rendering.HELMS_AT_ONCE <= 4


def test_confirmed_deletions_are_looked_up_side_by_side(
    deployment: Deployment, clusters: Clusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = Meeting(8)

    def names(_plan: Deployment, site: str, _cluster: Cluster) -> list[str]:
        meeting.wait()
        if site == "c002":
            raise Unreachable("no broker")
        return []

    monkeypatch.setattr("bus.plan.confirmations._topics", names)
    confirmed = fleet.fleet_config(39) | {"bus:confirmDelete": {"topics": ["central/gone", "c002/gone"]}}
    preflight.run(build.plan(ROOT, fleet.load(confirmed)), {})
    (said,) = [line for line in clusters.said if "confirmDelete" in line]
    assert "central/gone" in said and "no topic of central has that name" in said


def test_the_order_of_problems_does_not_depend_on_time(deployment: Deployment, clusters: Clusters) -> None:
    def reach(cluster: Cluster) -> None:
        time.sleep(0.2 if cluster.namespace in ("hicksonc001", "hicksonc010") else 0)
        raise Unreachable(cluster.namespace)

    clusters.reach(reach)
    found = [line.split("cannot be reached: ")[1].split(";")[0] for line in problems_of(deployment)]
    assert found == [site.site.namespace for site in deployment.sites.values()]
