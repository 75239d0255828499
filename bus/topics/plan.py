"""What a change to topics does, decided from what is live and what is wanted; nothing here talks to a broker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Topic:
    """A topic, live or wanted; `configs` only what is set on the topic itself, never what it inherits."""

    name: str
    partitions: int
    replication_factor: int
    configs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """What turns a live topic into the wanted one."""

    wanted: Topic
    create: bool = False
    grow_to: int | None = None
    configs: Mapping[str, str | None] = field(default_factory=dict)
    """config -> new value; None gives it back to the broker's default"""
    refused: Mapping[str, str] = field(default_factory=dict)
    """property -> why it would lose messages or cannot be"""

    @property
    def is_nothing(self) -> bool:
        """Whether live and wanted are the same."""
        return not (self.create or self.grow_to or self.configs or self.refused)


def from_props(topics: Mapping[str, Mapping[str, Any]]) -> dict[str, Topic]:
    """Topics from a resource's property; numbers arrive as floats from Pulumi."""
    return {
        name: Topic(name, int(t["partitions"]), int(t["replicationFactor"]), dict(t.get("configs") or {}))
        for name, t in topics.items()
    }


def to_props(topics: Mapping[str, Topic]) -> dict[str, dict[str, Any]]:
    """The reverse of `from_props`."""
    return {
        name: {"partitions": t.partitions, "replicationFactor": t.replication_factor, "configs": dict(t.configs)}
        for name, t in topics.items()
    }


def plan(live: Topic | None, wanted: Topic, brokers: int) -> Change:
    """What turns `live` into `wanted`; refusals instead of anything that would lose messages."""
    if wanted.replication_factor > brokers:
        reason = (
            f"{wanted.name}: replication factor {wanted.replication_factor} exceeds the {brokers} broker(s) "
            f"of the site; allowed: 1 to {brokers}"
        )
        return Change(wanted, refused={"replicationFactor": reason})
    if live is None:
        return Change(wanted, create=True)
    refused = {}
    if wanted.partitions < live.partitions:
        refused["partitions"] = (
            f"{wanted.name}: partitions {live.partitions} -> {wanted.partitions}, a topic can only grow; "
            f"keep {live.partitions}, or make a new topic (docs/topics.md)"
        )
    if wanted.replication_factor != live.replication_factor:
        refused["replicationFactor"] = (
            f"{wanted.name}: replication factor {live.replication_factor} -> {wanted.replication_factor} needs a "
            f"partition reassignment, which bus does not do yet; keep {live.replication_factor}, or reassign with "
            f"kafka-reassign-partitions and run again (docs/topics.md)"
        )
    return Change(
        wanted,
        grow_to=wanted.partitions if wanted.partitions > live.partitions else None,
        configs={
            key: wanted.configs.get(key)
            for key in sorted(live.configs.keys() | wanted.configs.keys())
            if live.configs.get(key) != wanted.configs.get(key)
        },
        refused=refused,
    )
