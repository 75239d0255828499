"""`bus preview` and `bus drift`: a line for each policy, template, pipeline and index that a step changes."""

from typing import Any

import pytest

from bus.notes.sets import changed_sets

TITLES = {"processors": [{"trim": {"field": "title"}}]}
SALES = {"index_patterns": ["sales-*"], "priority": 1}


def step(op: str, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    kind = "pulumi-python:dynamic/bus:IndexSet"
    states = {"oldState": {"type": kind, "inputs": old}, "newState": {"type": kind, "inputs": new}}
    return {"urn": f"urn:pulumi:local::bus::{kind}::central-indices", "op": op, **states}


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ({}, {"pipelines": {"titles": TITLES}}, ["+ pipeline titles"]),
        (
            {"pipelines": {"titles": TITLES}},
            {"pipelines": {"titles": {}}},
            ['~ pipeline titles: processors [{"trim": {"field": "title"}}] -> null'],
        ),
        ({"policies": {"keep": {}}}, {}, ["- lifecycle policy keep (its fragment is gone)"]),
        (
            {"componentTemplates": {"base": {}}, "indexTemplates": {"sales": SALES}, "indices": {}},
            {"indexTemplates": {"sales": {**SALES, "priority": 2}}, "indices": {"films": {}}},
            ["- component template base (its fragment is gone)", "~ index template sales: priority 1 -> 2", "+ films"],
        ),
    ],
)
def test_each_is_called_by_its_kind(old: dict[str, Any], new: dict[str, Any], lines: list[str]) -> None:
    found = changed_sets([step("update", old, new)])
    assert list(found) == ["central-indices"] and found["central-indices"] == lines
    assert changed_sets([step("same", old, new)]) == {}
