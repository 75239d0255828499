"""What runs in a stack compared with what it wants, through the preflight, on clusters that are told here."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from bus.cluster.access import Cluster, Unreachable
from bus.errors import InvalidInput
from bus.plan import build
from bus.releases.recovery import records
from bus.releases.render import rendering
from components import preflight
from tests.support.stacks import load_stack

ROOT = Path(__file__).parents[2]


def named(name: str, raw: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(name=name, raw=raw)


def statefulset(name: str, image: str, replicas: int, *arguments: str) -> SimpleNamespace:
    container = {"name": name, "image": image, "args": list(arguments)}
    spec = {"replicas": replicas, "template": {"spec": {"containers": [container]}}}
    return named(name, {"metadata": {"name": name}, "spec": spec})


def pod(name: str, image: str) -> SimpleNamespace:
    owner = {"kind": "StatefulSet", "name": name.rpartition("-")[0]}
    status = {"conditions": [{"type": "Ready", "status": "True"}]}
    raw = {"metadata": {"name": name, "ownerReferences": [owner]}, "status": status}
    return named(name, {**raw, "spec": {"containers": [{"image": image}]}})


class Clusters:
    """What the API server lists: namespace -> kind -> objects; None where a user may not list them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.objects: dict[str, dict[str, list[Any] | None]] = {}
        self.away: set[str] = set()
        self.warned: list[str] = []
        monkeypatch.chdir(ROOT)
        monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
        monkeypatch.setattr(pulumi.log, "warn", self.warned.append)
        monkeypatch.setattr(records, "read", lambda _, names: {name: [] for name in names})
        monkeypatch.setattr(rendering, "is_there", lambda: False)
        monkeypatch.setattr("bus.cluster.reachable.check_reachable", self.check)
        monkeypatch.setattr("bus.cluster.kube.listed", self.listed)
        monkeypatch.setattr("bus.running.asking.version", lambda *_: None)
        monkeypatch.setattr("bus.running.images.Images._configured", lambda *_: None)

    def check(self, cluster: Cluster) -> None:
        if cluster.namespace in self.away:
            raise Unreachable("no route")

    def listed(self, cluster: Cluster, kind: str) -> list[Any] | None:
        if cluster.namespace in self.away:
            raise AssertionError("a site out of reach is not asked")
        return self.objects.get(cluster.namespace, {}).get(kind, [])

    def refused(self, **content: Any) -> list[str]:
        """What the preflight refuses of stack local."""
        loaded = load_stack("local")
        changed = replace(loaded, stack_file=loaded.stack_file.model_copy(update=content))
        try:
            preflight.run(build.plan(ROOT, changed), {})
        except InvalidInput as error:
            return [str(problem) for problem in error.problems]
        return []


@pytest.fixture
def clusters(monkeypatch: pytest.MonkeyPatch) -> Clusters:
    return Clusters(monkeypatch)


THREE = "-Ecluster.initial_master_nodes=es-0,es-1,es-2"


def test_every_site_is_judged_and_all_is_said_at_once(clusters: Clusters) -> None:
    for site, image in (("central", "17"), ("cinecity", "18")):
        postgres = f"dkr.isi.nc/sys-isi/postgres:{image}"
        sets = [statefulset("es", "dkr.isi.nc/sys-isi/elasticsearch:9.4.3", 3, THREE)]
        sets.append(statefulset("postgres", postgres, 1))
        clusters.objects[f"hickson{site}-local"] = {"statefulsets": sets, "pods": [pod("postgres-0", postgres)]}
    central, cinecity, postgres = clusters.refused()
    assert "bus:sites.central.elasticsearch.nodes = 1: a cluster of 3 nodes runs" in central
    assert "bus:sites.cinecity.elasticsearch.nodes = 1: a cluster of 3 nodes runs" in cinecity
    assert postgres.startswith(
        "values/postgres.yml: image = 'dkr.isi.nc/sys-isi/postgres:17': site cinecity: PostgreSQL"
    )
    assert "PostgreSQL 17 does not start on the files of 18:" in postgres
    assert not clusters.warned


def test_a_site_out_of_reach_is_not_judged_and_that_is_said(clusters: Clusters) -> None:
    clusters.objects["hicksoncinecity-local"] = {"statefulsets": [statefulset("es", "r/es:1", 3, THREE)]}
    clusters.away = {"hicksoncinecity-local"}
    assert not clusters.refused(allow_offline=("cinecity",))
    assert len(clusters.warned) == 1 and "what runs there are not judged" in clusters.warned[0]


def test_what_may_not_be_listed_is_said(clusters: Clusters) -> None:
    clusters.objects["hicksoncentral-local"] = {"statefulsets": [], "persistentvolumeclaims": None}
    assert not clusters.refused()
    assert clusters.warned == [
        "site central: this user may not list persistentvolumeclaims in hicksoncentral-local: whether nodes, brokers "
        "and versions may change as it is wanted is not fully judged"
    ]


def test_a_cluster_that_stops_answering_is_refused_and_hides_nothing_of_the_others(
    clusters: Clusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = [statefulset("es", "dkr.isi.nc/sys-isi/elasticsearch:9.4.3", 3, THREE)]
    clusters.objects["hicksoncinecity-local"] = {"statefulsets": sets}

    def listed(cluster: Cluster, kind: str) -> list[Any] | None:
        if cluster.namespace == "hicksoncentral-local":
            raise Unreachable("context c: timed out")
        return clusters.listed(cluster, kind)

    monkeypatch.setattr("bus.cluster.kube.listed", listed)
    nodes, silent = clusters.refused()
    assert "bus:sites.cinecity.elasticsearch.nodes" in nodes
    assert "bus:sites.central: what runs on central cannot be compared with what is wanted: context c: timed" in silent


def test_the_image_of_a_pod_that_is_not_ready_says_nothing_of_its_data(clusters: Clusters) -> None:
    broken = statefulset("postgres", "dkr.isi.nc/sys-isi/postgres:18", 1)
    clusters.objects["hicksoncentral-local"] = {"statefulsets": [broken]}
    assert not clusters.refused(), "the way back from a wrong image"
    (said,) = clusters.warned
    assert "no pod of it is ready" in said and "is not judged" in said
