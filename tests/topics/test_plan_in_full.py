"""The whole answer of each function of bus.topics.plan, where test_plan.py asks for a part of it."""

from dataclasses import replace
from typing import Any

import pytest

from bus.topics.configs import THROTTLED
from bus.topics.plan import (
    Change,
    Topic,
    all_as,
    differences,
    from_props,
    plan,
    shown,
    surprises,
    to_props,
    too_few,
    unwritten,
)

DOCS = "(docs/topics.md)"
COMPACT = {"cleanup.policy": "compact"}
AGAIN = "the next change of this site's topics puts it back, and so does pulumi up --refresh"


def live(name: str = "t", partitions: int = 2, brokers: tuple[int, ...] = (4, 5), **more: Any) -> Topic:
    """A live topic with the same brokers on each partition."""
    replicas = dict.fromkeys(range(partitions), brokers)
    return Topic(name, partitions, len(brokers), replicas=replicas, **more)


@pytest.mark.parametrize(
    ("before", "wanted", "change"),
    [
        (None, Topic("t", 2, 3), {"create": True}),
        (live(), Topic("t", 2, 2), {}),
        (live(unfinished=True), Topic("t", 2, 2), {"replicate": True}),
        (live(), Topic("t", 2, 3), {"replicate": True}),
        (live(brokers=(4, 5, 6)), Topic("t", 2, 2), {"replicate": True}),
        (
            live(configs={"retention.ms": "1", "segment.ms": "3"}),
            Topic("t", 2, 2, {"retention.ms": "2", "max.message.bytes": "9"}),
            {"configs": {"max.message.bytes": "9", "retention.ms": "2", "segment.ms": None}},
        ),
        (
            live(),
            Topic("t", 3, 2),
            {
                "grow_to": 3,
                "warned": (
                    "t: partitions 2 -> 3: where records have keys, those of one key are no longer in order across "
                    f"the change {DOCS}",
                ),
            },
        ),
        (
            live(inherited={"cleanup.policy": "compact,delete"}),
            Topic("t", 9, 2),
            {
                "grow_to": 9,
                "warned": (
                    "t: partitions 2 -> 9 of a compacted topic: new records of a key may go to another partition, and "
                    "compaction keeps the old one where it was, for ever; readers that need one value per key need a "
                    f"new topic {DOCS}",
                ),
            },
        ),
        (
            live(),
            Topic("t", 2, 2, COMPACT),
            {
                "configs": COMPACT,
                "warned": (
                    "t: cleanup.policy delete -> compact: of all records with one key only the newest stays, and those "
                    "without a key go",
                ),
            },
        ),
        (live(inherited=COMPACT), Topic("t", 2, 2, COMPACT), {"configs": COMPACT}),
        (live(configs=COMPACT), Topic("t", 2, 2), {"configs": {"cleanup.policy": None}}),
        (
            live(configs={"cleanup.policy": "delete"}, inherited=COMPACT),
            Topic("t", 2, 2),
            {
                "configs": {"cleanup.policy": None},
                "warned": (
                    "t: cleanup.policy delete -> compact: of all records with one key only the newest stays, and those "
                    "without a key go",
                ),
            },
        ),
        (
            live(),
            Topic("t", 1, 2),
            {
                "refused": {
                    "partitions": f"t: partitions 2 -> 1, a topic can only grow; keep 2, or make a new topic {DOCS}"
                }
            },
        ),
        (
            live(),
            Topic("t", 2, 4),
            {
                "refused": {
                    "replicationFactor": "t: replication factor 4 exceeds the 3 broker(s) of the site; allowed: 1 to 3"
                }
            },
        ),
        (
            None,
            Topic("t", 2, 2, {"min.insync.replicas": "3"}),
            {
                "refused": {
                    "configs.min.insync.replicas": "t: min.insync.replicas 3 exceeds the replication factor 2: every "
                    "write with acks=all would fail; allowed: 1 to 2"
                }
            },
        ),
        (None, Topic("t", 2, 3, {"min.insync.replicas": "3"}), {"create": True}),
        (None, Topic("t", 2, 3, {"min.insync.replicas": "many"}), {"create": True}),
    ],
)
def test_a_change_in_full(before: Topic | None, wanted: Topic, change: dict[str, Any]) -> None:
    found = plan(before, wanted, brokers=3)
    assert found == Change(wanted, **change)
    assert list(found.configs) == sorted(found.configs)
    assert found.is_nothing == (not change)


def test_no_topic_has_fewer_replicas_than_one() -> None:
    """The default of min.insync.replicas is 1."""
    assert plan(None, Topic("t", 1, 1), 1).refused == {}


@pytest.mark.parametrize("part", [{"create": True}, {"grow_to": 2}, {"configs": {"a": "1"}}, {"replicate": True},
                                  {"refused": {"a": "b"}}])  # fmt: skip
def test_each_part_of_a_change_makes_it_something(part: dict[str, Any]) -> None:
    assert not Change(Topic("t", 1, 1), **part).is_nothing
    assert Change(Topic("t", 1, 1), warned=("only said",)).is_nothing


def test_what_only_brokers_know_is_no_difference_and_not_shown() -> None:
    plain, known = Topic("t", 2, 2), live(inherited=COMPACT, unfinished=True, is_led=False)
    assert plain == known
    assert repr(plain) == repr(known)
    assert known.is_as(plain)
    assert Topic("t", 1, 1).is_led and not Topic("t", 1, 1).unfinished


@pytest.mark.parametrize("replicas", [{0: (1, 2), 1: (1,)}, {0: (1,), 1: (1, 2)}, {0: (1,), 1: (2,)}])
def test_every_partition_has_to_have_its_replicas(replicas: dict[int, tuple[int, ...]]) -> None:
    assert not Topic("t", 2, 2, replicas=replicas).is_as(Topic("t", 2, 2))
    assert not Topic("t", 2, 1, replicas={0: (1,), 1: (1, 2)}).is_as(Topic("t", 2, 1))


