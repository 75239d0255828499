"""Defaults that a server leaves out of its answers: each one spelled out is no difference, and another value is one."""

from typing import Any

import pytest

from bus.indices.diff import equality
from bus.indices.diff.change_kinds import ChangeKind
from bus.indices.diff.plan import LiveIndex, WantedIndex, plan

FIELDS: dict[str, list[tuple[str, Any]]] = {
    "keyword": [
        ("index", True), ("doc_values", True), ("store", False), ("eager_global_ordinals", False), ("norms", False),
        ("split_queries_on_whitespace", False), ("similarity", "BM25"), ("ignore_above", 2147483647),
        ("time_series_dimension", False), ("on_script_error", "fail"), ("meta", {}), ("index_options", "docs"),
    ],
    "text": [
        ("index", True), ("store", False), ("index_phrases", False), ("fielddata", False), ("term_vector", "no"),
        ("position_increment_gap", 100), ("analyzer", "default"), ("search_analyzer", "default"),
        ("search_quote_analyzer", "default"), ("norms", True), ("index_options", "positions"),
        ("eager_global_ordinals", False),
    ],
    "long": [("coerce", True), ("ignore_malformed", False)],
    "object": [("enabled", True), ("subobjects", True)],
    "nested": [("include_in_parent", False), ("include_in_root", False)],
    "date": [("format", "strict_date_optional_time||epoch_millis"), ("locale", "en")],
    "date_nanos": [("locale", "en")],
    "date_range": [("locale", "en")],
    "binary": [("doc_values", False)],
    "flattened": [("depth_limit", 20), ("index_options", "docs")],
    "join": [("eager_global_ordinals", True)],
    "dense_vector": [("element_type", "float")],
    "completion": [
        ("analyzer", "simple"), ("search_analyzer", "simple"), ("max_input_length", 50), ("preserve_separators", True),
        ("preserve_position_increments", True),
    ],
}  # fmt: skip
EACH = [(kind, key, value) for kind, parts in FIELDS.items() for key, value in parts]


def other(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else {"unit": "x"} if isinstance(value, dict) else f"{value}x"


def differs(live: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Tell whether a mapping would be changed."""
    found = LiveIndex("films-000001", live, {}, {"films": {}})
    return plan(found, WantedIndex("films", wanted, {}, {})).kind is not ChangeKind.NOTHING


@pytest.mark.parametrize(("kind", "key", "value"), EACH, ids=[f"{kind} {key}" for kind, key, _ in EACH])
def test_a_default_of_a_field_spelled_out_is_no_difference(kind: str, key: str, value: Any) -> None:
    plain: dict[str, Any] = {"properties": {"a": {"type": kind}}}
    spelled: dict[str, Any] = {"properties": {"a": {"type": kind, key: value}}}
    assert not differs(plain, spelled)
    assert not differs(spelled, plain)
    assert differs(plain, {"properties": {"a": {"type": kind, key: other(value)}}})
    assert equality.default(key, {"type": kind}) == value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dynamic", True), ("date_detection", True), ("numeric_detection", False), ("dynamic_templates", []),
        ("dynamic_date_formats", ["strict_date_optional_time", "yyyy/MM/dd HH:mm:ss Z||yyyy/MM/dd Z"]),
        ("runtime", {}), ("_meta", {}), ("_source", {}), ("_routing", {}), ("enabled", True), ("subobjects", True),
        ("_data_stream_timestamp", {"enabled": False}),
    ],
)  # fmt: skip
def test_a_default_of_a_mapping_spelled_out_is_no_difference(key: str, value: Any) -> None:
    assert equality.default_of_mapping(key) == value
    assert not differs({}, {key: value})


def test_what_is_searched_with_follows_what_is_indexed_with() -> None:
    definition = {"type": "text", "analyzer": "english", "search_analyzer": "simple"}
    assert equality.default("search_quote_analyzer", definition) == "simple"
    assert equality.default("search_quote_analyzer", {"type": "text", "analyzer": "english"}) == "english"
    assert equality.default("search_analyzer", definition) == "english"
    assert equality.default("type", {}) == "object"
    assert equality.default("unknown", {"type": "text"}) is None


def test_what_a_server_tells_by_itself_is_no_difference_and_what_it_does_not_is_one() -> None:
    for kind, keys in {
        "dense_vector": ("index", "similarity", "index_options", "element_type"),
        "semantic_text": ("inference_id", "search_inference_id", "model_settings", "index_options"),
    }.items():
        assert [key for key in keys if not equality.is_told(key, {"type": kind})] == []
    assert not equality.is_told("index", {"type": "keyword"})
    assert not equality.is_told("dims", {"type": "dense_vector"})


def test_a_live_join_whose_relations_are_no_map_is_a_difference_and_no_error() -> None:
    live = {"properties": {"a": {"type": "join", "relations": ["odd"]}}}
    assert differs(live, {"properties": {"a": {"type": "join", "relations": {"film": "showing"}}}})
    assert differs({"properties": {"a": {"type": "join", "relations": {"film": "x"}}}}, live)
