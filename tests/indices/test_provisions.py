"""Policies, templates and pipelines of bricks: what is refused in their files, and what a server's answer means."""

from collections.abc import Mapping
from typing import Any

import pytest

from bus.indices.declared.supporting import for_site, merge_provisions, overlap
from bus.indices.diff.plan import LiveIndex
from bus.indices.props import whole
from bus.indices.supporting import diff
from bus.indices.supporting.diff import Held

PIPELINE = {"name": "titles", "processors": [{"trim": {"field": "title"}}]}
TEMPLATE = {
    "name": "sales",
    "index_patterns": ["sales-*"],
    "composed_of": ["base"],
    "priority": 100,
    "template": {"settings": {"index": {"number_of_shards": 1}, "refresh_interval": "5s"}, "aliases": {"all": {}}},
}
COMPONENT = {"name": "base", "template": {"settings": {"codec": "best_compression"}}}
POLICY = {"name": "keep", "policy": {"phases": {"delete": {"min_age": "90d", "actions": {"delete": {}}}}}}
ALL = {"policies": [POLICY], "componentTemplates": [COMPONENT], "pipelines": [PIPELINE], "indexTemplates": [TEMPLATE]}


def merged(**files: Mapping[str, Any]) -> tuple[Any, list[str]]:
    found, problems = merge_provisions({f"values/{brick}.yml": (brick, blocks) for brick, blocks in files.items()})
    return for_site(found, "central"), [str(problem) for problem in problems]


def declared(**changes: Any) -> Any:
    bodies, problems = merged(a={**ALL, **changes})
    assert not problems
    return bodies


def test_they_are_what_a_server_is_given() -> None:
    bodies = declared()
    assert bodies["pipelines"] == {"titles": {"processors": PIPELINE["processors"]}}
    assert bodies["policies"] == {"keep": {"policy": POLICY["policy"]}}
    assert bodies["indexTemplates"]["sales"] == {key: TEMPLATE[key] for key in TEMPLATE if key != "name"}


def test_a_kind_of_site_may_have_none() -> None:
    found, _ = merge_provisions({"f": ("a", {"pipelines": [{**PIPELINE, "sites": ["complexe"]}]})})
    assert for_site(found, "central") == {} and list(for_site(found, "complexe")["pipelines"]) == ["titles"]


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ({"pipelines": [{"name": "_x", "processors": []}]}, "is no name for it"),
        ({"pipelines": [{"name": "x"}]}, "pipelines[0].processors: is required"),
        ({"policies": [{"name": "x"}]}, "policies[0].policy: is required"),
        ({"indexTemplates": [{"name": "x"}]}, "indexTemplates[0].index_patterns: is required"),
        ({"indexTemplates": [{"name": "x", "indexPatterns": ["a"]}]}, "did you mean index_patterns?"),
        (
            {"componentTemplates": [{"name": "x", "template": {"settings": {"index.uuid": "u"}}}]},
            "is set by the server",
        ),
        ({"pipelines": [PIPELINE, PIPELINE]}, "is also declared by values/a.yml"),
        ({"pipelines": [{"name": "x", "consumes": True}]}, "is consumed here, but no brick declares it"),
    ],
)
def test_what_is_wrong_in_a_file_is_said(blocks: Mapping[str, Any], said: str) -> None:
    _, problems = merged(a=blocks)
    assert any(said in problem for problem in problems), problems


