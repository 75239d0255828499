"""Which differences may be another spelling, where comparing a field stops, and what a live field may gain."""

from typing import Any

import pytest

from bus.indices.diff.change_kinds import PARAMETERS, rule
from bus.indices.diff.differences import Difference, may_be_spelling, of_mappings

RULE = rule(PARAMETERS, "type")


def of(live: dict[str, Any], wanted: dict[str, Any]) -> list[Difference]:
    """Compare two definitions of the field a."""
    return list(of_mappings({"properties": {"a": live}}, {"properties": {"a": wanted}}, {}))


@pytest.mark.parametrize(
    ("path", "live", "is_value"),
    [
        (("mappings", "runtime", "a"), None, False),
        (("mappings", "runtime", "a"), {"type": "long"}, True),
        (("mappings", "properties", "a"), None, False),
        (("mappings", "properties", "a", "fields", "b"), None, False),
        (("mappings", "properties", "a", "locale"), None, True),
        (("mappings", "dynamic"), None, True),
        (("mappings", "_meta"), {"x": 1}, False),
        (("settings", "priority"), "1", False),
    ],
)
def test_a_value_in_a_mapping_may_be_another_spelling(path: tuple[str, ...], live: object, is_value: bool) -> None:
    assert may_be_spelling(Difference(path, live, "x", RULE)) is is_value


def test_only_another_type_ends_the_comparison_of_a_field() -> None:
    more = {"fields": {"raw": {"type": "keyword"}}}
    longer = of({"type": "keyword", "ignore_above": 5}, {"type": "keyword", "ignore_above": 9, **more})
    assert [one.path[3:] for one in longer] == [("ignore_above",), ("fields", "raw")]
    other = of({"type": "keyword"}, {"type": "text", **more})
    assert ("type",) in [one.path[3:] for one in other]
    assert ("fields", "raw") not in [one.path[3:] for one in other]


@pytest.mark.parametrize("live", [None, "question", ["question"]])
def test_relations_that_are_no_map_gain_nothing_in_place(live: object) -> None:
    relations = {"question": "answer"}
    [difference] = of({"type": "join", "relations": live}, {"type": "join", "relations": relations})
    assert difference.rule == rule(PARAMETERS, "relations", relations)


def test_the_options_of_vectors_are_those_of_vectors_alone() -> None:
    live, wanted = ({"type": "odd", "index_options": {"type": kind}} for kind in ("hnsw", "int8_hnsw"))
    [difference] = of(live, wanted)
    assert difference.rule == rule(PARAMETERS, "index_options", {"type": "int8_hnsw"})
