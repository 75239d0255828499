"""The same text means the same to every reader of bus, and what readers of YAML differ on is refused."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import ruamel.yaml
import yaml

from bus.config import bricks, yaml_scalars
from bus.config.authored import authored
from bus.config.yaml_files import read_map
from bus.errors import Problem
from bus.releases.render import charts
from tests.support.yaml_spellings import KEYS, REFUSED, SCALARS, TEXTS

WHOLE: list[tuple[bytes, Any]] = [*((f"v: {text}\n".encode(), value) for text, value in SCALARS), *TEXTS]
IDS = [repr(text) for text, _ in WHOLE]


def of_brick(folder: Path, content: bytes) -> Any:
    (folder / "f.yml").write_bytes(content)
    raw, problems = read_map(folder / "f.yml", "f.yml")
    assert all(problem.file == "f.yml" for problem in problems)
    return REFUSED if problems else raw["v"]


def of_chart(folder: Path, content: bytes) -> Any:
    (folder / "chart").mkdir(exist_ok=True)
    (folder / "chart/values.yaml").write_bytes(content)
    try:
        return charts.load_map(folder / "chart/values.yaml")["v"]
    except charts.BadChart:
        return REFUSED


def of_stack_file(content: bytes) -> Any:
    """As the program reads the config of a stack: Pulumi's value is given as Go makes it of a date or number."""
    lines = content.decode(errors="replace").splitlines(keepends=True)
    text = "config:\n  bus:v:\n" + "".join(f"    {line}" for line in lines)
    given = {"v": "other"}
    value = yaml_value(text)
    if value is not None:
        given = value
    found = authored(text, "Pulumi.x.yaml", {"bus:v": json.dumps(given)}, "bus:")
    return REFUSED if found.problems else json.loads(found.config["bus:v"]).get("v", REFUSED)


def yaml_value(text: str) -> Any:
    try:
        found: Any = ruamel.yaml.YAML(typ="safe", pure=True).load(text)["config"]["bus:v"]
        json.dumps(found)
    except Exception:
        return None
    return found


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


@pytest.mark.parametrize(("content", "meant"), WHOLE, ids=IDS)
def test_a_spelling_means_the_same_in_a_brick_file_and_in_a_chart(tmp_path: Path, content: bytes, meant: Any) -> None:
    assert same(of_brick(tmp_path, content), meant)
    in_chart = of_chart(tmp_path, content)
    is_helms = isinstance(meant, str) and meant in yaml_scalars.HELM_BOOLEANS
    assert same(in_chart, REFUSED if is_helms else meant) or (b":\t" in content and in_chart == "x")


@pytest.mark.parametrize(("text", "meant"), SCALARS, ids=[repr(text) for text, _ in SCALARS])
def test_what_is_taken_is_what_yaml_1_2_has(text: str, meant: Any) -> None:
    """By ruamel.yaml, which is no part of the reading; dates are text in the core schema."""
    if meant is REFUSED or text.startswith("!!") or yaml_scalars.is_date(text) or text == "=":
        return  # ruamel.yaml cannot read a bare =
    reader = ruamel.yaml.YAML(typ="safe", pure=True)
    assert same(reader.load(io.StringIO(f"v: {text}\n"))["v"], meant)


@pytest.mark.parametrize(("text", "meant"), SCALARS, ids=[repr(text) for text, _ in SCALARS])
def test_what_a_reader_of_yaml_1_1_takes_for_something_else_is_refused(text: str, meant: Any) -> None:
    """But for numbers with an exponent, which PyYAML alone takes for text, and dates, which stay as they are."""
    if meant is REFUSED or yaml_scalars.is_date(text) or text == "=":
        return
    old = yaml.safe_load(f"v: {text}\n")["v"]
    assert same(old, meant) or (isinstance(meant, float) and old == text)


@pytest.mark.parametrize(("key", "taken"), KEYS)
def test_a_key_is_text_to_every_reader_or_refused(tmp_path: Path, key: str, taken: bool) -> None:
    content = f"v:\n  {key}  : x\n" if key.startswith("?") else f"v:\n  {key}: x\n"
    (tmp_path / "f.yml").write_text(content)
    raw, problems = read_map(tmp_path / "f.yml", "f.yml")
    assert [problem.allowed for problem in problems] == (
        [] if taken else ["this key must be text: put it between quotes, as the file has it"]
    )
    assert raw["v"] == ({str(yaml.safe_load(f"{key}: x").popitem()[0]): "x"} if taken else {})


def test_two_keys_that_are_no_text_are_two_problems_and_no_key_that_stands_twice(tmp_path: Path) -> None:
    (tmp_path / "f.yml").write_text("v:\n  {a: b}: x\n  [c]: y\n")
    raw, problems = read_map(tmp_path / "f.yml", "f.yml")
    assert raw == {"v": {}}
    assert [(one.path, one.allowed) for one in problems] == [
        ("v.? (line 2)", "this key must be text: put it between quotes, as the file has it"),
        ("v.? (line 3)", "this key must be text: put it between quotes, as the file has it"),
    ]


