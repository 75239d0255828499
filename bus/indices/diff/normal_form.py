"""Values that may be spelled in several ways, in full and in one: what a server fills in, lists of one, points."""

import re
import struct
from collections.abc import Callable, Mapping
from math import ceil, log2, pi
from typing import Any

from bus.indices.diff.settings import text

Json = Mapping[str, Any]
# What a server fills into the index_options of vectors, by their type; https://www.elastic.co/docs/reference/elasticsearch/
# mapping-reference/dense-vector#dense-vector-index-options
_GRAPH: Json = {"m": 16, "ef_construction": 100}
_RESCORED: Json = {"rescore_vector": {"oversample": 3}}
_OPTIONS: Mapping[str, Json] = {
    "hnsw": _GRAPH,
    "int8_hnsw": _GRAPH,
    "int4_hnsw": _GRAPH,
    "bbq_hnsw": {**_GRAPH, **_RESCORED},
    "bbq_flat": _RESCORED,
    "bbq_disk": {
        "cluster_size": 384,
        "flat_index_threshold": -1,
        "default_visit_percentage": 0,
        "bits": 1,
        **_RESCORED,
    },
}
# Of a dynamic template: one or several, as text or a list.
_MATCHES = ("match", "unmatch", "path_match", "path_unmatch", "match_mapping_type", "unmatch_mapping_type")
_SOURCE: Json = {"enabled": "true", "required": "false", "includes": [], "excludes": [], "mode": "stored"}
_PREFIXES: Json = {"min_chars": 2, "max_chars": 5}
_FREQUENCIES: Json = {"min": 0, "max": 2147483647, "min_segment_size": 0}
# Geo points: "lat,lon", [lon, lat], POINT (lon lat).
_POINT = re.compile(r"(?i)\s*point\s*\(\s*(\S+)\s+(\S+)\s*\)\s*\Z")

# A distance, of metres where no unit is said.
_DISTANCE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*\Z")
_UNITS = {
    "m meters": 1.0,
    "km kilometers": 1000.0,
    "cm centimeters": 0.01,
    "mm millimeters": 0.001,
    "mi miles": 1609.344,
    "NM nmi nauticalmiles": 1852.0,
    "yd yards": 0.9144,
    "ft feet": 0.3048,
    "in inch": 0.0254,
}
_METRES: Mapping[str, float] = {"": 1.0, **{name: size for names, size in _UNITS.items() for name in names.split()}}
_EQUATOR = 2 * pi * 6378137.0
_CELL = 1 + pi * 6356752.314245 / _EQUATOR


def in_full(key: str, value: object) -> object:
    """A parameter of a field, or a part of a mapping, so that equal ones are spelled alike."""
    return _FULL[key](value) if key in _FULL else value


def canonical(value: object) -> object:
    """Numbers and booleans as text, in maps and lists too: servers answer 256 or "256", true or "true"."""
    if isinstance(value, Mapping):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    return value if value is None else text(value)


def same_null(live: object, wanted: object) -> bool:
    """Whether a field's null_value is the wanted one: a point in another spelling, or a number in half precision."""
    if canonical(_point(live)) == canonical(_point(wanted)):
        return True
    if not isinstance(live, int | float) or isinstance(live, bool) or isinstance(wanted, bool):
        return False
    try:
        number, held = float(str(wanted)), float(live)
        half = struct.unpack("e", struct.pack("e", number))[0]
        return held == number or (not number.is_integer() and held == float(f"{half:.8g}"))
    except (ValueError, OverflowError):
        return False


def _point(value: object) -> object:
    """A geo point as a server answers it; anything else as it is."""
    if isinstance(value, str):
        well_known = _POINT.match(value)
        parts = [well_known[2], well_known[1]] if well_known else value.split(",")
    else:
        parts = [str(part) for part in reversed(value)] if isinstance(value, list) else []
    try:
        lat, lon = map(float, parts)
    except ValueError:
        return value
    return {"lat": lat, "lon": lon}


def _without_defaults(value: object) -> object:
    if not isinstance(value, Mapping):
        return {}
    return {key: item for key, item in value.items() if key not in _SOURCE or canonical(item) != _SOURCE[key]}


def _options(value: object) -> object:
    """Those of a vector in full; those of a text are a word."""
    if not isinstance(value, Mapping):
        return value
    return {"on_disk_rescore": False, **_OPTIONS.get(str(value.get("type")), {}), **value}


def _script(value: object) -> object:
    """A script in full; text alone is its source."""
    return {"lang": "painless", "params": {}, **(value if isinstance(value, Mapping) else {"source": value})}


def _templates(value: object) -> object:
    """Dynamic templates with what they match as lists."""
    if not isinstance(value, list):
        return value
    return [
        {name: {key: _listed(how[key]) if key in _MATCHES else how[key] for key in how} for name, how in one.items()}
        for one in value
    ]


def _contexts(value: object) -> object:
    """Contexts of a completion, whose types a server answers in capitals, and precisions as lengths of geohashes."""
    filled = [
        {
            **({"precision": 6} if str(one.get("type")).lower() == "geo" else {}),
            **one,
            "type": str(one["type"]).lower(),
            **({"precision": _geohash(one["precision"])} if "precision" in one else {}),
        }
        if isinstance(one, Mapping) and "type" in one
        else one
        for one in _listed(value)
    ]
    return sorted(filled, key=lambda one: str(one.get("name")) if isinstance(one, Mapping) else "")


def _geohash(precision: object) -> object:
    """How long a geohash is whose cell is about as wide as a distance (5km); a number is a length already."""
    found = _DISTANCE.match(precision) if isinstance(precision, str) else None
    if not found or found[2] not in _METRES or not float(found[1]):
        return precision
    # As servers do: a cell's height is half its equator's share, and each letter holds two and a half bits of both.
    width = float(found[1]) * _METRES[found[2]] / _CELL
    return max(1, 2 * int(log2(ceil(_EQUATOR / width))) // 5)


def _locale(value: object) -> object:
    """Return a locale as Java names it: en-us and en_US are en_US; ROOT has no name."""
    if not isinstance(value, str):
        return value
    language, *rest = re.split("[-_]", value, maxsplit=2)
    if value.lower() == "root":
        return ""
    return "_".join([language.lower(), *(part.upper() if len(part) == 2 else part for part in rest)])


def _relations(value: object) -> object:
    """Return the children of a join's parents in order: a server answers one as text, and several in any order."""
    if not isinstance(value, Mapping):
        return value
    return {parent: sorted(map(text, _listed(children))) for parent, children in value.items()}


def _fetched(value: object) -> object:
    """Fields of a lookup, by their names or as maps."""
    return [one if isinstance(one, Mapping) else {"field": one} for one in _listed(value)]


def _filled(defaults: Json) -> Callable[[object], object]:
    return lambda value: {**defaults, **value} if isinstance(value, Mapping) else value


def _listed(value: object) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


_FULL: Mapping[str, Callable[[object], object]] = {
    "copy_to": _listed,
    "_source": _without_defaults,
    "_routing": _without_defaults,
    "script": _script,
    "dynamic_templates": _templates,
    "index_options": _options,
    "index_prefixes": _filled(_PREFIXES),
    "fielddata_frequency_filter": _filled(_FREQUENCIES),
    "contexts": _contexts,
    "fetch_fields": _fetched,
    "locale": _locale,
    "relations": _relations,
    "dynamic_date_formats": _listed,
    "dynamic": lambda value: value.lower() if isinstance(value, str) else value,
}
