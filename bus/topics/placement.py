"""Which brokers hold a partition once its number of replicas changes; the least possible data moves."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from math import ceil

Partition = tuple[str, int]
Replicas = Mapping[Partition, tuple[int, ...]]
"""partition -> its brokers, the preferred leader first"""


def place(
    current: Replicas,
    factors: Mapping[str, int],
    racks: Mapping[int, str | None],
    in_sync: Mapping[Partition, Collection[int]] | None = None,
) -> dict[Partition, tuple[int, ...]]:
    """New brokers of every partition of a topic in `factors` that has another number of them; the others stay.

    `current` are all partitions of the cluster, so that new replicas go where few are; `racks` are the brokers that
    live. A replica stays where it is unless there are too many; new ones go to racks that the partition has not yet.
    Raises ValueError where a factor exceeds the brokers.
    """
    load = Counter(broker for brokers in current.values() for broker in brokers)
    own: dict[str, Counter[int]] = defaultdict(Counter)
    for (topic, _), brokers in current.items():
        own[topic].update(brokers)
    moved = {}
    for partition in sorted(current):
        topic, number = partition
        factor = factors.get(topic, len(current[partition]))
        if factor == len(current[partition]):
            continue
        if factor > len(racks):
            raise ValueError(f"{topic}: {factor} replicas need as many brokers, {len(racks)} answer")
        synced = (in_sync or {}).get(partition, current[partition])
        chosen = list(current[partition])
        while len(chosen) > factor:
            gone = max(chosen, key=lambda b: _to_drop(b, chosen, racks, synced, own[topic], load))
            chosen.remove(gone)
            own[topic][gone] -= 1
            load[gone] -= 1
        while len(chosen) < factor:
            free = [broker for broker in sorted(racks) if broker not in chosen]
            # Rotated by partition, so that equal brokers take turns.
            turn = free[number % len(free) :] + free[: number % len(free)]
            new = min(turn, key=lambda b: (_neighbours(b, chosen, racks), own[topic][b], load[b]))
            chosen.append(new)
            own[topic][new] += 1
            load[new] += 1
        moved[partition] = tuple(chosen)
    return _balanced(current, moved, racks)


def _to_drop(
    broker: int,
    chosen: Sequence[int],
    racks: Mapping[int, str | None],
    synced: Collection[int],
    own: Counter[int],
    load: Counter[int],
) -> tuple[bool, bool, int, bool, int, int]:
    """Dead first, then not in sync, then where the rack has another, then followers, then where most are."""
    leads = chosen[0] == broker
    others = [other for other in chosen if other != broker]
    return (
        broker not in racks,
        broker not in synced,
        _neighbours(broker, others, racks),
        not leads,
        own[broker],
        load[broker],
    )


def _neighbours(broker: int, chosen: Sequence[int], racks: Mapping[int, str | None]) -> int:
    """How many of `chosen` share the rack of `broker`; brokers without a rack have one each."""
    rack = racks.get(broker)
    return 0 if rack is None else sum(racks.get(other) == rack for other in chosen)


def _balanced(
    current: Replicas, moved: Mapping[Partition, tuple[int, ...]], racks: Mapping[int, str | None]
) -> dict[Partition, tuple[int, ...]]:
    """The same brokers, the first of each chosen so that no broker leads more than its share; only order changes."""
    everything = {**current, **moved}
    totals = Counter(topic for topic, _ in everything)
    leads: dict[str, Counter[int]] = defaultdict(Counter)
    for (topic, _), brokers in everything.items():
        leads[topic][brokers[0]] += 1
    result = {}
    for partition, brokers in sorted(moved.items()):
        count, share = leads[partition[0]], ceil(totals[partition[0]] / len(racks))
        first = brokers[0]
        if first not in racks or count[first] > share:
            able = [broker for broker in brokers if broker in racks] or list(brokers)
            better = min(able, key=lambda broker: (count[broker], brokers.index(broker)))
            if first not in racks or count[better] + 1 < count[first]:
                count[first] -= 1
                count[better] += 1
                first = better
        result[partition] = (first, *(broker for broker in brokers if broker != first))
    return result