def test_what_a_broker_shows_is_a_topic() -> None:
    own = {"retention.ms": "5", THROTTLED[0]: "", THROTTLED[1]: "0:1"}
    topic = shown("t", {0: (1, 2, 3), 1: (2, 3)}, own, inherited=COMPACT, is_led=False)
    assert topic == Topic("t", 2, 2, {"retention.ms": "5"})
    assert (topic.factors, topic.unfinished, topic.is_led) == ((2, 3), True, False)
    assert topic.replicas == {0: (1, 2, 3), 1: (2, 3)}
    assert topic.effective("cleanup.policy") == "compact"
    assert topic.effective("retention.ms") == "5"
    assert topic.effective("other") is None
    assert not shown("t", {0: (1,)}, {THROTTLED[0]: "", "retention.ms": "5"}).unfinished
    assert shown("t", {}, {}).replication_factor == 0


def test_an_own_config_is_in_force_over_an_inherited_one() -> None:
    assert live(configs={"cleanup.policy": "delete"}, inherited=COMPACT).effective("cleanup.policy") == "delete"


def test_properties_have_all_of_a_topic() -> None:
    given: dict[str, dict[str, Any]] = {
        "t": {"partitions": 3.0, "replicationFactor": 2.0, "configs": None},
        "a": {"partitions": 1, "replicationFactor": 1, "configs": {"retention.ms": "1"}},
    }
    topics = from_props(given)
    assert topics == {"t": Topic("t", 3, 2), "a": Topic("a", 1, 1, {"retention.ms": "1"})}
    assert from_props({"t": {"partitions": 1, "replicationFactor": 1}}) == {"t": Topic("t", 1, 1)}
    assert to_props({"u": live(), **topics}) == {
        "u": {"partitions": 2, "replicationFactor": 2, "configs": {}},
        "t": {"partitions": 3, "replicationFactor": 2, "configs": {}},
        "a": {"partitions": 1, "replicationFactor": 1, "configs": {"retention.ms": "1"}},
    }


def test_every_property_that_differs_is_told_with_both_values() -> None:
    uneven = Topic("t", 2, 1, {"segment.ms": "3", "retention.ms": "1"}, replicas={0: (1, 2, 3), 1: (1,)})
    wanted = Topic("t", 4, 2, {"retention.ms": "1", "cleanup.policy": "compact"})
    assert differences(uneven, wanted) == (
        "partitions 2 -> 4, replicationFactor 1 to 3 -> 2, cleanup.policy unset -> compact, segment.ms 3 -> unset"
    )
    assert differences(uneven, uneven) == ""


def test_all_that_is_expected_has_to_be_live_and_so() -> None:
    wanted = {"a": Topic("a", 2, 2), "b": Topic("b", 2, 2)}
    assert all_as({"a": live("a"), "b": live("b"), "c": live("c")}, wanted)
    assert not all_as({"a": live("a")}, wanted)
    assert not all_as({"a": live("a"), "b": live("b", partitions=3)}, wanted)
    assert not all_as({}, wanted)
    assert all_as({"a": live("a", partitions=3)}, {})


def test_a_topic_that_is_not_shown_as_written_says_why() -> None:
    wanted = Topic("t", 2, 2, {"retention.ms": "5", "segment.ms": "6"})
    assert unwritten(None, wanted, 4.6) == (
        "not as written after 5 s: it is not shown at all; are all brokers up? Then run again"
    )
    assert unwritten(live(configs={"retention.ms": "5", "segment.ms": "7"}), wanted, 3) == (
        "not as written after 3 s: segment.ms 6 was written, and the brokers keep 7; another run alone changes "
        "nothing: write what they keep into the topic's fragment (segment.ms: '7'), or find out who else sets it"
    )
    elsewhere = "is not shown; are all brokers up, and does nobody else change it? Then run again"
    missing = live(configs={"retention.ms": "5"})
    assert unwritten(missing, wanted, 3) == f"not as written after 3 s: segment.ms unset -> 6 {elsewhere}"
    fewer = live(partitions=1, configs={"retention.ms": "5", "segment.ms": "7"})
    assert unwritten(fewer, wanted, 3) == (
        f"not as written after 3 s: partitions 1 -> 2, segment.ms 7 -> 6 {elsewhere}"
    )


def test_surprises_are_those_of_each_topic_in_the_order_of_names() -> None:
    wanted = {"c": Topic("c", 1, 1), "b": Topic("b", 1, 1), "a": Topic("a", 2, 1), "d": Topic("d", 1, 1)}
    last = {"c": wanted["c"], "b": wanted["b"]}
    found = {"b": Topic("b", 3, 1), "a": Topic("a", 1, 1), "d": wanted["d"], "x": Topic("x", 1, 1)}
    assert surprises(last, found, wanted, "lyon") == [
        "a exists on lyon and is taken over: partitions 1 -> 2",
        f"b of lyon is not as it was last wanted: partitions 1 -> 3; {AGAIN}",
        f"c of lyon is gone; {AGAIN}",
    ]
    assert surprises({}, {}, wanted, "lyon") == [], "they are made, as anybody expects"


def test_too_few_brokers_are_told_with_both_numbers() -> None:
    assert too_few(3, 2) == "3 replicas need as many brokers, 2 answer; bring the missing brokers back, and run again"


def test_configs_are_spelled_as_brokers_do_from_the_beginning() -> None:
    assert replace(Topic("t", 1, 1), configs={"min.cleanable.dirty.ratio": "1"}).configs == {
        "min.cleanable.dirty.ratio": "1.0"
    }
