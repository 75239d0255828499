"""Topics as the bricks declare them: fragments of values/<brick>.yml, merged over all bricks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from bus import fragments
from bus.errors import Problem
from bus.fragments import Block, Fragments, Owned, collect, unowned
from bus.settings import Kind

Scalar = bool | int | float | str
_BLOCK = Block("topics", "topic", "produces")
_LEGAL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
_MAX_LENGTH = 249  # org.apache.kafka.common.internals.Topic.MAX_NAME_LENGTH


class Fragment(fragments.Fragment):
    """One topic of one brick's file."""

    name: str = Field(min_length=1, description="letters, digits, '.', '_' and '-', 249 at most")
    partitions: int | None = Field(None, ge=1, le=10_000, description="number of partitions; default 1")
    replication_factor: int | None = Field(None, ge=1, le=15, description="default: the site's")
    configs: dict[str, Scalar | list[str]] = Field(
        default_factory=dict, description="topic configs, as Kafka names them"
    )


@dataclass(frozen=True)
class Topic:
    """A topic as all fragments together want it."""

    name: str
    partitions: int
    replication_factor: int | None
    configs: Mapping[str, str]
    sites: tuple[Kind, ...] | None
    producers: tuple[str, ...]
    file: str

    def applies_to(self, kind: Kind) -> bool:
        """Whether sites of this kind have the topic."""
        return self.sites is None or kind in self.sites

    def beyond(self, brokers: int, default: int, site: str) -> list[Problem]:
        """What the brokers of a site cannot hold: more replicas than brokers, or more in-sync ones than replicas."""
        replicas = self.replication_factor or default
        path = f"topics.{self.name}.replicationFactor"
        if replicas > brokers:
            allowed = f"exceeds the {brokers} broker(s) of site {site}; allowed: 1 to {brokers}"
            return [Problem(self.file, path, replicas, allowed, "lower it, restrict sites, or raise kafka.brokers")]
        in_sync = self.configs.get("min.insync.replicas", "1")
        if in_sync.isdigit() and int(in_sync) > replicas:
            path = f"topics.{self.name}.configs.min.insync.replicas"
            allowed = f"exceeds the replication factor {replicas} on site {site}: every write with acks=all would fail"
            return [Problem(self.file, path, in_sync, allowed, f"allowed: 1 to {replicas}")]
        return []

    def wanted(self, default_replication: int) -> dict[str, Any]:
        """The topic as a resource takes it: partitions, replicationFactor, configs."""
        return {
            "partitions": self.partitions,
            "replicationFactor": self.replication_factor or default_replication,
            "configs": dict(self.configs),
        }


def merge_fragments(files: Fragments) -> tuple[list[Topic], list[Problem]]:
    """All topics of all bricks, sorted by name, and everything that is wrong with them."""
    owned, consumed, problems = collect(_BLOCK, Fragment, files, _illegal, _differing)
    problems += unowned(_BLOCK, consumed, owned.keys())
    problems += _collisions({name: owner.file for name, owner in owned.items()})
    return sorted((_topic(owner) for owner in owned.values()), key=lambda topic: topic.name), problems