def test_all_that_is_wrong_is_said_at_once_with_lines_and_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "kafka.yml").write_text(
        "values:\n  env: {A: on, B: 0123}\nindices:\n- name: films\n  mappings:\n    _meta: {no: 1, at: 22:30}\n"
    )
    _, problems = bricks.load(tmp_path, frozenset({"kafka"}))
    file = f"{tmp_path.name}/kafka.yml"
    assert [str(problem) for problem in problems] == [
        f"{file}: values.env.A = on: is true to some readers of YAML and text to others (line 2); "
        "put it between quotes for the text, or write true",
        f"{file}: values.env.B = 0123: is read differently by readers of YAML: as one number, as another, or as text "
        "(line 2); put it between quotes for the text, or write the number in plain digits",
        f"{file}: indices[0].mappings._meta.no: this key must be text: put it between quotes, as the file has it",
        f"{file}: indices[0].mappings._meta.at = 22:30: is a number in base 60 to some readers of YAML and text to "
        "others (line 6); put it between quotes for the text",
    ]


STACK = """\
config:
  bus:customer: hickson
  bus:context: 0123
  bus:access: 1.10
  bus:sites:
    a: {since: 2024-01-02, code: 0123, tag: 1.10, at: !!str 5, long: 9007199254740993, big: 1e5}
    b: {when: 2001-12-14t21:59:43.10-05:00, plain: x}
  bus:values: {kafka: {env: {SINCE: 2024-01-01}}}
  bus:odoo.password: {secure: v1:abc}
"""
GIVEN = {
    "bus:customer": "hickson",
    "bus:context": "83",
    "bus:access": "1.1",
    "bus:sites": json.dumps(
        {
            "a": {"since": "2024-01-02 00:00:00 +0000 UTC", "code": 83, "tag": 1.1, "at": "5",
                  "long": 9007199254740992, "big": 100000},
            "b": {"when": "2001-12-14 21:59:43.1 -0500 -0500", "plain": "x"},
        }
    ),
    "bus:values": '{"kafka":{"env":{"SINCE":"2024-01-01 00:00:00 +0000 UTC"}}}',
    "bus:odoo.password": "s3cret",
    "other:x": "y",
}  # fmt: skip


def test_the_values_of_a_stack_file_are_those_of_its_author() -> None:
    found = authored(STACK, "Pulumi.x.yaml", GIVEN, "bus:")
    assert [(one.path, str(one.value)) for one in found.problems] == [
        ("bus:context", "0123"),
        ("bus:sites.a.code", "0123"),
    ]
    assert json.loads(found.config["bus:sites"]) == {
        "a": {"since": "2024-01-02", "code": "0123", "tag": 1.1, "at": "5", "long": 9007199254740993, "big": 100000.0},
        "b": {"when": "2001-12-14t21:59:43.10-05:00", "plain": "x"},
    }
    assert json.loads(found.config["bus:values"]) == {"kafka": {"env": {"SINCE": "2024-01-01"}}}
    assert (found.config["bus:access"], found.config["bus:context"]) == ("1.10", "0123")
    assert (found.config["bus:odoo.password"], found.config["other:x"]) == ("s3cret", "y")


@pytest.mark.parametrize(
    "other",
    [
        '{"kafka":{"env":{"SINCE":"2024-01-02 00:00:00 +0000 UTC"}}}',
        '{"kafka":{"env":{"SINCE":"2024-01-01 00:00:00 +0000 UTC","MORE":"x"}}}',
        '{"kafka":{"env":["x"]}}',
        '{"kafka":{"env":{"SINCE":"x"}}}',
    ],
)
def test_of_another_file_what_pulumi_has_is_taken_and_its_dates_are_refused(other: str) -> None:
    found = authored(STACK, "Pulumi.x.yaml", {"bus:values": other}, "bus:")
    assert found.config == {"bus:values": other}
    assert [one.allowed for one in found.problems] == ["is what Pulumi makes of a date without quotes"] * (
        " UTC" in other
    )


def test_what_pulumi_has_made_of_a_date_is_refused_where_it_stands_in_the_file() -> None:
    """`pulumi config set` writes the whole file again, with all that it has changed."""
    text = "config:\n  bus:values:\n    kafka: {since: '2024-01-01 00:00:00 +0000 UTC'}\n"
    given = {"bus:values": '{"kafka":{"since":"2024-01-01 00:00:00 +0000 UTC"}}'}
    for file in (text, None):
        (problem,) = authored(file, "Pulumi.x.yaml", given, "bus:").problems
        assert str(problem) == (
            "Pulumi.x.yaml: bus:values.kafka.since = 2024-01-01 00:00:00 +0000 UTC: is what Pulumi makes of a date "
            "without quotes; write the date as you mean it, between quotes"
        )


@pytest.mark.parametrize("problem", [Problem("f", "a", 1, "x")])
def test_a_stack_file_that_cannot_be_read_is_no_reason_to_fail_otherwise(problem: Problem) -> None:
    assert authored("config: [", "Pulumi.x.yaml", {"bus:a": "1"}, "bus:").config == {"bus:a": "1"}
    assert authored("- a\n", "Pulumi.x.yaml", {"bus:a": "1"}, "bus:").config == {"bus:a": "1"}
    assert authored(None, "Pulumi.x.yaml", {"bus:a": "1"}, "bus:").problems == ()
