"""What a change to topics does, decided from what is live and what is wanted; nothing here talks to a broker."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bus.topics.configs import THROTTLED
from bus.topics.spelling import canonical

DOCS = "docs/topics.md"
_PUT_BACK = "the next change of this site's topics puts it back, and so does pulumi up --refresh"


@dataclass(frozen=True)
class Topic:
    """A topic, live or wanted; `configs` only what is set on the topic itself, never what it inherits."""

    name: str
    partitions: int
    replication_factor: int
    """of a live topic, that of its least replicated partition"""
    configs: Mapping[str, str] = field(default_factory=dict)
    replicas: Mapping[int, tuple[int, ...]] = field(default_factory=dict, compare=False, repr=False)
    """live only: partition -> its brokers, the preferred leader first"""
    inherited: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """live only: what the brokers' settings and defaults give it"""
    unfinished: bool = field(default=False, compare=False, repr=False)
    """live only: a reassignment that was cut off has left its throttle on the topic"""
    is_led: bool = field(default=True, compare=False, repr=False)
    """live only: whether each partition had a leader, and so could be written to and read"""

    def __post_init__(self) -> None:
        """Spell each config as brokers do, so that equal values are equal texts."""
        object.__setattr__(self, "configs", {key: canonical(key, value) for key, value in self.configs.items()})

    @property
    def factors(self) -> tuple[int, int]:
        """Replicas of its least and of its most replicated partition."""
        counts = [len(brokers) for brokers in self.replicas.values()] or [self.replication_factor]
        return min(counts), max(counts)

    def effective(self, key: str) -> str | None:
        """The value in force of a config: the topic's own, or an inherited one."""
        return self.configs.get(key, self.inherited.get(key))

    def is_as(self, wanted: "Topic") -> bool:
        """Whether a live topic is what is wanted, on every partition."""
        return self == wanted and self.factors == (wanted.replication_factor, wanted.replication_factor)


@dataclass(frozen=True)
class Change:
    """What turns a live topic into the wanted one."""

    wanted: Topic
    create: bool = False
    grow_to: int | None = None
    configs: Mapping[str, str | None] = field(default_factory=dict)
    """config -> new value; None gives it back to the broker's default"""
    replicate: bool = False
    """its partitions move to other brokers, or a move that was cut off is finished"""
    refused: Mapping[str, str] = field(default_factory=dict)
    """property -> why it would lose messages or cannot be"""
    warned: tuple[str, ...] = ()
    """what is done, and should be known beforehand"""

    @property
    def is_nothing(self) -> bool:
        """Whether live and wanted are the same."""
        return not (self.create or self.grow_to or self.configs or self.replicate or self.refused)


def shown(name: str, replicas: Mapping[int, tuple[int, ...]], own: Mapping[str, str], **more: Any) -> Topic:
    """A live topic from what a broker shows: the brokers of each partition, and the configs set on the topic itself."""
    return Topic(
        name,
        len(replicas),
        min((len(brokers) for brokers in replicas.values()), default=0),
        {key: value for key, value in own.items() if key not in THROTTLED},
        replicas=replicas,
        unfinished=any(own.get(key) for key in THROTTLED),
        **more,
    )


def from_props(topics: Mapping[str, Mapping[str, Any]]) -> dict[str, Topic]:
    """Topics from a resource's property; numbers arrive as floats from Pulumi."""
    return {
        name: Topic(name, int(t["partitions"]), int(t["replicationFactor"]), dict(t.get("configs") or {}))
        for name, t in topics.items()
    }


def to_props(topics: Mapping[str, Topic]) -> dict[str, dict[str, Any]]:
    """The reverse of `from_props`; a live topic whose partitions differ in replicas says so as text: 1 to 3."""
    props = {}
    for name, topic in topics.items():
        least, most = topic.factors
        factor = topic.replication_factor if least == most else f"{least} to {most}"
        props[name] = {
            "partitions": topic.partitions,
            "replicationFactor": factor,
            "configs": dict(topic.configs),
        }
    return props


def plan(live: Topic | None, wanted: Topic, brokers: int) -> Change:
    """What turns `live` into `wanted`; refusals instead of anything that would lose messages."""
    refused = _impossible(wanted, brokers)
    if live is None:
        return Change(wanted, create=not refused, refused=refused)
    if wanted.partitions < live.partitions:
        refused["partitions"] = (
            f"{wanted.name}: partitions {live.partitions} -> {wanted.partitions}, a topic can only grow; "
            f"keep {live.partitions}, or make a new topic ({DOCS})"
        )
    grows = wanted.partitions > live.partitions
    moves = live.unfinished or live.factors != (wanted.replication_factor, wanted.replication_factor)
    return Change(
        wanted,
        grow_to=wanted.partitions if grows else None,
        configs={
            key: wanted.configs.get(key)
            for key in sorted(live.configs.keys() | wanted.configs.keys())
            if live.configs.get(key) != wanted.configs.get(key)
        },
        replicate=moves and "replicationFactor" not in refused,
        refused=refused,
        warned=(_growth(live, wanted) if grows else ()) + _compaction(live, wanted),
    )


