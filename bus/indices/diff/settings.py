"""Index settings in one shape: flat, without `index.`, text; a list only where commas would not carry it."""

import json
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


def decoded(settings: Flat) -> dict[str, Setting | None]:
    """Return settings of a state of before issue 16 as `flatten` has them now.

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
