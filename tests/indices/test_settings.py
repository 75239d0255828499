"""Settings in one shape: no text of a fragment is taken for anything else than itself, nor a list for another one."""

import json
import random
from typing import Any

import pytest

from bus.indices.diff.settings import decoded, flatten
from bus.indices.props import FORM, LISTS, current, from_props

# Whatever looks like a list, a quote, a separator or an escape to some reader.
PIECES = [
    '["',
    '"]',
    '["a"]',
    '["a,b"]',
    '["a", "b"]',
    "[",
    "]",
    '"',
    ",",
    ", ",
    "\\",
    "'",
    " ",
    "{}",
    "null",
    "a",
    "é",
    "\n",
]


def texts(seed: int) -> list[str]:
    chance = random.Random(seed)
    return ["".join(chance.choices(PIECES, k=chance.randint(0, 4))) for _ in range(chance.randint(0, 4))]


def as_a_server_reads(value: Any) -> list[str]:
    """Settings.getAsList: a text is cut at commas, and each part is trimmed."""
    if isinstance(value, list):
        return value
    return [part.strip(" \n") for part in value.split(",")] if value else []


@pytest.mark.parametrize("seed", range(300))
def test_a_text_stays_the_text_and_a_list_is_read_as_that_list(seed: int) -> None:
    items = texts(seed)
    flat = flatten({"analysis.filter.a": {"list": items, **{f"t{number}": item for number, item in enumerate(items)}}})
    assert [flat[f"analysis.filter.a.t{number}"] for number in range(len(items))] == items
    assert as_a_server_reads(flat["analysis.filter.a.list"]) == items


@pytest.mark.parametrize(
    "text", ['["_.!?]', '["a"]', '["a,b"]', '["a, b => c", "d"]', '[""]', '["', '"["a"]"', "[]", '{"a": 1}'], ids=str
)
def test_a_text_that_looks_like_a_list_goes_through_a_resource_as_it_is(text: str) -> None:
    settings = flatten({"analysis": {"filter": {"f": {"type": "pattern_replace", "pattern": text}}}})
    props = {"indices": {"films": {"mappings": {}, "settings": settings, "aliases": {}}}, FORM: LISTS}
    wanted = from_props("films", json.loads(json.dumps(current(props)))["indices"]["films"])
    assert wanted.settings["analysis.filter.f.pattern"] == text


@pytest.mark.parametrize(
    ("held", "meant"),
    [
        ('["a, b => c", "d"]', ["a, b => c", "d"]),
        ('["é,è"]', ["é,è"]),
        ('["\\"x\\", y"]', ['"x", y']),
        ("a,b", "a,b"),
        ('["_.!?]', '["_.!?]'),
        ('["a"]', '["a"]'),
        ('["a,b",  "c"]', '["a,b",  "c"]'),
        ('["a,b", 3]', '["a,b", 3]'),
        (None, None),
    ],
)
def test_a_state_of_before_is_read_as_it_was_meant(held: str | None, meant: Any) -> None:
    old = {"indices": {"films": {"settings": {"k": held}}}, "namespace": "n"}
    assert current(old)["indices"]["films"]["settings"] == {"k": meant}
    assert decoded({"k": held}) == {"k": meant}


def test_a_state_of_now_is_not_decoded() -> None:
    held = {"indices": {"films": {"settings": {"k": '["a,b"]'}}}, FORM: 2.0}
    assert current(held) == held
