"""A wanted mapping as its server spells it, compared with a live one: a difference of spelling is none.

`spelled` is what the server answers for an index made of the wanted mapping (bus.indices.server.scratch).
Where it answers the same for the live index, the two mean the same, whatever the fragment has.
"""

from collections.abc import Mapping
from typing import Any

from bus.indices.diff.equality import CHILDREN, same, same_field
from bus.indices.diff.normal_form import Json

_RUNTIME, _NOTES = "runtime", "_meta"


def respelled(wanted: Json, spelled: Json, live: Json) -> dict[str, Any]:
    """Return `wanted`, placed, with whatever the server spells as it spells `live` in the words of `live`."""
    words: dict[str, Any] = {}
    for key in {*wanted, *spelled}:
        if key in CHILDREN or key in (_RUNTIME, _NOTES):
            if key in wanted:
                words[key] = _below(key, wanted[key], spelled.get(key) or {}, live.get(key) or {})
        elif same(key, spelled.get(key), live.get(key)):
            if key in live:
                words[key] = live[key]
        elif key in wanted:
            words[key] = wanted[key]
    return words


def as_written(seen: Json, respelled_one: Json, wanted: Json) -> dict[str, Any]:
    """Return `seen` with whatever is as in `respelled_one` in the words of `wanted` again."""
    words: dict[str, Any] = {}
    for key in {*seen, *wanted}:
        if (key in CHILDREN or key == _RUNTIME) and isinstance(seen.get(key), Mapping):
            fields, before = respelled_one.get(key) or {}, wanted.get(key) or {}
            words[key] = {
                name: _field_as_written(key, name, field, fields, before) for name, field in seen[key].items()
            }
        elif seen.get(key) == respelled_one.get(key):
            if key in wanted:
                words[key] = wanted[key]
        elif key in seen:
            words[key] = seen[key]
    return words


def _below(key: str, wanted: Any, spelled: Json, live: Json) -> Any:
    """Return fields below `key`, each by itself; notes are what the fragment says they are."""
    if key == _NOTES:
        return wanted
    fields = {}
    for name, field in wanted.items():
        fields[name] = field
        if name not in spelled or name not in live:
            continue
        if key != _RUNTIME:
            fields[name] = respelled(field, spelled[name], live[name])
        elif same_field(spelled[name], live[name]):
            fields[name] = live[name]
    return fields


def _field_as_written(key: str, name: str, seen: Any, respelled_fields: Json, wanted: Json) -> Any:
    if name not in respelled_fields or name not in wanted:
        return seen
    if key == _RUNTIME:
        return wanted[name] if seen == respelled_fields[name] else seen
    return as_written(seen, respelled_fields[name], wanted[name])
