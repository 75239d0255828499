"""Every difference between a live index and the wanted one, each with its class."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bus.indices.diff import change_kinds
from bus.indices.diff.change_kinds import ChangeKind, Rule, rule
from bus.indices.diff.equality import CHILDREN, default, default_of_mapping, is_told, same, same_field
from bus.indices.diff.normal_form import Json, in_full
from bus.indices.diff.settings import Flat, is_servers, same_setting
from bus.indices.diff.vectors import may_become

Path = tuple[str, ...]
OURS = "bus"
"""the key of a mapping's _meta that bus keeps its own notes in"""
_KINDS_OF_ANALYSIS = ("analyzer", "search_analyzer", "search_quote_analyzer", "normalizer")


@dataclass(frozen=True)
class Difference:
    """One change: where, from what to what, and its row of the table."""

    path: Path
    live: Any
    wanted: Any
    rule: Rule

    @property
    def kind(self) -> ChangeKind:
        """What it costs."""
        return self.rule.kind

    @property
    def short(self) -> str:
        """Where, and both values."""
        return f"{'.'.join(self.path)}: {_shown(self.live)} -> {_shown(self.wanted)}"

    def __str__(self) -> str:
        return f"{self.short}: {self.rule.why}"


def of_mappings(live: Json, wanted: Json, before: Json) -> Iterator[Difference]:
    """Differences of two mappings; `before` is what this stack wanted last, whose parts are given back when gone."""
    for key in sorted((wanted.keys() | before.keys()) - {"properties"}):
        there, here = _notes(live) if key == "_meta" else live.get(key), wanted.get(key)
        there, here = (default_of_mapping(key) if value is None else value for value in (there, here))
        if key == "runtime":
            yield from _runtime(there, here, before.get(key) or {})
        elif not same(key, there, here):
            yield Difference(("mappings", key), there, here, rule(change_kinds.MAPPING, key, here))
    yield from _of_fields(("mappings",), live, wanted)


def to_put(live: Json, wanted: Json, differences: Sequence[Difference]) -> dict[str, Any]:
    """The mapping that makes those of `differences` that are in place; a field is put with all its own parameters."""
    put: dict[str, Any] = {}
    for difference in differences:
        if difference.kind is not ChangeKind.IN_PLACE or difference.path[1] == "properties":
            continue
        _, key, *below = difference.path
        if below:
            put.setdefault(key, {})[below[0]] = difference.wanted
        elif key == "_meta" and OURS in (live.get(key) or {}):
            put[key] = {**difference.wanted, OURS: live[key][OURS]}
        else:
            put[key] = difference.wanted
    return {**put, **_fields_to_put(live, wanted)}


def of_settings(live: Json, wanted: Flat, mappings: Json) -> Iterator[Difference]:
    """Differences of two flat settings; `mappings` are the live ones, which may use an analyzer that changes."""
    in_use = set(_analysis_of(mappings))
    for key, here in sorted(wanted.items()):
        there = live.get(key)
        if (here is None and key not in live) or is_servers(key, live, wanted) or same_setting(key, there, here):
            continue
        row = rule(change_kinds.SETTINGS, key, here)
        if key.startswith("analysis.") and not _is_used(key, live, in_use):
            row = change_kinds.NEW_ANALYSIS
        yield Difference(("settings", key), there, here, row)


def may_be_spelling(difference: Difference) -> bool:
    """Return whether a difference is of a value in a mapping: not of a setting, nor of a field that is new."""
    if difference.path[0] != "mappings" or difference.path == ("mappings", "_meta"):
        return False
    is_new = difference.live is None and len(difference.path) > 2 and difference.path[-2] in (*CHILDREN, "runtime")
    return not is_new


def without_source(live: Json, settings: Flat) -> bool:
    """Whether documents of `live` cannot be read back in full."""
    source = live.get("_source") or {}
    if "disabled" in (source.get("mode"), settings.get("mapping.source.mode")):
        return True
    return str(source.get("enabled", True)).lower() == "false" or bool(source.get("excludes") or source.get("includes"))


def _runtime(live: Json, wanted: Json, before: Json) -> Iterator[Difference]:
    row = rule(change_kinds.MAPPING, "runtime")
    for name in sorted(wanted.keys() | (before.keys() & live.keys())):
        if name not in live or name not in wanted or not same_field(live[name], wanted[name]):
            yield Difference(("mappings", "runtime", name), live.get(name), wanted.get(name), row)


