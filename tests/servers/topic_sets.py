"""Properties of a TopicSet as a test writes them, and a cluster with nothing in it."""

import time
from typing import Any

from bus.topics.admin import Admin
from tests.servers.kafka import Cluster


def emptied(kafka: Cluster) -> Admin:
    """The client of a cluster whose brokers are all registered, after every topic of earlier tests is deleted."""
    admin = Admin(kafka.bootstrap)
    deadline = time.monotonic() + 60
    while len(admin.racks()) < len(kafka.ports) and time.monotonic() < deadline:
        time.sleep(0.2)
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
