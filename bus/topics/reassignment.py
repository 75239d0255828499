"""Another replication factor for live topics: new places, throttled moves, waiting; can be cut off and run again."""

import time
from collections.abc import Collection, Mapping

from bus.topics.admin import Admin, Say
from bus.topics.configs import THROTTLED
from bus.topics.holdings import size
from bus.topics.placement import Partition, place
from bus.topics.plan import too_few
from bus.topics.replicas import Move, Replicas

_RATES = ("leader.replication.throttled.rate", "follower.replication.throttled.rate")
_POLL_SECONDS = 1.0
_SAY_SECONDS = 5.0
# Nothing copied for so long: a broker is gone, or more is written than the throttle lets through.
STALLED_SECONDS = 300.0
# A move that somebody else started is waited for first, and then our own: more rounds mean that we are not alone.
_ROUNDS = 3


def replicate(
    admin: Admin, replicas: Replicas, factors: Mapping[str, int], bytes_per_second: int, say: Say
) -> dict[str, str]:
    """Gives topics their replication factors and returns once the data is there; what failed, by topic.

    A reassignment in flight, of an earlier run or somebody else's, is waited for and never replaced. The throttle
    (KIP-73) is taken away at the end; one that a killed run left is, too.
    """
    wrong: dict[str, str] = {}
    if replicas.moving():
        _set_rates(admin, replicas, factors.keys(), bytes_per_second)
    for _ in range(_ROUNDS):
        if stalled := _wait(admin, replicas, factors.keys() - wrong.keys(), say):
            return wrong | stalled
        brokers, in_sync = admin.layout()
        alive = admin.racks()
        wrong |= {name: too_few(factor, len(alive)) for name, factor in factors.items() if factor > len(alive)}
        targets = place(brokers, {n: f for n, f in factors.items() if n not in wrong}, alive, in_sync)
        if not targets:
            break
        _set_rates(admin, replicas, factors.keys(), bytes_per_second)
        admin.set_of_topic(_throttled(brokers, targets))
        wrong |= replicas.move(targets)
        started = [partition for partition in targets if partition[0] not in wrong]
        say(f"{len(started)} partition(s) of {_named({topic for topic, _ in started})} move to other brokers")
        if stalled := _wait(admin, replicas, factors.keys() - wrong.keys(), say):
            return wrong | stalled
        replicas.elect(started)
    _unthrottle(admin, replicas, factors.keys())
    return wrong


def _wait(admin: Admin, replicas: Replicas, topics: Collection[str], say: Say) -> dict[str, str]:
    """Returns once none of `topics` moves; says how far they are, and which have come to a stop."""
    best, moved_at, said_at = (-1, -1), time.monotonic(), time.monotonic()
    total = 0
    while True:
        moving = {partition: move for partition, move in replicas.moving().items() if partition[0] in topics}
        if not moving:
            return {}
        now = time.monotonic()
        total = max(total, len(moving))
        here, there = _copied(replicas, moving, admin.racks())
        progress = (-len(moving), here)
        if progress > best:
            best, moved_at = progress, now
        elif now - moved_at > STALLED_SECONDS:
            reason = (
                f"its reassignment has come to a stop ({size(here)} of {size(there)}): is a broker down, or more "
                f"written than kafka.reassignmentBytesPerSecond lets through? It stays in flight; run again to go on"
            )
            return dict.fromkeys(sorted({topic for topic, _ in moving}), reason)
        if now - said_at > _SAY_SECONDS:
            said_at = now
            done = f"{total - len(moving)} of {total} partitions"
            say(f"replicas of {_named({t for t, _ in moving})}: {done}, {size(here)} of {size(there)}")
        time.sleep(_POLL_SECONDS)


def _copied(replicas: Replicas, moving: Mapping[Partition, Move], alive: Collection[int]) -> tuple[int, int]:
    """Bytes of the coming replicas: those that are there, and all of them."""
    sizes = replicas.sizes(alive)
    here = there = 0
    for partition, move in moving.items():
        found = sizes.get(partition, {})
        whole = max((found.get(broker, 0) for broker in move.brokers if broker not in move.coming), default=0)
        there += whole * len(move.coming)
        here += sum(min(found.get(broker, 0), whole) for broker in move.coming)
    return here, there


def _throttled(
    brokers: Mapping[Partition, tuple[int, ...]], targets: Mapping[Partition, tuple[int, ...]]
) -> dict[str, dict[str, str | None]]:
    """Which replicas of each topic are limited: those that send, and those that come."""
    leaders, followers = THROTTLED
    lists: dict[str, dict[str, list[str]]] = {}
    for partition, target in sorted(targets.items()):
        topic, number = partition
        own = lists.setdefault(topic, {leaders: [], followers: []})
        own[leaders] += [f"{number}:{broker}" for broker in brokers[partition]]
        own[followers] += [f"{number}:{broker}" for broker in target if broker not in brokers[partition]]
    return {topic: {key: ",".join(entries) for key, entries in own.items() if entries} for topic, own in lists.items()}


def _set_rates(admin: Admin, replicas: Replicas, topics: Collection[str], bytes_per_second: int) -> None:
    """Limits what moves take from other traffic; while other topics move, a rate that brokers have stays theirs."""
    alive = admin.racks()
    rates: dict[int, dict[str, str | None]] = {broker: dict.fromkeys(_RATES, str(bytes_per_second)) for broker in alive}
    if any(topic not in topics for topic, _ in replicas.moving()):
        own = admin.own_of_brokers(alive)
        rates = {b: {k: v for k, v in rate.items() if k not in own[b]} for b, rate in rates.items()}
    admin.set_of_broker(rates)


def _unthrottle(admin: Admin, replicas: Replicas, topics: Collection[str]) -> None:
    """Takes the throttles of `topics` away, and the brokers' rates once nothing moves in the cluster."""
    alive = admin.racks()
    live = admin.read(topics)
    admin.set_of_topic({name: dict.fromkeys(THROTTLED) for name in topics if name in live})
    if replicas.moving():
        return
    own = admin.own_of_brokers(alive)
    admin.set_of_broker({broker: {key: None for key in _RATES if key in own[broker]} for broker in alive})


def _named(topics: Collection[str]) -> str:
    names = sorted(topics)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
