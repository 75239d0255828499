"""A live index in the words of its fragment, so that a refresh shows what somebody changed and nothing else."""

from typing import Any

from bus.indices.diff.differences import OURS
from bus.indices.diff.dotted_fields import in_words_of, placed
from bus.indices.diff.equality import CHILDREN, default, default_of_mapping, is_told, same, same_alias, same_field
from bus.indices.diff.normal_form import Json
from bus.indices.diff.plan import LiveIndex, WantedIndex
from bus.indices.diff.respelling import as_written, respelled
from bus.indices.diff.settings import SERVED, UNTOLD, Setting, is_servers, same_setting


def seen(live: LiveIndex, wanted: WantedIndex, spelled: Json | None = None) -> WantedIndex:
    """`live` in the words of `wanted`: equal to it unless somebody changed what it declares.

    Fields that dynamic mapping added and whatever else was never declared are no drift; settings that somebody set by
    hand are, except those that a server writes by itself.
    """
    where = placed(wanted.mappings)
    words = where if spelled is None else respelled(where, spelled, live.mappings)
    mapping = as_written(_mapping(live.mappings, words), words, where)
    mappings = in_words_of(wanted.mappings, mapping, where)
    settings = {key: _setting(key, live, wanted) for key in wanted.settings}
    by_hand = {k: v for k, v in live.settings.items() if k not in SERVED and k not in settings}
    if live.is_closed:
        by_hand["closed"] = "true"  # said among the settings, though it is none
    aliases = {name: alias for name, alias in live.aliases.items() if name != wanted.name}
    aliases |= {n: alias for n, alias in wanted.aliases.items() if same_alias(live.aliases.get(n), alias)}
    kept = {key: value for key, value in settings.items() if value is not None or wanted.settings[key] is None}
    return WantedIndex(
        wanted.name,
        mappings,
        dict(sorted({**kept, **by_hand}.items())),
        dict(sorted(aliases.items())),
        wanted.reindex,
        wanted.reopen,
    )


def _setting(key: str, live: LiveIndex, wanted: WantedIndex) -> Setting | None:
    """Return the live value of a declared setting, as declared where that means the same."""
    declared, held = wanted.settings[key], live.settings.get(key)
    is_kept = key in UNTOLD or is_servers(key, live.settings, wanted.settings) or same_setting(key, held, declared)
    return declared if is_kept else held


def _mapping(live: Json, wanted: Json) -> dict[str, Any]:
    result = _as_declared(live, {key: value for key, value in wanted.items() if key in CHILDREN})
    for key in wanted.keys() - set(CHILDREN):
        here = live.get(key)
        if key == "_meta":
            here = {name: value for name, value in (here or {}).items() if name != OURS}
        if key == "runtime":
            found = {name: field for name, field in (here or {}).items() if name in wanted[key]}
            result[key] = {
                n: wanted[key][n] if same_field(field, wanted[key][n]) else field for n, field in found.items()
            }
        elif same(key, default_of_mapping(key) if here is None else here, wanted[key]):
            result[key] = wanted[key]
        elif here is not None:
            result[key] = here
    return result


def _as_declared(live: Json, wanted: Json) -> dict[str, Any]:
    """A field's definition reduced to what `wanted` speaks of, in its spelling where the meaning is the same."""
    result: dict[str, Any] = {}
    for key, there in wanted.items():
        here = live.get(key)
        if key in CHILDREN and isinstance(there, dict):
            found = here if isinstance(here, dict) else {}
            result[key] = {name: _field(found[name], field) for name, field in there.items() if name in found}
        elif same(key, default(key, live) if here is None else here, there):
            result[key] = there
        elif here is not None:
            result[key] = here
    return result


def _field(live: Json, wanted: Json) -> dict[str, Any]:
    """A live field; a parameter that somebody added to it is part of it, other than fields below it."""
    extra = {
        key: value
        for key, value in live.items()
        if not (key in wanted or key in CHILDREN or is_told(key, live) or same(key, value, default(key, wanted)))
    }
    return {**_as_declared(live, wanted), **extra}
