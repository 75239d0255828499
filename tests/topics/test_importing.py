"""What an import of a live cluster's topics leaves out."""

import pytest

from bus.topics.importing import left_out, undeclared

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
