"""What a topic holds, said before it is deleted or its retention is cut."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bus.topics.placement import Partition
from bus.topics.plan import Topic

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
# Of Kafka itself: https://kafka.apache.org/documentation/#topicconfigs
_DEFAULTS = {"cleanup.policy": "delete", "retention.ms": "604800000", "retention.bytes": "-1"}
_OF_BROKER = {"cleanup.policy": "log.cleanup.policy", "retention.bytes": "log.retention.bytes"}
_RETENTION = (("ms", 1), ("minutes", 60_000), ("hours", 3_600_000))
_TIMES = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))


@dataclass(frozen=True)
class Log:
    """Offsets of one partition; `since` is the first record from a given time on, `newest_ms` the youngest's time."""

    first: int
    last: int
    newest_ms: int | None = None
    since: int | None = None


@dataclass(frozen=True)
class Cut:
    """A retention that becomes shorter: its new limits, None where one stays or grows."""

    milliseconds: int | None
    per_partition_bytes: int | None

    def __str__(self) -> str:
        kept = [] if self.milliseconds is None else [f"retention down to {age(self.milliseconds / 1000)}"]
        if self.per_partition_bytes is not None:
            kept.append(f"retention down to {size(self.per_partition_bytes)} a partition")
        return " and ".join(kept)


def defaults(broker: Mapping[str, str | None]) -> dict[str, str]:
    """A broker's configs as those of a topic which it decides: whichever is set, the smallest unit first.

    Brokers do not tell this with a topic that has a value of its own.
    """
    found = {topic: value for topic, key in _OF_BROKER.items() if (value := broker.get(key))}
    for unit, milliseconds in _RETENTION:
        if value := broker.get(f"log.retention.{unit}"):
            return found | {"retention.ms": str(int(value) * milliseconds) if int(value) >= 0 else "-1"}
    return found


def held(logs: Mapping[Partition, Log]) -> dict[str, int]:
    """Topic -> how many messages it holds, by its offsets."""
    counts = dict.fromkeys({topic for topic, _ in logs}, 0)
    for (topic, _), log in logs.items():
        counts[topic] += log.last - log.first
    return counts


def description(
    topic: str,
    logs: Mapping[Partition, Log],
    sizes: Mapping[Partition, Mapping[int, int]],
    readers: Sequence[str] | None,
    now_ms: int,
) -> str:
    """Size, newest record and readers of a topic, as a removal's message says them; None where nobody can tell."""
    mine = [partition for partition in logs if partition[0] == topic]
    said = [f"{size(sum(max(sizes.get(partition, {0: 0}).values()) for partition in mine))} without its copies"]
    if newest := [time for partition in mine if (time := logs[partition].newest_ms) is not None]:
        said.append(f"newest record {age((now_ms - max(newest)) / 1000)} old")
    groups = f"read by {', '.join(readers)}" if readers else "read by no consumer group now"
    if readers is None:
        groups = "who reads it cannot be told now"
    return ", ".join([*said, groups])


def cut(live: Topic, wanted: Topic) -> Cut | None:
    """How much shorter `wanted` keeps records than `live` does, or None; -1 keeps them for ever."""

    def limits(topic: Topic) -> tuple[int, int]:
        deletes = "delete" in (_in_force(live, topic, "cleanup.policy") or "")
        time, room = (int(_in_force(live, topic, key) or "-1") for key in ("retention.ms", "retention.bytes"))
        return (time, room) if deletes else (-1, -1)

    (time, room), (new_time, new_room) = limits(live), limits(wanted)
    shorter = new_time if new_time >= 0 and (time < 0 or new_time < time) else None
    smaller = new_room if new_room >= 0 and (room < 0 or new_room < room) else None
    return Cut(shorter, smaller) if shorter is not None or smaller is not None else None


def lost(topic: str, shorter: Cut, logs: Mapping[Partition, Log], sizes: Mapping[Partition, Mapping[int, int]]) -> int:
    """About how many bytes a cut takes: `Log.since` is at the new limit; records count as equally large.

    The active segment stays, so it is an upper bound.
    """
    total = 0.0
    for partition, log in logs.items():
        if partition[0] != topic:
            continue
        here, count = max(sizes.get(partition, {0: 0}).values()), log.last - log.first
        by_time = here * (log.since - log.first) / count if log.since is not None and count else 0.0
        by_room = here - shorter.per_partition_bytes if shorter.per_partition_bytes is not None else 0
        total += max(by_time, by_room, 0)
    return round(total)


def copied(live: Topic, factor: int, sizes: Mapping[Partition, Mapping[int, int]]) -> int:
    """Bytes that go between brokers when a topic gets another replication factor."""
    return sum(
        max(sizes.get((live.name, number), {0: 0}).values()) * max(0, factor - len(brokers))
        for number, brokers in live.replicas.items()
    )


def size(count: float) -> str:
    """12_345_678 as 12.3 MB."""
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            return f"{count:.0f} {unit}" if unit == _UNITS[0] or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("the last unit takes any number")


def age(seconds: float) -> str:
    """A time span in its largest sensible unit."""
    for length, unit in _TIMES:
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0, seconds):.0f} seconds"


def _in_force(live: Topic, topic: Topic, key: str) -> str | None:
    """What `topic` says, or what the brokers give where it says nothing; Kafka's own default where they do not tell."""
    return topic.configs.get(key, live.inherited.get(key, _DEFAULTS.get(key)))
