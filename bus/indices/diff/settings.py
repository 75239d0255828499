"""Index settings in one shape: flat, without `index.`, text; a list only where commas would not carry it."""

import json
import re
from collections.abc import Mapping
from typing import Any

Setting = str | list[str]
"""a value of a flat setting; a list is one whose items commas would cut or trim"""
Flat = Mapping[str, Setting | None]
# What a server writes by itself, or bus while it copies.
RESERVED = frozenset(
    {"uuid", "version.created", "version.upgraded", "provided_name", "creation_date", "history.uuid",
     "verified_before_close", "resize.source.name", "resize.source.uuid"}
)  # fmt: skip
# In every answer, asked for or not; not ours unless a fragment names them.
SERVED = RESERVED | {"number_of_shards", "number_of_replicas", "routing.allocation.include._tier_preference"}


# What may name something: nothing in it is a number, a time or a size.
_NAMES = ("similarity.", "routing.", "lifecycle.", "default_pipeline", "final_pipeline", "sort.field",
          "query.default_field", "store.preload")  # fmt: skip
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")
_MEASURE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)(nanos|micros|ms|s|m|h|d|b|kb|mb|gb|tb|pb)")
_TIMES = {"nanos": 1, "micros": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
_SIZES = {unit: 1024**power for power, unit in enumerate(("b", "kb", "mb", "gb", "tb", "pb"))}
_UNITS = {
    **{unit: ("time", factor) for unit, factor in _TIMES.items()},
    **{unit: ("size", factor) for unit, factor in _SIZES.items()},
}

# Taken when an index is made, and never answered.
UNTOLD = frozenset({"number_of_routing_shards"})


def flatten(settings: Mapping[str, Any]) -> dict[str, Setting | None]:
    """Return {"index": {"refresh_interval": "1s"}} and {"index.refresh_interval": "1s"} as {"refresh_interval": "1s"}.

    A list of plain values becomes one text, joined by commas, which servers read as the same list. It stays a list
    where they would not: an item holds a comma (synonyms), is empty, or begins or ends with a blank. Null stays null.
    """
    flat: dict[str, Setting | None] = {}
    _walk(settings, "", flat)
    return dict(sorted(flat.items()))


def _walk(settings: Mapping[str, Any], above: str, flat: dict[str, Setting | None]) -> None:
    for key, value in settings.items():
        path = f"{above}{key}"
        if isinstance(value, Mapping):
            _walk(value, f"{path}.", flat)
        elif isinstance(value, list):
            flat[path.removeprefix("index.")] = _joined([text(item) for item in value])
        else:
            flat[path.removeprefix("index.")] = None if value is None else text(value)


def text(value: object) -> str:
    """A scalar as a server answers it: true, 3, 0.5."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def is_leaf(value: object) -> bool:
    """Whether a setting, or an item of its list, can be this."""
    return value is not None and not isinstance(value, Mapping | list)


def is_servers(key: str, live: Flat, wanted: Flat) -> bool:
    """Return whether a server decides a setting itself, whatever it is given: replicas that expand by themselves."""
    expands = wanted.get("auto_expand_replicas", live.get("auto_expand_replicas"))
    return key == "number_of_replicas" and expands not in (None, "false")


def same_setting(key: str, one: Setting | None, other: Setting | None) -> bool:
    """Return whether two values of a setting mean the same; servers answer one as it was written."""
    if one == other:
        return True
    if not isinstance(one, str) or not isinstance(other, str) or key.startswith("analysis."):
        return False
    if _listed(one) == _listed(other):
        return True
    if key.startswith(_NAMES):
        return False
    amounts = _amount(one), _amount(other)
    return amounts[0] is not None and amounts[0] == amounts[1]


def _listed(text: str) -> list[str]:
    return [item.strip() for item in text.split(",")]


def _amount(text: str) -> tuple[str, float] | None:
    """Return a number, a time in nanoseconds or a size in bytes, each with its kind; None for any other text."""
    if _NUMBER.fullmatch(text):
        return "number", float(text)
    measure = _MEASURE.fullmatch(text.lower())
    if not measure:
        return None
    kind, factor = _UNITS[measure[2]]
    return kind, round(float(measure[1]) * factor)


def decoded(settings: Flat) -> dict[str, Setting | None]:
    """Return settings of a state of version 0.1.0 as `flatten` has them now.

    Such a state holds a list that commas would cut as a text of JSON. Nothing else in it looks like that: a text of
    a fragment that did could not be deployed, or became that list.
    """
    return {key: _of_json(value) if isinstance(value, str) else value for key, value in settings.items()}


def _of_json(text: str) -> Setting:
    if not text.startswith('["'):
        return text
    try:
        items = json.loads(text)
    except ValueError:
        return text
    was_list = all(isinstance(item, str) for item in items) and json.dumps(items, ensure_ascii=False) == text
    return items if was_list and any("," in item for item in items) else text


def _joined(items: list[str]) -> Setting:
    """Return the text that servers split into `items` again (Settings.getAsList), or `items` where none is."""
    return ",".join(items) if items and all(map(_is_joinable, items)) else items


def _is_joinable(item: str) -> bool:
    """Whether an item comes out of a text of several as it went in: servers cut at commas, and trim as Java does."""
    return bool(item) and "," not in item and item[0] > " " and item[-1] > " "
