"""A set of topics in its provider process beside a broker with nothing in it, and its properties as a test writes them.

The fixtures are known to every module of this folder (conftest.py); one that wants another cluster has its own `kafka`.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer
from pulumi.dynamic import Config, ConfigureRequest

from bus.topics.admin import Admin
from components.providers.topics import TopicSetProvider
from tests.support.dynamic import Broken, Host, Refused, host
from tests.support.kafka import Cluster, cluster


@pytest.fixture(scope="module")
def kafka() -> Iterator[Cluster]:
    with cluster(1) as running:
        yield running


@pytest.fixture
def admin(kafka: Cluster) -> Admin:
    return emptied(kafka)


@pytest.fixture(scope="module")
def process() -> Iterator[Host]:
    with host(TopicSetProvider()) as running:
        yield running


@pytest.fixture
def provider(process: Host, admin: Admin) -> Host:
    process.inputs, process.outputs, process.id, process.is_partial = {}, {}, "", False
    return process


def inside() -> TopicSetProvider:
    """The provider in the test's own process, where the clients that it uses can be patched."""
    made = TopicSetProvider()
    made.configure(ConfigureRequest(Config({}, "test")))
    return made


def emptied(kafka: Cluster) -> Admin:
    """The client of a cluster whose brokers are all registered, after every topic of earlier tests is deleted."""
    admin = Admin(kafka.bootstrap)
    assert eventually(lambda: len(admin.racks()) == len(kafka.ports)), f"brokers {sorted(admin.racks())} alone"
    admin.delete(admin.names())
    return admin


def topic(partitions: int = 1, *, factor: int = 1, **configs: Any) -> dict[str, Any]:
    """A topic of the set; configs are given with _ for each dot."""
    settings = {key.replace("_", "."): value for key, value in configs.items()}
    return {"partitions": partitions, "replicationFactor": factor, "configs": settings}


def props(kafka: Cluster, topics: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The inputs of the set, as components/bus.py gives them."""
    return {
        "site": "central",
        "namespace": "central-test",
        "context": "",
        "mode": "direct",
        "adminPort": 9094,
        "bootstrapServers": kafka.bootstrap,
        "brokers": len(kafka.ports),
        "topics": topics,
        "elsewhere": [],
        "confirmDelete": [],
        "mirrored": {},
        "reassignmentBytesPerSecond": 50_000_000,
        **more,
    }


def produce(kafka: Cluster, name: str, count: int = 5) -> None:
    """Records that all arrived."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    failed: list[object] = []
    for number in range(count):
        producer.produce(name, b"x", key=str(number), on_delivery=lambda e, _: failed.append(e) if e else None)
    assert producer.flush(300) == 0
    assert not failed


def is_done(provider: Host, wanted: dict[str, Any]) -> bool:
    """Whether a run ends well."""
    try:
        provider.up(wanted)
    except (Broken, Refused):
        return False
    return True


def eventually(look: Callable[[], bool], seconds: float = 300) -> bool:
    """Whether `look` becomes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if look():
            return True
        time.sleep(0.2)
    return False
