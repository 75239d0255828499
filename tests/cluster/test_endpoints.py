"""Forwards to a site's brokers: where they listen, what is said where they cannot, and that none holds up another."""

import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kr8s import objects as kr8s_objects

from bus.cluster import endpoints
from bus.cluster.access import Cluster, Unreachable
from bus.cluster.endpoints import kafka_servers
from bus.config.admin_listener import ANNOTATION
from tests.support.concurrency import SECONDS
from tests.support.forwarding import Forward, Pod, stand_in


@contextmanager
def taken(address: str) -> Iterator[int]:
    """A port of an address that somebody else has."""
    with socket.socket() as held:
        held.bind((address, 0))
        held.listen()
        yield held.getsockname()[1]


def at(host: str, port: int) -> dict[str, str]:
    return {ANNOTATION: f"{host}:{port}"}


def free_port(address: str) -> int:
    with taken(address) as port:
        return port


def test_each_broker_is_forwarded_to_where_its_own_pod_is_advertised(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the midst of a restart, and in any order: pods of before and after have other places."""
    new, old = free_port("127.9.9.9"), free_port("127.0.0.1")
    pods = [Pod("kafka-2", 1, at("127.9.9.9", new)), Pod("kafka-0", 1), Pod("kafka-1", 1, at("127.9.9.9", new))]
    stand_in(monkeypatch, {"one": pods})
    with kafka_servers(Cluster("one"), old) as found:
        assert found.bootstrap == f"localhost:{old},127.9.9.9:{new + 1},127.9.9.9:{new + 2}"
    assert [pod.forwards for pod in pods] == [[("127.9.9.9", new + 2)], [("127.0.0.1", old)], [("127.9.9.9", new + 1)]]


def test_brokers_that_the_runner_reaches_itself_are_not_forwarded(monkeypatch: pytest.MonkeyPatch) -> None:
    pod = Pod("kafka-0", 1)
    stand_in(monkeypatch, {"one": [pod]})
    with kafka_servers(Cluster("one", namespace="site", mode="direct"), 21000) as found:
        assert found.bootstrap == "kafka.site:9092"
    with kafka_servers(Cluster("nowhere"), 21000, "broker:9092") as found:
        assert found.bootstrap == "broker:9092"
    assert pod.forwards == []


def test_a_place_that_is_taken_is_named_with_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "_PORT_WAIT_SECONDS", 0.0)
    with taken("127.9.9.9") as port:
        stand_in(monkeypatch, {"one": [Pod("kafka-0", 1, at("127.9.9.9", port))]})
        with pytest.raises(Unreachable, match=rf"127\.9\.9\.9:{port} of this machine is taken .* kafka\.adminPort"):
            kafka_servers(Cluster("one"), 21000).__enter__()


def test_a_place_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run of bus for the same site is at it."""
    with taken("127.9.9.9") as port:
        pod = Pod("kafka-0", 1, at("127.9.9.9", port))
        stand_in(monkeypatch, {"one": [pod]})
        done = threading.Event()

        def second_run() -> None:
            with kafka_servers(Cluster("one"), 21000):
                done.set()

        threading.Thread(target=second_run, daemon=True).start()
        assert not done.wait(0.5)
    assert done.wait(SECONDS)


def test_who_waits_for_a_place_holds_up_no_other_site(monkeypatch: pytest.MonkeyPatch) -> None:
    with taken("127.9.9.9") as port:
        waiting, other = Pod("kafka-0", 1, at("127.9.9.9", port)), Pod("kafka-0", 1, at("127.9.9.8", port))
        stand_in(monkeypatch, {"waiting": [waiting], "other": [other]})
        opened, done = threading.Event(), threading.Event()
        first = Pod.portforward

        def portforward(pod: Pod, remote_port: int, local_port: int, address: str) -> Forward:
            opened.set()
            return first(pod, remote_port, local_port, address)

        monkeypatch.setattr(Pod, "portforward", portforward)

        def run(context: str) -> None:
            with kafka_servers(Cluster(context), 21000):
                done.set()

        threading.Thread(target=run, args=("waiting",), daemon=True).start()
        assert opened.wait(SECONDS)
        threading.Thread(target=run, args=("other",), daemon=True).start()
        assert done.wait(SECONDS), "the other site is held up"


@pytest.mark.parametrize(
    "said", [(errno.EADDRNOTAVAIL, "Can't assign requested address"), ("could not bind on any address out of [...]",)]
)
def test_a_machine_with_127_0_0_1_alone_is_told_the_ways_out(
    said: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def enter(_: Forward) -> Forward:
        raise OSError(*said)

    monkeypatch.setattr(Forward, "__enter__", enter)
    stand_in(monkeypatch, {"one": [Pod("kafka-0", 1, at("127.9.9.9", 20016))]})
    with pytest.raises(Unreachable) as unreachable:
        kafka_servers(Cluster("one"), 21000).__enter__()
    assert "sudo ifconfig lo0 alias 127.9.9.9" in str(unreachable.value)
    assert "kafka.adminPort: 20016" in str(unreachable.value)


def test_threads_share_one_forward_and_the_last_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port("127.9.9.9")
    pod = Pod("kafka-0", 1, at("127.9.9.9", port))
    stand_in(monkeypatch, {"one": [pod]})
    with kafka_servers(Cluster("one"), 21000) as first:
        with kafka_servers(Cluster("one"), 21000) as second:
            assert first == second
        with socket.socket() as probe:
            assert probe.connect_ex(("127.9.9.9", port)) == 0, "the first still uses it"
    assert pod.forwards == [("127.9.9.9", port)]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.9.9.9", port)) != 0


def test_kr8s_listens_at_that_address_and_at_no_other() -> None:
    pod = kr8s_objects.Pod(
        {"metadata": {"name": "kafka-0", "namespace": "site"}}, api=cast(Any, SimpleNamespace(_asyncio=False))
    )
    port = free_port("127.9.9.9")
    forward = endpoints._start(pod, 9094, "127.9.9.9", port)
    try:
        with socket.socket() as probe, pytest.raises(OSError, match="in use"):
            probe.bind(("127.9.9.9", port))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    finally:
        forward.__exit__(None, None, None)
    with socket.socket() as probe:
        probe.bind(("127.9.9.9", port))
