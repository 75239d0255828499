"""Real brokers behind forwards: clients reach them where the brokers say that they are, and sites do not meet."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from bus.cluster.access import Cluster
from bus.cluster.endpoints import kafka_servers
from bus.config.admin_listener import ANNOTATION, AdminListener, listener
from bus.topics.admin import Admin
from bus.topics.plan import Topic
from tests.support import kafka
from tests.support.forwarding import Pod, stand_in
from tests.support.processes import free_port

pytestmark = pytest.mark.servers


@contextmanager
def broker(found: AdminListener, name: str = "kafka-0") -> Iterator[tuple[kafka.Cluster, int]]:
    """A broker that listens on 127.0.0.1 and tells clients that it is where `found` says; and its real port."""
    ordinal = int(name.rsplit("-", 1)[1])
    with kafka.cluster(settings=f"advertised.listeners=PLAINTEXT://{found.of_broker(ordinal)}") as running:
        yield running, running.ports[0][0]


def topics(cluster: Cluster, admin_port: int, new: str = "") -> list[str]:
    """The topics that a client finds through the forwards, once it has made `new`."""
    with kafka_servers(cluster, admin_port) as servers:
        admin = Admin(servers.bootstrap)
        if new:
            assert admin.create([Topic(new, 1, 1)]) == (set(), {})
        return admin.names()


def test_a_broker_is_reached_at_the_loopback_address_of_its_site(monkeypatch: pytest.MonkeyPatch) -> None:
    found = listener("central", "hickson", None)
    with broker(found) as (_, port):
        pod = Pod("kafka-0", port, {ANNOTATION: f"{found.host}:{found.port}"})
        stand_in(monkeypatch, {"one": [pod]})
        another_port_by_now = 21000
        assert topics(Cluster("one"), another_port_by_now, new="t") == ["t"]
        assert pod.forwards == [(found.host, found.port)]


def test_sites_of_one_namespace_on_clusters_of_their_own_are_reached_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = {site: listener(site, "hickson", None) for site in ("c001", "c002")}
    assert places["c001"].port == places["c002"].port and places["c001"].host != places["c002"].host
    with ExitStack() as running:
        pods = {}
        for site, found in places.items():
            _, port = running.enter_context(broker(found))
            pods[site] = [Pod("kafka-0", port, {ANNOTATION: f"{found.host}:{found.port}"})]
        stand_in(monkeypatch, pods)
        clusters = {site: Cluster(site, namespace="hickson") for site in places}
        for site, cluster in clusters.items():
            topics(cluster, 0, new=f"of-{site}")
        with kafka_servers(clusters["c001"], 0) as one, kafka_servers(clusters["c002"], 0) as two:
            assert [Admin(servers.bootstrap).names() for servers in (one, two)] == [["of-c001"], ["of-c002"]]


def test_a_broker_of_an_earlier_version_is_reached_on_localhost(monkeypatch: pytest.MonkeyPatch) -> None:
    admin_port = free_port()
    with broker(AdminListener("localhost", admin_port)) as (_, port):
        pod = Pod("kafka-0", port)
        stand_in(monkeypatch, {"one": [pod]})
        assert topics(Cluster("one"), admin_port, new="t") == ["t"]
        assert pod.forwards == [("127.0.0.1", admin_port)]
