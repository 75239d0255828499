"""What is said of a topic's data before it goes: size, age, readers, and what a shorter retention takes."""

from typing import Any

import pytest

from bus.topics.holdings import Cut, Log, age, copied, cut, defaults, description, held, lost, size
from bus.topics.plan import Topic

HOUR = 3_600_000


def topic(inherited: dict[str, str] | None = None, **configs: str) -> Topic:
    named = {key.replace("_", "."): value for key, value in configs.items()}
    return Topic("t", 1, 1, named, inherited=inherited or {})


@pytest.mark.parametrize(
    ("live", "wanted", "expected"),
    [
        (topic(retention_ms="2000"), topic(retention_ms="1000"), Cut(1000, None)),
        (topic(retention_ms="1000"), topic(retention_ms="2000"), None),
        (topic(retention_ms="-1"), topic(retention_ms="2000"), Cut(2000, None)),
        (topic(retention_ms="2000"), topic(retention_ms="-1"), None),
        (topic({"retention.ms": "5000"}), topic(retention_ms="2000"), Cut(2000, None)),
        (topic({"retention.ms": "1000"}), topic(retention_ms="2000"), None),
        (topic(retention_ms="-1"), topic(), Cut(604_800_000, None)),
        (topic({"retention.bytes": "-1"}), topic(retention_bytes="500"), Cut(None, 500)),
        (topic(retention_bytes="500"), topic(retention_bytes="400", retention_ms="1"), Cut(1, 400)),
        (topic(retention_bytes="500"), topic(), None),
        (topic(cleanup_policy="compact"), topic(cleanup_policy="delete"), Cut(604_800_000, None)),
        (topic(cleanup_policy="compact"), topic(cleanup_policy="compact", retention_ms="1"), None),
        (topic(cleanup_policy="compact"), topic(cleanup_policy="compact,delete", retention_ms="1"), Cut(1, None)),
        (topic(cleanup_policy="delete"), topic(cleanup_policy="compact"), None),
        (topic(), topic(), None),
    ],
)
def test_when_a_retention_becomes_shorter(live: Topic, wanted: Topic, expected: Cut | None) -> None:
    assert cut(live, wanted) == expected


@pytest.mark.parametrize(
    ("broker", "expected"),
    [
        ({"log.retention.hours": "24", "log.retention.minutes": None}, {"retention.ms": "86400000"}),
        ({"log.retention.hours": "24", "log.retention.minutes": "5"}, {"retention.ms": "300000"}),
        (
            {"log.retention.hours": "24", "log.retention.minutes": "5", "log.retention.ms": "-1"},
            {"retention.ms": "-1"},
        ),
        ({"log.retention.hours": "-1"}, {"retention.ms": "-1"}),
        (
            {"log.retention.bytes": "7", "log.cleanup.policy": "compact"},
            {"retention.bytes": "7", "cleanup.policy": "compact"},
        ),
        ({}, {}),
    ],
)
def test_what_brokers_give_a_topic_that_says_nothing(broker: dict[str, str | None], expected: dict[str, str]) -> None:
    assert defaults(broker) == expected


def test_bytes_that_a_shorter_time_takes_follow_the_offsets() -> None:
    logs = {("t", 0): Log(100, 200, since=150), ("t", 1): Log(0, 10, since=0), ("other", 0): Log(0, 9, since=9)}
    sizes = {("t", 0): {1: 1000, 2: 990}, ("t", 1): {1: 500}, ("other", 0): {1: 777}}
    assert lost("t", Cut(HOUR, None), logs, sizes) == 500


def test_bytes_that_a_smaller_limit_takes_are_counted_by_partition() -> None:
    logs = {("t", 0): Log(0, 10), ("t", 1): Log(0, 10)}
    assert lost("t", Cut(None, 300), logs, {("t", 0): {1: 1000}, ("t", 1): {1: 200}}) == 700


def test_an_empty_topic_loses_nothing() -> None:
    assert lost("t", Cut(1, 1), {("t", 0): Log(5, 5, since=5)}, {("t", 0): {1: 0}}) == 0


def test_messages_are_counted_by_topic() -> None:
    assert held({("a", 0): Log(5, 9), ("a", 1): Log(0, 1), ("b", 0): Log(3, 3)}) == {"a": 5, "b": 0}


def test_a_description_names_bytes_age_and_readers() -> None:
    logs = {("t", 0): Log(0, 5, newest_ms=1_000), ("t", 1): Log(0, 0)}
    said = description("t", logs, {("t", 0): {1: 1_200_000, 2: 1_200_000}}, ["jobs", "web"], 3 * HOUR + 1_000)
    assert said == "1.2 MB without its copies, newest record 3 hours old, read by jobs, web"
    assert description("t", logs, {}, [], 0).endswith("read by no consumer group now")
    assert description("t", logs, {}, None, 0).endswith("who reads it cannot be told now")


def test_bytes_to_copy_are_those_of_the_missing_replicas() -> None:
    live = Topic("t", 2, 1, replicas={0: (1,), 1: (1, 2)})
    sizes = {("t", 0): {1: 100}, ("t", 1): {1: 10, 2: 10}}
    assert copied(live, 3, sizes) == 210
    assert copied(live, 1, sizes) == 0


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (12_345_678, "12.3 MB"), (5e15, "5000 TB")],
)
def test_sizes_are_said_shortly(count: float, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 seconds"), (119, "119 seconds"), (600, "10 minutes"), (200_000, "2 days")]
)
def test_ages_are_said_shortly(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_a_cut_says_both_limits() -> None:
    shown: Any = str(Cut(2 * HOUR, 5_000_000))
    assert shown == "retention down to 2 hours and retention down to 5.0 MB a partition"
