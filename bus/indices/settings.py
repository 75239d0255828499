"""Index settings in one shape: flat, without `index.`, text."""

import json
from collections.abc import Mapping
from typing import Any

_LIST = '["'
# What a server writes by itself, or bus while it copies.
RESERVED = frozenset(
    {"uuid", "version.created", "version.upgraded", "provided_name", "creation_date", "history.uuid",
     "verified_before_close", "resize.source.name", "resize.source.uuid"}
)  # fmt: skip
# In every answer, asked for or not; not ours unless a fragment names them.
SERVED = RESERVED | {"number_of_shards", "number_of_replicas", "routing.allocation.include._tier_preference"}


# Taken when an index is made, and never answered.
UNTOLD = frozenset({"number_of_routing_shards"})


def flatten(settings: Mapping[str, Any]) -> dict[str, str | None]:
    """{"index": {"refresh_interval": "1s"}} and {"index.refresh_interval": "1s"} as {"refresh_interval": "1s"}.

    A list of plain values becomes one text, joined by commas, which is what most settings answer; with a comma in one
    of them (synonyms) it becomes JSON, which `listed` turns back. Null stays null.
    """
    flat: dict[str, str | None] = {}
    _walk(settings, "", flat)
    return dict(sorted(flat.items()))


def _walk(settings: Mapping[str, Any], above: str, flat: dict[str, str | None]) -> None:
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


def listed(value: str | None) -> str | list[str] | None:
    """A flat setting as a server is given it: a list again where commas between its items would have cut them."""
    return json.loads(value) if value is not None and value.startswith(_LIST) else value


def _joined(items: list[str]) -> str:
    return json.dumps(items, ensure_ascii=False) if any("," in item for item in items) else ",".join(items)