def _of_fields(path: Path, live: Json, wanted: Json) -> Iterator[Difference]:
    for child in CHILDREN:
        for name, there in (wanted.get(child) or {}).items():
            here = (live.get(child) or {}).get(name)
            place = (*path, child, name)
            if here is None:
                new = "new field" if child == "properties" else "new multi-field"
                yield Difference(place, None, there.get("type", "object"), rule(change_kinds.FIELDS, new))
                continue
            yield from _of_field(place, here, there)


def _of_field(place: Path, live: Json, wanted: Json) -> Iterator[Difference]:
    """Of one field: its parameters, then what is below it; a field of another type has no more to compare."""
    own = list(_parameters(place, live, wanted))
    yield from own
    if not any(difference.path[-1] == "type" for difference in own):
        yield from _of_fields(place, live, wanted)


def _parameters(place: Path, live: Json, wanted: Json) -> Iterator[Difference]:
    for key in sorted((live.keys() | wanted.keys()) - set(CHILDREN)):
        there, here = live.get(key, default(key, live)), wanted.get(key, default(key, wanted))
        if (key == "dynamic" and here is None) or (key not in wanted and is_told(key, live)):
            continue  # a put without it leaves it
        if not same(key, there, here):
            more = _is_more(key, live, there, here)
            row = rule(change_kinds.FIELDS, more) if more else rule(change_kinds.PARAMETERS, key, here)
            yield Difference((*place, key), there, here, row)


def _fields_to_put(live: Json, wanted: Json) -> dict[str, Any]:
    put: dict[str, Any] = {}
    for child in CHILDREN:
        for name, there in (wanted.get(child) or {}).items():
            here = (live.get(child) or {}).get(name)
            if here is None:
                put.setdefault(child, {})[name] = there
                continue
            own = [difference.kind for difference in _parameters((), here, there)]
            below = _fields_to_put(here, there)
            if max(own, default=ChangeKind.NOTHING) < ChangeKind.REINDEX and (own or below):
                put.setdefault(child, {})[name] = {**_whole(here, there), **below}
    return put


def _whole(live: Json, wanted: Json) -> dict[str, Any]:
    """A field as it is put: what stays in the server's own spelling, since it refuses some defaults spelled out."""
    put = {}
    for key, value in wanted.items():
        if key in CHILDREN:
            continue
        if not same(key, live.get(key, default(key, live)), value):
            put[key] = value
        elif key in live:
            put[key] = live[key]
    return put


def _is_more(key: str, field: Json, live: object, wanted: object) -> str:
    """The row of what a live field takes though it takes no other value of `key`; empty where there is none."""
    if key == "relations" and _covers(live, wanted):
        return change_kinds.JOIN_MORE
    is_vector = key == "index_options" and field.get("type") == "dense_vector"
    return change_kinds.SMALLER_VECTOR if is_vector and may_become(in_full(key, live), in_full(key, wanted)) else ""


def _covers(live: object, wanted: object) -> bool:
    """Whether a join field's relations only gain."""
    if not isinstance(live, Mapping) or not isinstance(wanted, Mapping):
        return False
    return all(_children(live[parent]) <= _children(wanted.get(parent)) for parent in live)


def _children(value: object) -> set[str]:
    return set(value) if isinstance(value, list | tuple) else {value} if isinstance(value, str) else set()


def _analysis_of(definition: Json) -> Iterator[str]:
    """The names of the analyzers and normalizers that fields of a mapping use, `default` among them."""
    for child in CHILDREN:
        for field in (definition.get(child) or {}).values():
            named = [str(field[kind]) for kind in _KINDS_OF_ANALYSIS if kind in field]
            yield from named or (["default"] if field.get("type") == "text" else [])
            yield from _analysis_of(field)


def _is_used(key: str, live: Json, in_use: set[str]) -> bool:
    """Whether terms in the index were made with the component that `key` (analysis.analyzer.fr.filter) is about.

    Tokenizers and filters are counted as used wherever they exist already: analyzers name them in many ways.
    """
    _, kind, name, *_ = (*key.split("."), "", "")
    if kind in ("analyzer", "normalizer") and name not in in_use:
        return False
    return name == "default" or any(held.startswith(f"analysis.{kind}.{name}.") for held in live)


def _notes(live: Json) -> dict[str, Any] | None:
    """What fragments wrote into `_meta`, without what bus did."""
    return {name: value for name, value in (live.get("_meta") or {}).items() if name != OURS} or None


def _shown(value: object) -> str:
    return "default" if value is None else repr(value) if isinstance(value, str) else str(value)
