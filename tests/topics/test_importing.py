"""What an import of a live cluster's topics leaves out."""

import pytest

from bus.topics.importing import undeclared

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