def differences(before: Topic, after: Topic) -> str:
    """How two states of a topic differ, property by property, with both values."""
    factors = [str(least) if least == most else f"{least} to {most}" for least, most in (before.factors, after.factors)]
    keys = sorted(before.configs.keys() | after.configs.keys())
    values = [
        ("partitions", str(before.partitions), str(after.partitions)),
        ("replicationFactor", *factors),
        *((key, before.configs.get(key, "unset"), after.configs.get(key, "unset")) for key in keys),
    ]
    return ", ".join(f"{key} {old} -> {new}" for key, old, new in values if old != new)


def all_as(live: Mapping[str, Topic], expected: Mapping[str, Topic]) -> bool:
    """Whether all that is expected is live, and so."""
    return all(name in live and live[name].is_as(topic) for name, topic in expected.items())


def unwritten(live: Topic | None, wanted: Topic, seconds: float) -> str:
    """Why a topic that was written counts as failed: brokers do not show it so."""
    if live is None:
        return f"not as written after {seconds:.0f} s: it is not shown at all; are all brokers up? Then run again"
    if replace(live, configs={}).is_as(replace(wanted, configs={})) and live.configs.keys() == wanted.configs.keys():
        kept = {key: value for key, value in live.configs.items() if value != wanted.configs[key]}
        said = ", ".join(
            f"{key} {wanted.configs[key]} was written, and the brokers keep {v}" for key, v in kept.items()
        )
        remedy = ", ".join(f"{key}: {value!r}" for key, value in kept.items())
        return (
            f"not as written after {seconds:.0f} s: {said}; another run alone changes nothing: write what they keep "
            f"into the topic's fragment ({remedy}), or find out who else sets it"
        )
    return (
        f"not as written after {seconds:.0f} s: {differences(live, wanted)} is not shown; are all brokers up, and does "
        f"nobody else change it? Then run again"
    )


def surprises(
    last: Mapping[str, Topic], live: Mapping[str, Topic], wanted: Mapping[str, Topic], site: str
) -> list[str]:
    """What no difference of properties can show: how topics that are taken over change, and what was changed by hand.

    `last` is what the stack wanted before: a difference of properties is one between `last` and `wanted`.
    """
    said = []
    for name, topic in sorted(wanted.items()):
        if name not in last:
            if name in live and (differs := differences(live[name], topic)):
                said.append(f"{name} exists on {site} and is taken over: {differs}")
        elif name not in live:
            said.append(f"{name} of {site} is gone; {_PUT_BACK}")
        elif differs := differences(last[name], live[name]):
            said.append(f"{name} of {site} is not as it was last wanted: {differs}; {_PUT_BACK}")
    return said


def too_few(factor: int, alive: int) -> str:
    """Why a topic cannot get so many replicas now, whatever the stack file says."""
    return f"{factor} replicas need as many brokers, {alive} answer; bring the missing brokers back, and run again"


def _impossible(wanted: Topic, brokers: int) -> dict[str, str]:
    """What no broker could hold, whatever is live."""
    refused = {}
    factor, in_sync = wanted.replication_factor, wanted.configs.get("min.insync.replicas", "1")
    if factor > brokers:
        refused["replicationFactor"] = (
            f"{wanted.name}: replication factor {factor} exceeds the {brokers} broker(s) "
            f"of the site; allowed: 1 to {brokers}"
        )
    if in_sync.isdecimal() and int(in_sync) > factor:
        refused["configs.min.insync.replicas"] = (
            f"{wanted.name}: min.insync.replicas {in_sync} exceeds the replication factor {factor}: every write with "
            f"acks=all would fail; allowed: 1 to {factor}"
        )
    return refused


def _growth(live: Topic, wanted: Topic) -> tuple[str, ...]:
    """What growing does to keys: a producer finds a key's partition by its hash modulo their number."""
    change = f"{wanted.name}: partitions {live.partitions} -> {wanted.partitions}"
    if "compact" in (live.effective("cleanup.policy") or ""):
        return (
            f"{change} of a compacted topic: new records of a key may go to another partition, and compaction keeps "
            f"the old one where it was, for ever; readers that need one value per key need a new topic ({DOCS})",
        )
    return (f"{change}: where records have keys, those of one key are no longer in order across the change ({DOCS})",)


def _compaction(live: Topic, wanted: Topic) -> tuple[str, ...]:
    """What the log cleaner takes once it may: it drops records without a key, too."""
    key, inherited = "cleanup.policy", live.inherited.get("cleanup.policy", "delete")
    before, after = live.configs.get(key, inherited), wanted.configs.get(key, inherited)
    if "compact" in before or "compact" not in after:
        return ()
    return (
        f"{wanted.name}: {key} {before} -> {after}: of all records with one key only the newest stays, and those "
        f"without a key go",
    )
