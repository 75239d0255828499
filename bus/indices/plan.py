"""What a change to an index does, decided from what is live and what is wanted; nothing here talks to a server."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bus.indices.settings import SERVED, is_static, text
from bus.layers import merge

Json = Mapping[str, Any]

# Parameters that a server leaves out of its answers while they have this value.
_DEFAULTS: Mapping[str, str] = {
    "index": "true",
    "doc_values": "true",
    "store": "false",
    "enabled": "true",
    "coerce": "true",
    "ignore_malformed": "false",
    "eager_global_ordinals": "false",
    "index_phrases": "false",
    "split_queries_on_whitespace": "false",
    "include_in_parent": "false",
    "include_in_root": "false",
    "subobjects": "true",
}
# Parameters that a put of the whole field changes in place.
# https://www.elastic.co/docs/manage-data/data-store/mapping/update-mapping-examples
_IN_PLACE = frozenset(
    {"ignore_above", "coerce", "ignore_malformed", "search_analyzer", "search_quote_analyzer", "dynamic", "meta",
     "eager_global_ordinals", "split_queries_on_whitespace", "copy_to", "depth_limit"}
)  # fmt: skip
_CHILDREN = ("properties", "fields")
# Parts of a mapping besides its fields, and whether a live index takes a change of them.
_ROOT = {"dynamic": True, "dynamic_templates": True, "date_detection": True, "numeric_detection": True,
         "dynamic_date_formats": True, "_meta": True, "runtime": True, "_source": False, "_routing": False,
         "enabled": False, "subobjects": False}  # fmt: skip


@dataclass(frozen=True)
class Live:
    """An index as a server answers it: its physical name, its settings flat, all its aliases."""

    name: str
    mappings: Json
    settings: Mapping[str, str | None]
    aliases: Mapping[str, Json]


@dataclass(frozen=True)
class Wanted:
    """An index as a fragment wants it; `name` is the alias."""

    name: str
    mappings: Json
    settings: Mapping[str, str | None]
    aliases: Mapping[str, Json]


@dataclass(frozen=True)
class Change:
    """What turns a live index into the wanted one, in place; `create` where there is none."""

    wanted: Wanted
    live: str | None = None
    mappings: Json = field(default_factory=dict)
    settings: Mapping[str, str | None] = field(default_factory=dict)
    add_aliases: Mapping[str, Json] = field(default_factory=dict)
    remove_aliases: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    """path in the fragment -> why a live index cannot take it"""

    @property
    def create(self) -> bool:
        """Whether the index is to be made."""
        return self.live is None

    @property
    def is_nothing(self) -> bool:
        """Whether live and wanted are the same."""
        return not (
            self.create or self.mappings or self.settings or self.add_aliases or self.remove_aliases or self.refused
        )


def first_generation(name: str) -> str:
    """The physical index behind a new alias."""
    return f"{name}-000001"


def plan(live: Live | None, wanted: Wanted, before: Wanted | None = None) -> Change:
    """What turns `live` into `wanted`; refusals for what needs a new index.

    `before` is what this stack wanted last: only a setting or an alias of it is taken away again, so that what others
    added to an index stays.
    """
    if live is None:
        return Change(wanted)
    refused: dict[str, str] = {}
    mappings: dict[str, Any] = {}
    for path, value, breaking in _mapping_changes(live.mappings, wanted.mappings, before.mappings if before else {}):
        if breaking:
            refused[".".join(path)] = f"{wanted.name}: {'.'.join(path)}: {breaking}; {_WAY_OUT}"
        else:
            mappings = merge(mappings, _nested(path, value))
    settings = {}
    gone = dict.fromkeys((before.settings.keys() if before else set()) - wanted.settings.keys())
    for key, value in sorted({**gone, **wanted.settings}.items()):
        held = live.settings.get(key)
        if held == value:
            continue
        if is_static(key):
            what = f"settings.{key}"
            refused[what] = f"{wanted.name}: {what}: {held!r} -> {value!r} is fixed when an index is made; {_WAY_OUT}"
        else:
            settings[key] = value
    own: dict[str, Json] = {} if live.name == wanted.name else {wanted.name: {}}
    aliases = {**own, **wanted.aliases}
    stale = (before.aliases.keys() if before else set()) & live.aliases.keys() - aliases.keys()
    return Change(
        wanted,
        live.name,
        mappings,
        settings,
        {name: alias for name, alias in aliases.items() if name not in live.aliases or live.aliases[name] != alias},
        tuple(sorted(stale)),
        refused,
    )


_WAY_OUT = "make a new index under another name, or put the old value back (docs/indices.md)"


def seen(live: Live, wanted: Wanted) -> Wanted:
    """`live` in the words of `wanted`, for a refresh: equal to it unless somebody changed what it declares.

    Fields that dynamic mapping added and whatever else was never declared are no drift; settings that somebody set by
    hand are, except those that a server writes by itself.
    """
    mappings = _as_declared(live.mappings, wanted.mappings)
    settings = {key: live.settings.get(key) for key in wanted.settings}
    by_hand = {k: v for k, v in live.settings.items() if k not in SERVED and k not in settings}
    aliases = {name: alias for name, alias in live.aliases.items() if name != wanted.name}
    kept = {key: value for key, value in settings.items() if value is not None or wanted.settings[key] is None}
    return Wanted(wanted.name, mappings, dict(sorted({**kept, **by_hand}.items())), dict(sorted(aliases.items())))


Path = tuple[str, ...]


def _mapping_changes(live: Json, wanted: Json, before: Json) -> Iterator[tuple[Path, Any, str]]:
    """(path, value to put, "" or why a live index cannot take it) of every difference."""
    for key, possible in _ROOT.items():
        there, here = live.get(key), wanted.get(key, _unset(key) if key in before else None)
        if here is None or _same(key, there, here):
            continue
        yield ("mappings", key), here, "" if possible else f"{there!r} -> {here!r} is fixed when an index is made"
    yield from _field_changes(("mappings",), live, wanted)


def _unset(key: str) -> Any:
    return {"dynamic": "true", "dynamic_templates": [], "_meta": {}, "date_detection": True}.get(key)


def _field_changes(path: Path, live: Json, wanted: Json) -> Iterator[tuple[Path, Any, str]]:
    for child in _CHILDREN:
        for name, there in (wanted.get(child) or {}).items():
            here = (live.get(child) or {}).get(name)
            place = (*path, child, name)
            if here is None:
                yield place, there, ""
                continue
            breaking, in_place = _parameters(here, there)
            if breaking:
                yield place, there, breaking
                continue
            below = list(_field_changes(place, here, there))
            if in_place or any(not reason for _, _, reason in below):
                # A put takes a field as a whole: a parameter that is left out goes back to its default.
                yield place, {key: value for key, value in there.items() if key not in _CHILDREN}, ""
            yield from below


def _parameters(live: Json, wanted: Json) -> tuple[str, bool]:
    """Why a field cannot become the wanted one, and whether any of its parameters changes in place."""
    in_place, breaking = False, []
    for key in sorted((live.keys() | wanted.keys()) - set(_CHILDREN)):
        there, here = live.get(key, _default(key, live)), wanted.get(key, _default(key, wanted))
        if _same(key, there, here):
            continue
        if key in _IN_PLACE or (key == "norms" and text(here) == "false"):
            in_place = True
        else:
            breaking.append(f"{key} {_shown(there)} -> {_shown(here)} needs a new index")
    return "; ".join(breaking), in_place


def _default(key: str, definition: Json) -> object:
    if key == "type":
        return "object"
    if key == "norms" and definition.get("type") == "text":
        return True
    if key == "dynamic":
        return None
    return _DEFAULTS.get(key)


def _same(key: str, one: object, other: object) -> bool:
    return _canonical(one) == _canonical(other) or (
        key == "copy_to" and _canonical(_listed(one)) == _canonical(_listed(other))
    )


def _listed(value: object) -> object:
    return [] if value is None else value if isinstance(value, list) else [value]


def _canonical(value: object) -> object:
    """Numbers and booleans as text, in maps and lists too: servers answer 256 or "256", true or "true"."""
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return value if value is None else text(value)


def _shown(value: object) -> str:
    return "default" if value is None else str(value)


def _as_declared(live: Json, wanted: Json) -> dict[str, Any]:
    """`live` reduced to what `wanted` speaks of, in its spelling where the meaning is the same."""
    result: dict[str, Any] = {}
    for key, there in wanted.items():
        here = live.get(key)
        if key in _CHILDREN and isinstance(there, Mapping):
            found = here if isinstance(here, Mapping) else {}
            result[key] = {name: _field(found[name], field) for name, field in there.items() if name in found}
        elif _same(key, here if here is not None else _default(key, live), there):
            result[key] = there
        elif here is not None:
            result[key] = here
    return result


def _field(live: Json, wanted: Json) -> dict[str, Any]:
    """A live field; a parameter that somebody added to it is part of it, other than fields below it."""
    extra = {
        key: value
        for key, value in live.items()
        if key not in wanted and key not in _CHILDREN and not _same(key, value, _default(key, wanted))
    }
    return {**_as_declared(live, wanted), **extra}


def _nested(path: Path, value: Any) -> dict[str, Any]:
    for part in reversed(path[1:]):
        value = {part: value}
    return dict(value)
