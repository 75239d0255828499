"""Making the changes of a plan on a live cluster: every one that can be made, whatever the others do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bus.cluster.access import Unreachable
from bus.errors import PartialFailure
from bus.topics.admin import Admin, Say
from bus.topics.existence import HIDDEN
from bus.topics.plan import Change, Topic, plan


@dataclass(frozen=True)
class Applied:
    """What became of changes: the topics that this run made, and those that could not be changed."""

    created: frozenset[str]
    failed: Mapping[str, str]


def apply(admin: Admin, changes: Sequence[Change], brokers: int, bytes_per_second: int, say: Say) -> Applied:
    """Makes `changes` in as few calls as there are kinds of them, and waits until every broker read shows them.

    A refused change is not made; it is among the failed, as is what a broker refuses. What failed and is as wanted
    all the same (an answer that was lost, two runs at once) did not fail.
    """
    failed = {c.wanted.name: "; ".join(c.refused.values()) for c in changes if c.refused}
    able = [change for change in changes if not change.refused]
    missing = [change.wanted for change in able if change.create]
    appeared, unmade = admin.create(missing) if missing else (set[str](), dict[str, str]())
    try:
        failed |= _finish(admin, able, appeared, unmade, brokers, bytes_per_second, say)
    except (Unreachable, PartialFailure) as error:  # what was created before is to be recorded all the same
        reason = f"was not seen to the end: {error}; run the same command again"
        failed |= {change.wanted.name: reason for change in able if not change.is_nothing} | unmade
    made = {topic.name for topic in missing} - appeared - (unmade.keys() & failed.keys())
    return Applied(frozenset(made), failed)


def _finish(
    admin: Admin,
    able: list[Change],
    appeared: set[str],
    unmade: Mapping[str, str],
    brokers: int,
    bytes_per_second: int,
    say: Say,
) -> dict[str, str]:
    """Whatever comes after the creation of topics, `appeared` and `unmade` being its answers; what failed.

    Raises Unreachable or PartialFailure.
    """
    failed: dict[str, str] = {}
    wrong = dict(unmade)
    missing = [change.wanted for change in able if change.create]
    if appeared:  # made by somebody else between our read and our call: adopted as any other
        live = admin.seen(dict.fromkeys(appeared, 1))
        again = [plan(live[c.wanted.name], c.wanted, brokers) for c in able if c.wanted.name in live]
        failed |= dict.fromkeys(appeared - live.keys(), HIDDEN)
        failed |= {c.wanted.name: "; ".join(c.refused.values()) for c in again if c.refused}
        able = [c for c in able if c.wanted.name not in appeared] + [c for c in again if not c.refused]
    grown = {c.wanted.name: c.grow_to for c in able if c.grow_to}
    wrong |= admin.grow(grown) if grown else {}
    new = [topic for topic in missing if topic.name not in appeared | unmade.keys()]
    larger = {name: count for name, count in grown.items() if name not in wrong}
    shown = admin.seen({topic.name: topic.partitions for topic in new} | larger)
    configured = [change for change in able if change.configs and not change.create] + _left_behind(new, shown)
    wrong |= admin.configure(configured) if configured else {}
    moved = {c.wanted.name: c.wanted.replication_factor for c in able if c.replicate and c.wanted.name not in wrong}
    if moved:
        # New partitions are placed by the controller with the topic's old factor: they move with the others.
        wrong |= _replicated(admin, moved, bytes_per_second, say)
    wanted = {change.wanted.name: change.wanted for change in able}
    touched = {c.wanted.name for c in able if not c.is_nothing}
    written_since = {change.wanted.name for change in configured} | moved.keys()
    late = admin.settle(
        {name: wanted[name] for name in touched - wrong.keys()},
        seen={name: topic for name, topic in shown.items() if name not in written_since},
    )
    if wrong:
        live = admin.read(wrong.keys())
        wrong = {name: why for name, why in wrong.items() if name not in live or not live[name].is_as(wanted[name])}
    return failed | wrong | late


def _replicated(admin: Admin, factors: Mapping[str, int], bytes_per_second: int, say: Say) -> dict[str, str]:
    """Gives topics their replication factors; what failed."""
    from bus.topics.reassignment import replicate  # kafka-python takes 0.3 s to import, and few runs need it
    from bus.topics.replicas import TooOld, connect

    try:
        with connect(admin.bootstrap, admin.login) as replicas:
            return replicate(admin, replicas, factors, bytes_per_second, say)
    except (Unreachable, PartialFailure, TooOld) as error:  # what was created before is to be recorded all the same
        return dict.fromkeys(factors, f"its replicas could not be looked after: {error}")


def _left_behind(new: Sequence[Topic], shown: Mapping[str, Topic]) -> list[Change]:
    """Configs that new topics bear all the same, given back: those of a deleted topic of that name (docs/adr/0012)."""
    extra = {t.name: shown[t.name].configs.keys() - t.configs.keys() for t in new if t.name in shown}
    return [Change(topic, configs=dict.fromkeys(extra[topic.name])) for topic in new if extra.get(topic.name)]
