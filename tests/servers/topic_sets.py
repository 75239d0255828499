"""Properties of a TopicSet as a test writes them."""

from typing import Any

from tests.servers.kafka import Cluster


def topic(partitions: int = 1, factor: int = 1, **configs: str) -> dict[str, Any]:
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
