"""When two spellings of a mapping mean the same: defaults that a server leaves out, numbers and booleans as text."""

from collections.abc import Mapping
from typing import Any

from bus.indices.diff.normal_form import Json, canonical, in_full, same_null

CHILDREN = ("properties", "fields")

# Values of parameters that a server leaves out of its answers while they have them.
_DEFAULTS: Json = {
    "index": True,
    "doc_values": True,
    "store": False,
    "enabled": True,
    "coerce": True,
    "ignore_malformed": False,
    "eager_global_ordinals": False,
    "index_phrases": False,
    "split_queries_on_whitespace": False,
    "include_in_parent": False,
    "include_in_root": False,
    "subobjects": True,
    "norms": False,
    "fielddata": False,
    "term_vector": "no",
    "position_increment_gap": 100,
    "similarity": "BM25",
    "analyzer": "default",
    "ignore_above": 2147483647,
    "time_series_dimension": False,
    "on_script_error": "fail",
    "meta": {},
}
_OF_TYPE: Mapping[str, Json] = {
    "text": {"norms": True, "index_options": "positions"},
    "keyword": {"index_options": "docs"},
    "date": {"format": "strict_date_optional_time||epoch_millis", "locale": "en"},
    "date_nanos": {"locale": "en"},
    "date_range": {"format": "strict_date_optional_time||epoch_millis", "locale": "en"},
    "binary": {"doc_values": False},
    "flattened": {"depth_limit": 20, "index_options": "docs"},
    "join": {"eager_global_ordinals": True},
    "dense_vector": {"element_type": "float"},
    "completion": {
        "analyzer": "simple",
        "max_input_length": 50,
        "preserve_separators": True,
        "preserve_position_increments": True,
    },
}
# What a server decides by itself and writes into its answers.
_TOLD = {
    "dense_vector": frozenset({"index", "similarity", "index_options", "element_type"}),
    "semantic_text": frozenset({"inference_id", "search_inference_id", "model_settings", "index_options"}),
}
_OF_MAPPING: Json = {
    "dynamic": True,
    "date_detection": True,
    "numeric_detection": False,
    "dynamic_templates": [],
    "dynamic_date_formats": ["strict_date_optional_time", "yyyy/MM/dd HH:mm:ss Z||yyyy/MM/dd Z"],
    "runtime": {},
    "_meta": {},
    "_source": {},
    "_routing": {},
    "_data_stream_timestamp": {"enabled": False},
    "enabled": True,
    "subobjects": True,
}


def default(key: str, definition: Json) -> object:
    """What a parameter of a field is where its definition does not say; None where that is unknown."""
    if key == "type":
        return "object"
    if key in ("search_analyzer", "search_quote_analyzer"):
        above = "search_analyzer" if key == "search_quote_analyzer" else "analyzer"
        return definition.get(above, default(above, definition))
    return _OF_TYPE.get(str(definition.get("type")), {}).get(key, _DEFAULTS.get(key))


def is_told(key: str, live: Json) -> bool:
    """Whether a server says this of a field though nobody declared it."""
    return key in _TOLD.get(str(live.get("type")), ())


def default_of_mapping(key: str) -> Any:
    """What a part of a mapping besides its fields is where nothing is said."""
    return _OF_MAPPING.get(key)


def same(key: str, one: object, other: object) -> bool:
    """Whether two values of a parameter, or of a part of a mapping, mean the same."""
    if key == "null_value":
        return same_null(one, other)
    return canonical(in_full(key, one)) == canonical(in_full(key, other))


def same_alias(live: Json | None, wanted: Json) -> bool:
    """Return whether a live alias is as wanted; an empty filter and what is off are not answered."""
    return live is not None and _said_of(live) == _said_of(wanted)


def _said_of(alias: Json) -> object:
    return canonical({key: value for key, value in alias.items() if value not in (None, {}, False, "")})


def same_field(one: Json, other: Json) -> bool:
    """Whether two definitions without fields below them, as those of runtime fields are, mean the same."""
    return all(
        same(key, one.get(key, default(key, one)), other.get(key, default(key, other))) for key in {*one, *other}
    )
