"""What a verb writes is read back equal by every reader, and every other byte stays as it was."""

import json
from typing import Any

import pytest
import ruamel.yaml
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from bus.config.yaml_editing import NotEditable, extend, put
from bus.config.yaml_files import read_text
from bus.config.yaml_writing import block, flow
from bus.images.promotion import pins
from tests.support.yaml_spellings import SCALARS

HOSTILE = [text for text, _ in SCALARS if "\n" not in text]
HOSTILE += [
    "",
    " ",
    "a: b",
    "- a",
    "# x",
    "a #b",
    "'",
    '"',
    "\\",
    "\t",
    "a\nb",
    "\r",
    "🎬",
    "\x85",
    "\u2028",
    "\ufeff",
    "\x7f",
]
HOSTILE += [
    "&a",
    "*a",
    "!x",
    "%a",
    "@a",
    "`a",
    "|",
    ">",
    "?",
    ": ",
    "{",
    "]",
    ",",
    "---",
    "...",
    "<<",
    "null ",
    "\x00",
    "\x1b",
]
texts = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
plain = st.one_of(
    texts, st.booleans(), st.none(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    plain, lambda below: st.lists(below, max_size=3) | st.dictionaries(texts, below, max_size=3), max_leaves=8
)
entries = st.dictionaries(texts, values, min_size=1, max_size=4)
LISTS = [
    "topics:\n  - name: a\n",
    "topics:\n- name: a\n",
    "# why\nimage: {repository: r} # x\ntopics:\n  # first\n  - name: a # one\n\n# last\nindices: []\n",
    "topics:\n  - name: a\n    description: |\n      two\n      lines\nvalues: {a: 0x1F, b: ~}\n",
    "topics: []\nvalues:   {  a:   1.0e+3 }\n",
    "topics:\nvalues: {}\n",
    "topics: ~ # none yet\n",
    "topics: [{name: a}]\nx: 2024-01-01\n",
    "topics: [{name: a}, ]\n",
    "topics: [\n  {name: a}\n]\n",
    "values: {env: {A: on}}\n",
    "values: &a {x: 1}\nother: *a\ntopics:\n  - *a\n",
    "topics:\n  - name: a",
    "",
    "# only a comment\n",
    "\ufefftopics:\n  - name: a\n",
    "---\nimage: {tag: x}\n",
    "{image: {tag: x}}\n",
    "topics:\n  - name: a\n    configs: {}\n    sites:\n      - central\n",
    "topics:\n    -   name: a\n        partitions: 1\n",
    "topics:\n  - name: a\n    description: >+\n      x\n\n\nz: 1\n",
]


def endings(text: str) -> list[str]:
    return [text, text.replace("\n", "\r\n"), text.replace("\n", "\r")]


@pytest.mark.parametrize("text", LISTS)
def test_an_item_more_changes_nothing_else_of_a_file(text: str) -> None:
    for one in endings(text):
        before = read_text(one, "f")
        after = extend(one, ["topics"], [{"name": "on", "configs": {"no": "0123"}}], "f")
        document = read_text(after, "f")
        was = before.value.get("topics") or []
        assert document.value == {**before.value, "topics": [*was, {"name": "on", "configs": {"no": "0123"}}]}
        assert document.problems == before.problems
        removed = [line for line in one.splitlines(keepends=True) if line.strip("\ufeff\r\n ") not in after]
        assert all("topics:" in line or line.startswith("{") for line in removed), removed
        if "\r\n" in one:
            assert after.replace("\r\n", "").count("\n") == 0


@given(entries)
@example({"on": "no", "0123": "~"})
@example({"a" * 200: "x"})
def test_what_is_written_is_read_back_equal_by_every_reader(entry: dict[str, Any]) -> None:
    for text in ("topics:\n  - name: a\n", "topics: [{name: a}]\n", ""):
        after = extend(text, ["topics"], [entry], "f")
        document = read_text(after, "f")
        assert document.problems == []
        assert json.dumps(document.value["topics"][-1]) == json.dumps(entry)
        assert json.dumps(ruamel.yaml.YAML(typ="safe", pure=True).load(after)["topics"][-1]) == json.dumps(entry)
        assert only_exponents(yaml.safe_load(after)["topics"][-1], entry)


def only_exponents(one: Any, other: Any) -> bool:
    """Whether PyYAML, of YAML 1.1, reads the same but for numbers with an exponent, which are text to it."""
    if isinstance(other, dict):
        return one.keys() == other.keys() and all(only_exponents(one[key], other[key]) for key in other)
    if isinstance(other, list):
        return len(one) == len(other) and all(map(only_exponents, one, other))
    return bool(one == other) or (isinstance(other, float) and "e" in repr(other))


@given(texts, entries)
def test_a_site_more_changes_nothing_else_of_a_stack_file(name: str, entry: dict[str, Any]) -> None:
    text = (
        "# why\nconfig:\n  bus:customer: hickson # x\n  bus:sites:\n    central:\n      namespace: a\n"
        "      since: 2024-01-01\n\n    # the last\n    b: {namespace: c}\n  bus:odoo.password:\n    secure: v1:abc\n"
        "encryptionsalt: v1:xyz\n"
    )
    if name in ("central", "b"):
        return
    for one in endings(text):
        after = put(one, ["config", "bus:sites"], name, entry, "f")
        sites = read_text(after, "f").value["config"]["bus:sites"]
        assert list(sites) == ["central", "b", name]
        assert json.dumps(sites[name]) == json.dumps(entry)
        place = after.index("b: {namespace: c}") + len("b: {namespace: c}")
        rest = one[one.index("  bus:odoo.password") :]
        assert after.startswith(one[:place]) and after.endswith(rest)


@pytest.mark.parametrize("text", ["topics: {a: 1}\n", "topics: &a []\nx: *a\n", "topics: x\n", "topics: !!seq []\n"])
def test_what_cannot_be_added_to_is_refused_or_added_to_rightly(text: str) -> None:
    try:
        after = extend(text, ["topics"], [{"name": "a"}], "f")
    except (NotEditable, TypeError):
        return
    assert read_text(after, "f").value["topics"][-1] == {"name": "a"}


@given(texts)
def test_the_mark_of_a_hotfix_is_read_back_and_the_rest_stays(reason: str) -> None:
    text = "# why\nimage: # x\n  repository: r.nc\n  name: n\n  tag: '1.10' # the tag\nvalues: {a: on, b: 0x1F}\n"
    pin = pins.bump(pins.read(text, "f"), "0123", "", hotfix=reason)
    after = pins.write(text, pin, "f")
    assert pins.read(after, "f") == pin
    assert after.replace(" '0123' ", " '1.10' ").startswith(text[: text.index("values")])
    assert after.endswith("values: {a: on, b: 0x1F}\n")


def test_lines_and_flow_are_the_same_value() -> None:
    value = {"a": [1, {"b": []}], "on": {}, "c": ["x", "no"]}
    assert read_text("\n".join(block(value)), "f").value == value == read_text(flow(value), "f").value
