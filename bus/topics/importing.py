"""Fragments of topics that a live cluster has and no brick declares; pure."""

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from bus.config.stack_file import Kind
from bus.topics.configs import CONFIGS
from bus.topics.plan import Topic

# Made by MirrorMaker 2 and Kafka Connect for themselves, never by a brick.
_OF_TOOLS = ("heartbeats", "*.heartbeats", "mm2-*", "*.internal", "*.checkpoints.internal", "connect-*", "_*")


def undeclared(live: Collection[str], declared: Collection[str], globs: Sequence[str]) -> list[str]:
    """Topics to write fragments of: nobody declares them, they fit a glob, and no tool keeps them for itself."""
    return sorted(
        name
        for name in live
        if name not in declared
        and any(fnmatchcase(name, glob) for glob in globs)
        and not any(fnmatchcase(name, glob) for glob in _OF_TOOLS)
    )


def fragment(topic: Topic, default_replication: int, kind: Kind) -> dict[str, Any]:
    """The entry that a preview shows no change of; only for the kind of site that the topic was found on."""
    entry: dict[str, Any] = {"name": topic.name, "partitions": topic.partitions}
    if topic.replication_factor != default_replication:
        entry["replicationFactor"] = topic.replication_factor
    if topic.configs:
        entry["configs"] = {key: _as_written(value) for key, value in sorted(topic.configs.items())}
    return entry | {"sites": [kind]}


def unfit(topic: Topic) -> str | None:
    """Why a topic cannot be declared as it is, or None."""
    least, most = topic.factors
    if least != most:
        return f"its partitions have {least} to {most} replicas: make them even first"
    unknown = sorted(topic.configs.keys() - CONFIGS.keys())
    return f"it has configs that Kafka 4.3 does not know: {', '.join(unknown)}" if unknown else None


def _as_written(text: str) -> object:
    """A number or a boolean as somebody would write it in YAML; everything else as text."""
    values: Mapping[str, object] = {"true": True, "false": False}
    if text.removeprefix("-").isdigit() and str(int(text)) == text:
        return int(text)
    return values.get(text, text)
