"""Fragments of topics that a live cluster has and no brick declares."""

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from bus.config.stack_file import Kind
from bus.topics.configs import CONFIGS
from bus.topics.plan import Topic

# Names that Kafka, MirrorMaker 2 and Kafka Connect make topics of, never a brick.
_OWN = ("heartbeats", "*.heartbeats", "mm2-*", "mm2*.internal", "*.checkpoints.internal", "__*")
# Names that they may have made, and a brick too: these are taken where somebody names them in full.
_MAYBE_OWN = ("*.internal", "connect-*", "_*")


def undeclared(live: Collection[str], declared: Collection[str], globs: Sequence[str]) -> list[str]:
    """Return the topics to write fragments of: nobody declares them, they fit a glob, and no tool has made them."""
    return sorted(name for name in live if name not in declared and _fits(name, globs) and not _of_tool(name, globs))


def left_out(live: Collection[str], declared: Collection[str], globs: Sequence[str]) -> list[str]:
    """Return a line for each group of topics that fit a glob and that no fragment is written of."""
    fitting = sorted(name for name in live if name not in declared and _fits(name, globs))
    own = [name for name in fitting if _is_any(name, _OWN)]
    maybe = [name for name in fitting if name not in own and _of_tool(name, globs)]
    lines = []
    if own:
        lines.append(f"left out, made by Kafka, MirrorMaker or Kafka Connect for themselves: {', '.join(own)}")
    if maybe:
        lines.append(
            f"left out, as Kafka Connect and other tools name topics so: {', '.join(maybe)}; for one of a brick, "
            f"name it in full: --match {maybe[0]}"
        )
    return lines


def _of_tool(name: str, globs: Sequence[str]) -> bool:
    return _is_any(name, _OWN) or (name not in globs and _is_any(name, _MAYBE_OWN))


def _fits(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def _is_any(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


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
    in_sync = topic.configs.get("min.insync.replicas", "1")
    if in_sync.isdecimal() and int(in_sync) > least:
        return (
            f"its min.insync.replicas {in_sync} exceeds its {least} replica(s), so every write with acks=all fails: "
            f"lower it to {least}, or add replicas, and import again"
        )
    if bad := [
        key for key, value in sorted(topic.configs.items()) if key in CONFIGS and not CONFIGS[key].accepts(value)
    ]:
        values = "; ".join(f"{key} {topic.configs[key]!r}, allowed: {CONFIGS[key].says}" for key in bad)
        return f"it has values that a fragment cannot have: {values}; change them first"
    unknown = sorted(topic.configs.keys() - CONFIGS.keys())
    return f"it has configs that Kafka 4.3 does not know: {', '.join(unknown)}" if unknown else None


def _as_written(text: str) -> object:
    """A number or a boolean as somebody would write it in YAML; everything else as text."""
    values: Mapping[str, object] = {"true": True, "false": False}
    if text.removeprefix("-").isdigit() and str(int(text)) == text:
        return int(text)
    return values.get(text, text)
