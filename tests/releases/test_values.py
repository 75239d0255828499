"""Values of a release: precedence, what settings fix, and schema errors in the file that brought them."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from bus.releases.render import exact
from bus.releases.render.values import Layer, is_enabled, places, release_values, with_defaults

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "enabled": {"type": "boolean"},
        "global": {"type": "object"},
        "replicaCount": {"type": "integer", "minimum": 0},
        "mode": {"enum": ["kraft", "zookeeper"]},
        "image": {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: {"type": "string"} for name in ("repository", "name", "tag", "digest")},
        },
        "env": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """umbrella -> inner -> kafka, and umbrella -> ui; the shape of hickson-base."""
    chart(
        tmp_path, "kafka", {}, "replicaCount: 1\nmode: kraft\nimage: {repository: r, name: k, tag: '1', digest: ''}\n"
    )
    chart(tmp_path, "ui", {}, "replicaCount: 1\nenv: {}\n")
    chart(tmp_path, "inner", {"kafka": "kafka"}, "kafka: {replicaCount: 2}\n")
    chart(tmp_path, "umbrella", {"inner": "inner", "cinecaisse-ui": "ui"}, "cinecaisse-ui: {enabled: false}\n")
    return tmp_path


def chart(root: Path, name: str, below: dict[str, str], values: str) -> None:
    (root / name).mkdir()
    entries = [
        {"name": of, "alias": alias, "version": "1", "repository": f"file://../{of}"} for alias, of in below.items()
    ]
    meta = {"apiVersion": "v2", "name": name, "version": "1.0.0", "dependencies": entries}
    (root / name / "Chart.yaml").write_text(json.dumps(meta))
    (root / name / "values.yaml").write_text(values)
    (root / name / "values.schema.json").write_text(json.dumps(SCHEMA if not below else {"type": "object"}))


def layers(*values: Mapping[str, object], brick: str = "kafka") -> list[Layer]:
    """brick file, stack-wide, site: as many of them as there are values."""
    where = [
        (f"values/{brick}.yml", ""),
        ("Pulumi.x.yaml", "bus:values"),
        ("Pulumi.x.yaml", "bus:sites.central.values"),
    ]
    return [Layer(file, root, {brick: value}) for (file, root), value in zip(where, values, strict=False)]


def test_site_wins_over_stack_over_brick_file_over_chart(folder: Path) -> None:
    given = layers(
        {"replicaCount": 3, "env": {"A": "file", "B": "file", "C": "file"}},
        {"env": {"A": "stack", "B": "stack"}},
        {"env": {"A": "site"}},
    )
    values, problems = release_values(folder, "umbrella", given, {})
    kafka = with_defaults(folder, "umbrella", values)["inner"]["kafka"]
    assert problems == []
    assert kafka["env"] == {"A": "site", "B": "stack", "C": "file"}
    assert (kafka["replicaCount"], kafka["mode"]) == (3, "kraft")


def test_an_umbrella_s_default_wins_over_its_sub_chart_s(folder: Path) -> None:
    assert with_defaults(folder, "umbrella", {})["inner"]["kafka"]["replicaCount"] == 2


def test_a_brick_that_the_chart_lacks_is_left_out(folder: Path) -> None:
    values, problems = release_values(folder, "umbrella", layers({"replicaCount": 1}, brick="elsewhere"), {})
    assert (values, problems) == ({}, [])


def test_what_settings_fix_may_not_be_set_in_values(folder: Path) -> None:
    derived = {"inner": {"kafka": {"replicaCount": 3}}}
    values, problems = release_values(folder, "umbrella", layers({}, {"replicaCount": 5}), derived)
    assert values["inner"]["kafka"]["replicaCount"] == 3
    assert [str(p) for p in problems] == [
        "Pulumi.x.yaml: bus:values.kafka.replicaCount: is fixed by the site's settings; remove it here"
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (({"replicaCount": "two"},), "values/kafka.yml: values.replicaCount = 'two': must be a whole number"),
        (({"replicaCount": [1]},), "values/kafka.yml: values.replicaCount: must be a whole number, and is a list"),
        (({"replicas": 2},), "values/kafka.yml: values.replicas: unknown key; allowed: enabled, env, global"),
        (({}, {"mode": "raft"}), "Pulumi.x.yaml: bus:values.kafka.mode = 'raft': must be one of kraft, zookeeper"),
        (({}, {}, {"env": {"A": 1}}), "Pulumi.x.yaml: bus:sites.central.values.kafka.env.A = 1: must be text"),
        (({"mode": "raft"}, {"mode": "kraft"}), ""),
    ],
)
def test_a_schema_error_names_the_file_that_brought_the_value(
    folder: Path, given: tuple[dict[str, object], ...], said: str
) -> None:
    _, problems = release_values(folder, "umbrella", layers(*given), {})
    assert len(problems) == (1 if said else 0)
    assert said in "".join(map(str, problems))


def test_all_schema_errors_are_said_at_once(folder: Path) -> None:
    _, problems = release_values(
        folder, "umbrella", layers({"replicaCount": -1, "mode": "x"}, {"env": {"A": True}}), {}
    )
    assert len(problems) == 3


def test_another_tag_does_not_inherit_the_digest_of_a_lower_layer(folder: Path) -> None:
    low = {"image": {"repository": "r", "name": "k", "tag": "1", "digest": "sha256:old"}}
    values, _ = release_values(folder, "umbrella", layers(low, {"image": {"tag": "2"}}), {})
    assert values["inner"]["kafka"]["image"] == {"repository": "r", "name": "k", "tag": "2", "digest": ""}


def test_a_sub_chart_is_off_when_it_or_what_holds_it_is_off(folder: Path) -> None:
    full = with_defaults(folder, "umbrella", {"inner": {"enabled": False}})
    assert not is_enabled(full, ("cinecaisse-ui",))
    assert not is_enabled(full, ("inner", "kafka"))
    assert is_enabled(with_defaults(folder, "umbrella", {}), ("inner", "kafka"))


def test_places_of_bricks_nested_and_alone(folder: Path) -> None:
    assert places(folder, "umbrella")["kafka"] == (("inner", "kafka"), "kafka")
    assert places(folder, "kafka") == {"kafka": ((), "kafka")}


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"image": None}, {"replicaCount": 2, "mode": "kraft"}),
        ({"replicaCount": None}, {"mode": "kraft"}),
        ({"mode": None, "env": {"A": None}}, {"replicaCount": 2, "env": {}}),
        ({"env": {}}, {"replicaCount": 2, "mode": "kraft", "env": {}}),
    ],
)
def test_a_null_takes_away_the_default_of_a_chart_and_of_its_umbrella(
    folder: Path, values: dict[str, object], kept: dict[str, object]
) -> None:
    resolved = with_defaults(folder, "umbrella", {"inner": {"kafka": values}})["inner"]["kafka"]
    assert {key: value for key, value in resolved.items() if key != "image"} == kept
    assert ("image" in resolved) == ("image" not in values)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (2**53 + 1, "values/kafka.yml: values.env.A = 9007199254740993: would be rounded to 9007199254740992"),
        (-(10**400), "would be rounded to infinity"),
        (float("inf"), "values/kafka.yml: values.env.A = 'inf': is no number that Helm can hold"),
        ("a\ud83c", "values/kafka.yml: values.env.A: has the character U+D83C, which cannot be deployed"),
        ("a\x7f", "values/kafka.yml: values.env.A: has the character U+007F, which cannot be deployed"),
        ({"\ufffeb": 1}, "values/kafka.yml: values.env.A = "),
        ([{"x": 2**60 + 1}], "values/kafka.yml: values.env.A[0].x = "),
    ],
)
def test_what_would_arrive_as_something_else_is_refused_with_its_place(folder: Path, value: object, said: str) -> None:
    _, problems = release_values(folder, "umbrella", layers({"env": {"A": value}}), {})
    assert said in "\n".join(map(str, problems))


@pytest.mark.parametrize("value", ["🎬 é \u2028 \x85", "1e5", 2**53, -(2**53), 2**60, 1.5, 0, False, "", [], {}, None])
def test_what_arrives_as_it_is_written_is_taken(value: object) -> None:
    assert not list(exact.problems("values/x.yml", "values", {"a": value, "b": [value]}))
