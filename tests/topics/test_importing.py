"""What an import of a live cluster's topics leaves out."""

import pytest

from bus.topics.importing import fragment, left_out, undeclared, unfit
from bus.topics.model import merge_fragments
from bus.topics.plan import Topic, from_props, plan

LIVE = ["a.data", "a.save", "heartbeats", "cinecity.heartbeats", "mm2-offsets.cinecity.internal", "__consumer_offsets"]


@pytest.mark.parametrize(
    ("declared", "globs", "wanted"),
    [
        ([], ["*"], ["a.data", "a.save"]),
        (["a.data"], ["*"], ["a.save"]),
        ([], ["*.data"], ["a.data"]),
        ([], ["heartbeats", "*.heartbeats"], []),
    ],
)
def test_topics_of_tools_and_declared_ones_stay_out(declared: list[str], globs: list[str], wanted: list[str]) -> None:
    assert undeclared(LIVE, declared, globs) == wanted


LEFT = ["_ours", "a.data", "connect-configs", "films.internal", "heartbeats", "mm2.x.internal", "__consumer_offsets"]


@pytest.mark.parametrize(
    ("globs", "taken"),
    [
        (["*"], ["a.data"]),
        (["films.internal"], ["films.internal"]),
        (["_ours", "a*"], ["_ours", "a.data"]),
        (["__consumer_offsets", "mm2.x.internal", "connect-configs"], ["connect-configs"]),
    ],
)
def test_a_name_that_may_be_a_bricks_is_taken_when_it_is_named_in_full(globs: list[str], taken: list[str]) -> None:
    assert undeclared(LEFT, [], globs) == taken


def test_what_is_left_out_is_said_with_the_way_to_take_it() -> None:
    assert left_out(LEFT, ["films.internal"], ["*"]) == [
        "left out, made by Kafka, MirrorMaker or Kafka Connect for themselves: __consumer_offsets, heartbeats, "
        "mm2.x.internal",
        "left out, as Kafka Connect and other tools name topics so: _ours, connect-configs; for one of a brick, "
        "name it in full: --match _ours",
    ]
    assert left_out(LEFT, [], ["a*", "_ours"]) == []


HOSTILE: list[dict[str, str]] = [
    {},
    {"cleanup.policy": ""},
    {"cleanup.policy": "compact,delete"},
    {"min.insync.replicas": "1"},
    {"min.insync.replicas": "2"},
    {"min.cleanable.dirty.ratio": "1.0E-5"},
    {"retention.ms": "-1"},
    {"message.format.version": "3.0-IV1"},
    {"compression.type": "none"},
    {"segment.bytes": "7"},
    {"follower.fetch": "x"},
]


@pytest.mark.parametrize("configs", HOSTILE, ids=str)
@pytest.mark.parametrize("replicas", [1, 3])
def test_what_is_imported_is_taken_back_as_it_is_and_the_rest_is_named(configs: dict[str, str], replicas: int) -> None:
    topic = Topic("t", 2, replicas, configs)
    reason = unfit(topic)
    entry = fragment(topic, 1, "central")
    merged, problems = merge_fragments({"values/a.yml": ("a", [entry])})
    if reason is not None:
        assert any(key in reason for key in configs), "it names the config"
        return
    assert not problems
    [wanted] = from_props({one.name: one.wanted(1) for one in merged}).values()
    assert plan(topic, wanted, 3).is_nothing


def test_an_import_leaves_out_more_in_sync_replicas_than_replicas_and_says_why() -> None:
    assert "min.insync.replicas 2 exceeds its 1 replica(s)" in (
        unfit(Topic("t", 1, 1, {"min.insync.replicas": "2"})) or ""
    )
    assert unfit(Topic("t", 1, 2, {"min.insync.replicas": "2"})) is None