def test_two_templates_for_one_name_need_two_priorities() -> None:
    other = {**TEMPLATE, "name": "other", "index_patterns": ["sal*-2026"]}
    _, problems = merged(a={"indexTemplates": [TEMPLATE]}, b={"indexTemplates": [other]})
    assert len(problems) == 1 and "sal*-2026 of other of values/b.yml" in problems[0]
    _, problems = merged(a={"indexTemplates": [TEMPLATE]}, b={"indexTemplates": [{**other, "priority": 101}]})
    assert not problems


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [("a*", "*b", True), ("a*", "b*", False), ("a-*-c", "a-b-*", True), ("a", "a", True), ("a", "a*", True),
     ("*", "x", True), ("a*c", "ab", False)],
)  # fmt: skip
def test_patterns_that_some_name_matches_both(one: str, other: str, common: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is common


@pytest.mark.parametrize(
    ("kind", "name", "answer"),
    [
        ("pipelines", "titles", {"processors": [{"trim": {"field": "title"}}], "created_date_millis": 7}),
        ("policies", "keep", {"policy": {"phases": {"delete": {"min_age": "90d", "actions": {
            "delete": {"delete_searchable_snapshot": True}}}}}}),
        ("componentTemplates", "base", {"template": {"settings": {"index": {"codec": "best_compression"}}}}),
        ("indexTemplates", "sales", {
            "index_patterns": ["sales-*"], "composed_of": ["base"], "priority": 100, "modified_date_millis": 7,
            "template": {"settings": {"index": {"number_of_shards": "1", "refresh_interval": "5s"}}, "mappings": {},
                         "aliases": {"all": {}}}}),
    ],
)  # fmt: skip
def test_a_server_s_spelling_is_no_drift(kind: str, name: str, answer: Mapping[str, Any]) -> None:
    bodies = declared()
    held = Held({kind: {name: answer}})
    assert kind not in diff.to_put(held, bodies)
    assert diff.seen(held.bodies, bodies)[kind][name] == bodies[kind][name]


def test_a_change_by_hand_is_drift_and_put_back() -> None:
    bodies = declared()
    by_hand = {"processors": [{"trim": {"field": "title"}}, {"drop": {}}], "created_date_millis": 7}
    held = Held({**bodies, "pipelines": {"titles": by_hand}})
    assert diff.seen(held.bodies, bodies)["pipelines"]["titles"] == {"processors": by_hand["processors"]}
    assert list(diff.to_put(held, bodies)) == ["pipelines"]
    [line] = diff.lines(held, bodies)
    assert line.startswith("pipeline titles is changed: processors: [") and "'drop'" in line


def test_an_empty_action_is_something() -> None:
    held = Held(declared())
    other = {**POLICY, "policy": {"phases": {"delete": {"min_age": "90d", "actions": {}}}}}
    assert list(diff.to_put(held, declared(policies=[other]))) == ["policies"]


@pytest.mark.parametrize(
    ("held", "indices", "path", "said"),
    [
        (Held({}, {"policies": "no /_ilm/policy here"}), {}, 'policies["keep"]', "no /_ilm/policy here"),
        (Held({"pipelines": {"titles": {"_meta": {"managed": True}}}}), {}, 'pipelines["titles"]', "managed by the"),
        (Held({}), {"films": {"settings": {"default_pipeline": "nope"}}},
         'indices["films"].settings.default_pipeline', "names pipeline nope, which no brick declares"),
        (Held({}), {"films": {"settings": {"lifecycle.name": "nope"}}},
         'indices["films"].settings.lifecycle.name', "names lifecycle policy nope"),
        (Held({}), {"films": {"settings": {}, "reindex": {"pipeline": "nope"}}},
         'indices["films"].reindex.pipeline', "names pipeline nope"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(held: Held, indices: Any, path: str, said: str) -> None:
    found = diff.refusals(held, declared(), indices)
    assert list(found) == [path] and said in found[path]


def test_what_a_template_is_composed_of_must_be_there() -> None:
    alone = {"indexTemplates": declared()["indexTemplates"]}
    assert "component template base" in diff.refusals(Held({}), alone, {})['indexTemplates["sales"].composed_of']
    assert not diff.refusals(Held({"componentTemplates": {"base": {}}}), alone, {})


def test_a_component_template_may_be_allowed_to_lack() -> None:
    lenient = {**TEMPLATE, "ignore_missing_component_templates": ["base"]}
    assert not diff.refusals(Held({}), {"indexTemplates": declared(indexTemplates=[lenient])["indexTemplates"]}, {})


def test_a_server_with_legacy_templates_refuses_what_they_cannot_have() -> None:
    stream = {**TEMPLATE, "version": 3, "data_stream": {}, "allow_auto_create": True}
    bodies = {"indexTemplates": declared(indexTemplates=[stream], componentTemplates=[COMPONENT])["indexTemplates"]}
    held = Held({"componentTemplates": {"base": {}}}, legacy="only legacy templates")
    assert sorted(diff.refusals(held, bodies, {})) == [
        'indexTemplates["sales"].allow_auto_create', 'indexTemplates["sales"].data_stream',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "fragment", "answer"),
    [
        ("indexTemplates", {"name": "s", "index_patterns": ["s-*"], "data_stream": {}, "version": 3, "_meta": {"a": 1},
                            "template": {"lifecycle": {"data_retention": "7d"}}},
         {"index_patterns": ["s-*"], "composed_of": [], "data_stream": {"hidden": False, "allow_custom_routing": False},
          "version": 3, "_meta": {"a": 1}, "template": {"lifecycle": {"enabled": True, "data_retention": "7d"}}}),
        ("componentTemplates", {"name": "c", "version": 2, "deprecated": True},
         {"version": 2, "deprecated": True, "template": {}}),
        ("pipelines", {"name": "p", "processors": [], "version": 2, "_meta": {"by": "us"}},
         {"processors": [], "version": 2, "_meta": {"by": "us"}, "created_date_millis": 7}),
    ],
)  # fmt: skip
def test_further_keys_are_given_and_no_drift(kind: str, fragment: dict[str, Any], answer: dict[str, Any]) -> None:
    found, problems = merged(a={kind: [fragment]})
    assert not problems
    held = Held({kind: {fragment["name"]: answer}})
    body = found[kind][fragment["name"]]
    assert {key: body[key] for key in fragment if key != "name"} == {k: v for k, v in fragment.items() if k != "name"}
    assert not diff.to_put(held, found)
    assert diff.seen(held.bodies, found)[kind] == found[kind]


def test_a_data_stream_is_not_as_good_as_none() -> None:
    plain: dict[str, Any] = {"name": "s", "index_patterns": ["s-*"]}
    live, _ = merged(a={"indexTemplates": [plain]})
    wanted, _ = merged(a={"indexTemplates": [{**plain, "data_stream": {}}]})
    assert list(diff.to_put(Held(live), wanted)) == ["indexTemplates"]


def test_what_is_live_may_be_named() -> None:
    held = Held({"pipelines": {"shared": {}}})
    named = {"films": {"settings": {"default_pipeline": "shared", "final_pipeline": "_none"}}}
    assert not diff.refusals(held, declared(), named)


def test_what_uses_one() -> None:
    held = Held(declared(), indices={"films-000001": {"default_pipeline": "titles"}})
    assert diff.users(held, "pipelines", "titles") == ["index films-000001"]
    assert diff.users(held, "componentTemplates", "base") == ["index template sales"]
    assert diff.users(held, "indexTemplates", "sales") == []


def test_what_a_template_brings_is_no_change_by_hand() -> None:
    settings = {"number_of_shards": "1", "refresh_interval": "5s", "codec": "best_compression", "priority": "3"}
    live = LiveIndex("sales-000001", {}, settings, {"sales": {}, "all": {}})
    left = diff.without_brought(live, {"settings": {"refresh_interval": "5s"}}, declared())
    assert left.settings == {"refresh_interval": "5s", "priority": "3"} and left.aliases == {"sales": {}}


def test_numbers_of_a_resource_are_whole_again() -> None:
    assert whole({"a": [1.0, 0.5, "1.0", True]}) == {"a": [1, 0.5, "1.0", True]}
    assert isinstance(whole(100.0), int)