def config_text(value: Scalar | list[str]) -> str:
    """A config value as a broker keeps it: booleans in lower case, lists joined by commas, 1e3 as 1000."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _topic(owner: Owned[Fragment]) -> Topic:
    fragment = owner.fragment
    return Topic(
        name=fragment.name,
        partitions=fragment.partitions or 1,
        replication_factor=fragment.replication_factor,
        configs={key: config_text(value) for key, value in sorted(fragment.configs.items())},
        sites=fragment.sites,
        producers=(owner.brick,),
        file=owner.file,
    )


def _illegal(fragment: Fragment, file: str, path: str) -> list[Problem]:
    """Rules of org.apache.kafka.common.internals.Topic, and of the configs that a topic may have."""
    name, problems = fragment.name, []
    place = f"{path}.name"
    if not set(name) <= _LEGAL or name in (".", "..") or len(name) > _MAX_LENGTH:
        allowed = f"is no topic name; allowed: letters, digits, '.', '_' and '-', {_MAX_LENGTH} characters at most"
        problems.append(Problem(file, place, name, allowed))
    if name.startswith("__"):
        problems.append(Problem(file, place, name, "is the name of an internal topic of Kafka", "choose another name"))
    for key, value in fragment.configs.items():
        rule = CONFIGS.get(key)
        if rule is None:
            allowed = f"is no topic config of Kafka; known: {', '.join(sorted(CONFIGS))}"
            problems.append(Problem(file, f"{path}.configs.{key}", None, allowed))
        elif not rule[1](config_text(value)):
            problems.append(Problem(file, f"{path}.configs.{key}", value, f"must be {rule[0]}"))
    return problems


def _differing(first: Fragment, second: Fragment) -> str:
    theirs, mine = first.model_dump(by_alias=True), second.model_dump(by_alias=True)
    differing = [f"{key} {theirs[key]!r} there, {mine[key]!r} here" for key in mine if mine[key] != theirs[key]]
    return f" ({'; '.join(differing)})" if differing else ""


def _collisions(files: Mapping[str, str]) -> list[Problem]:
    """a.b and a_b share their metric names, so brokers refuse the second: KAFKA-1481."""
    seen: dict[str, str] = {}
    problems = []
    for name in sorted(files):
        other = seen.setdefault(name.replace(".", "_"), name)
        if other != name:
            allowed = f"collides with {other} ({files[other]}): brokers take '.' and '_' for the same"
            problems.append(Problem(files[name], "topics", name, allowed, "rename one"))
    return problems


def _integer(low: int, high: int = 2**63 - 1) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        return text.removeprefix("-").isdigit() and low <= int(text) <= high

    return check


def _one_of(*allowed: str) -> tuple[str, Callable[[str], bool]]:
    return f"one of {', '.join(allowed)}", lambda text: text in allowed


def _ratio(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False


_BOOLEAN = _one_of("true", "false")
_FROM_ZERO = ("a whole number, 0 or more", _integer(0))
_FROM_ONE = ("a whole number, 1 or more", _integer(1))
_UNLIMITED = ("a whole number, -1 for no limit", _integer(-1))
_TEXT: tuple[str, Callable[[str], bool]] = ("text", lambda text: True)

# Configs of a topic in Kafka 4.3, and two that older brokers have: https://kafka.apache.org/documentation/#topicconfigs
CONFIGS: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    "cleanup.policy": (
        "delete, compact, or both",
        lambda text: bool(text) and set(text.split(",")) <= {"delete", "compact"},
    ),
    "compression.gzip.level": ("-1, or 1 to 9", lambda text: text == "-1" or _integer(1, 9)(text)),
    "compression.lz4.level": ("1 to 17", _integer(1, 17)),
    "compression.type": _one_of("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
    "compression.zstd.level": ("-131072 to 22", _integer(-131072, 22)),
    "delete.retention.ms": _FROM_ZERO,
    "file.delete.delay.ms": _FROM_ZERO,
    "flush.messages": _FROM_ONE,
    "flush.ms": _FROM_ZERO,
    "follower.replication.throttled.replicas": _TEXT,
    "index.interval.bytes": _FROM_ZERO,
    "leader.replication.throttled.replicas": _TEXT,
    "local.retention.bytes": ("a whole number, -2 for that of retention.bytes", _integer(-2)),
    "local.retention.ms": ("a whole number, -2 for that of retention.ms", _integer(-2)),
    "max.compaction.lag.ms": _FROM_ONE,
    "max.message.bytes": _FROM_ZERO,
    "message.downconversion.enable": _BOOLEAN,
    "message.format.version": _TEXT,
    "message.timestamp.after.max.ms": _FROM_ZERO,
    "message.timestamp.before.max.ms": _FROM_ZERO,
    "message.timestamp.difference.max.ms": _FROM_ZERO,
    "message.timestamp.type": _one_of("CreateTime", "LogAppendTime"),
    "min.cleanable.dirty.ratio": ("a number from 0 to 1", _ratio),
    "min.compaction.lag.ms": _FROM_ZERO,
    "min.insync.replicas": _FROM_ONE,
    "preallocate": _BOOLEAN,
    "remote.log.copy.disable": _BOOLEAN,
    "remote.log.delete.on.disable": _BOOLEAN,
    "remote.storage.enable": _BOOLEAN,
    "retention.bytes": _UNLIMITED,
    "retention.ms": _UNLIMITED,
    "segment.bytes": ("a whole number, 14 or more", _integer(14, 2**31 - 1)),
    "segment.index.bytes": ("a whole number, 4 or more", _integer(4, 2**31 - 1)),
    "segment.jitter.ms": _FROM_ZERO,
    "segment.ms": _FROM_ONE,
    "unclean.leader.election.enable": _BOOLEAN,
}
