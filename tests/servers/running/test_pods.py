"""Pods that are asked through the API server: a command in one, and HTTP to each, by KWOK's own exec and forwards."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from bus.cluster import kube
from bus.cluster.access import Cluster, Unreachable
from bus.running import asking, reading
from bus.running.live import Answer, Live
from bus.running.sizes import split_clusters
from tests.support.fake_pods import NAMESPACE, answering, workload
from tests.support.kwok import control_plane

pytestmark = pytest.mark.servers


@contextmanager
def node(cluster_id: str, nodes: int) -> Iterator[int]:
    """A port that answers as an Elasticsearch node of a cluster does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = {"cluster_uuid": cluster_id, "version": {"number": "9.4.3"}, "number_of_nodes": nodes}
            content = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()


def forward(name: str, port: int) -> dict[str, object]:
    """Has what goes to port 9200 of a pod go to `port` of this machine."""
    selector = {"matchNamespaces": [NAMESPACE], "matchNames": [name]}
    forwards = [{"ports": [9200], "target": {"port": port, "address": "127.0.0.1"}}]
    spec = {"selector": selector, "forwards": forwards}
    return {"kind": "ClusterPortForward", "metadata": {"name": name}, "spec": spec}


def command(container: str, folder: Path) -> dict[str, object]:
    """Has commands in a container run on this machine, with PGDATA as `folder`."""
    local = {"workDir": str(folder), "envs": [{"name": "PGDATA", "value": str(folder)}]}
    spec = {"selector": {"matchNamespaces": [NAMESPACE]}, "execs": [{"containers": [container], "local": local}]}
    return {"kind": "ClusterExec", "metadata": {"name": container}, "spec": spec}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three pods of Elasticsearch in two clusters, and one of PostgreSQL whose data is of 17."""
    folder = tmp_path_factory.mktemp("asked")
    (folder / "PG_VERSION").write_text("17\n")
    with ExitStack() as stack:
        old, new = stack.enter_context(node("old", 1)), stack.enter_context(node("new", 2))
        plane = stack.enter_context(control_plane())
        extra = [forward("es-0", old), forward("es-1", new), forward("es-2", new), command("postgres", folder)]
        stack.enter_context(
            answering(plane, folder, [{"apiVersion": "kwok.x-k8s.io/v1alpha1", **one} for one in extra])
        )
        plane.command("kubectl", "create", "namespace", NAMESPACE)
        sets = yaml.safe_dump_all([workload("es", 3), workload("postgres", 1)])
        plane.command("kubectl", "apply", "-n", NAMESPACE, "-f", "-", stdin=sets)
        for name in ("es", "postgres"):
            plane.command("kubectl", "rollout", "status", f"statefulset/{name}", "-n", NAMESPACE, "--timeout=90s")
        yield plane.cluster(NAMESPACE)


def test_nodes_in_two_clusters_behind_one_service_are_told_apart(cluster: Cluster) -> None:
    live = reading.live(cluster)
    answers = asking.elasticsearch(cluster, live.elasticsearch.pods)
    assert answers == {"es-0": Answer("old", 1), "es-1": Answer("new", 2), "es-2": Answer("new", 2)}
    assert split_clusters(Live(answers=answers))


def test_a_pod_says_the_version_that_runs_or_wrote_its_data(cluster: Cluster) -> None:
    live = reading.live(cluster)
    elasticsearch = asking.version(cluster, "es", live.elasticsearch)
    postgres = asking.version(cluster, "postgres", live.postgres)
    assert elasticsearch and (str(elasticsearch), elasticsearch.source) == ("9.4.3", "es-0 itself")
    assert postgres and (str(postgres), postgres.source) == ("17", "the data of postgres-0")


def test_a_command_that_fails_says_nothing(cluster: Cluster) -> None:
    _, (pod,) = kube.ready_pods(cluster, "postgres")
    with pytest.raises(Unreachable):
        kube.told(cluster, pod, "postgres", "cat", "/nothing/there")
