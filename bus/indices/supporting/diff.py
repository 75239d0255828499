"""What a server has of what indices rely on, compared with what is wanted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from bus.indices.declared.supporting import KINDS, NOUNS, Bodies
from bus.indices.diff.normal_form import Json, canonical
from bus.indices.diff.plan import LiveIndex
from bus.indices.diff.settings import Setting, flatten

# What a server adds to its answers, or fills in where nothing is said.
_ADDED = frozenset(
    {"created_date", "created_date_millis", "modified_date", "modified_date_millis", "created_date_string"}
)
_DEFAULTS: Json = {"min_age": "0ms", "delete_searchable_snapshot": "true", "priority": "0"}
_FILLED: Mapping[str, Json] = {
    "data_stream": {"hidden": "false", "allow_custom_routing": "false"},
    "lifecycle": {"enabled": "true"},
}
"""part of a template that says something even if it is empty -> what a server fills in"""
LEGACY_KEYS = frozenset({"index_patterns", "priority", "version", "template"})
"""what an index template may have before 7.8"""
_USES = {"default_pipeline": "pipelines", "final_pipeline": "pipelines", "lifecycle.name": "policies"}
"""setting of an index -> what it names"""


@dataclass(frozen=True)
class Held:
    """Everything of these kinds that a server has, and which settings of which index name one."""

    bodies: Bodies
    lacking: Mapping[str, str] = field(default_factory=dict)
    """kind -> why this server knows none"""
    legacy: str = ""
    """why its index templates have none but LEGACY_KEYS; empty where they have all"""
    indices: Mapping[str, Json] = field(default_factory=dict)
    """physical index -> its flat settings, those of _USES"""


def normal(body: Json) -> Any:
    """A body in one spelling: settings flat, values as text, without what a server adds or what is empty."""
    settings = flatten((body.get("template") or {}).get("settings") or {})
    plain = canonical({key: value for key, value in body.items() if key != "template"})
    template = canonical({key: value for key, value in (body.get("template") or {}).items() if key != "settings"})
    full = {**_full(plain), "template": _filled({**_full(template), "settings": settings})}
    return _without_noise(_filled(full))


def seen(live: Bodies, declared: Bodies) -> dict[str, dict[str, Any]]:
    """What is live of `declared`, in its spelling where that means the same."""
    return {
        kind: {
            name: body if normal(live[kind][name]) == normal(body) else _filled(_without_noise(live[kind][name]))
            for name, body in names.items()
            if name in live.get(kind, {})
        }
        for kind, names in declared.items()
    }


def to_put(held: Held, wanted: Bodies) -> dict[str, dict[str, Any]]:
    """Those of `wanted` that the server has otherwise, or not at all."""
    found: dict[str, dict[str, Any]] = {}
    for kind, name, body in each(wanted):
        there = held.bodies.get(kind, {}).get(name)
        if there is None or normal(there) != normal(body):
            found.setdefault(kind, {})[name] = body
    return found


def lines(held: Held, wanted: Bodies) -> list[str]:
    """What a preview says of each that is changed: every property, both values."""
    said = []
    for kind, name, body in each(to_put(held, wanted)):
        there = held.bodies.get(kind, {}).get(name)
        if there is not None:
            one, other = dict(_leaves(normal(there))), dict(_leaves(normal(body)))
            parts = [f"{k}: {one.get(k)} -> {other.get(k)}" for k in sorted(one.keys() | other.keys())
                     if one.get(k) != other.get(k)]  # fmt: skip
            said.append(f"{NOUNS[kind]} {name} is changed: {'; '.join(parts)}")
    return said


def refusals(held: Held, wanted: Bodies, indices: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """path -> why it cannot be: the server has no such thing, or something names what nobody has."""
    found = {}
    for kind, name, body in each(wanted):
        path = f'{kind}["{name}"]'
        if kind in held.lacking:
            found[path] = f"{NOUNS[kind]} {name}: {held.lacking[kind]}"
        elif _is_managed(held.bodies.get(kind, {}).get(name, {})):
            found[path] = f"{NOUNS[kind]} {name} is managed by the server itself: give yours another name"
        if kind == "indexTemplates" and held.legacy:
            for key in sorted(body.keys() - LEGACY_KEYS - {"composed_of"}):
                found[f"{path}.{key}"] = f"{name}: {key}: {held.legacy}"
        may_lack = body.get("ignore_missing_component_templates", ())
        for part in body.get("composed_of", ()):
            if part not in may_lack and not _is_there(held, wanted, "componentTemplates", part):
                found[f"{path}.composed_of"] = (
                    f"{name}: no brick declares component template {part}, and it is not live"
                )
        for key, kind_named, named in _named(flatten((body.get("template") or {}).get("settings") or {})):
            if not _is_there(held, wanted, kind_named, named):
                found[f"{path}.template.settings.{key}"] = _missing(held, name, key, kind_named, named)
    for name, index in indices.items():
        for key, kind, named in _named(index["settings"]):
            if not _is_there(held, wanted, kind, named):
                found[f'indices["{name}"].settings.{key}'] = _missing(held, name, key, kind, named)
        used = (index.get("reindex") or {}).get("pipeline")
        if used and not _is_there(held, wanted, "pipelines", used):
            found[f'indices["{name}"].reindex.pipeline'] = _missing(held, name, "reindex.pipeline", "pipelines", used)
    return found


def users(held: Held, kind: str, name: str) -> list[str]:
    """What on the server names it, so that it cannot be deleted."""
    found = [f"index {index}" for index, settings in held.indices.items() if _names(settings, kind, name)]
    for holder in ("componentTemplates", "indexTemplates"):
        for other, body in held.bodies.get(holder, {}).items():
            settings = flatten((body.get("template") or {}).get("settings") or {})
            part_of = kind == "componentTemplates" and name in body.get("composed_of", ())
            if part_of or _names(settings, kind, name):
                found.append(f"{NOUNS[holder]} {other}")
    return sorted(found)


def brought(name: str, wanted: Bodies) -> tuple[dict[str, Setting | None], set[str]]:
    """Settings and aliases that a new index called `name` gets from the templates of `wanted`."""
    templates = [
        body
        for body in wanted.get("indexTemplates", {}).values()
        if any(fnmatchcase(name, pattern) for pattern in body.get("index_patterns", ()))
    ]
    if not templates:
        return {}, set()
    best = max(templates, key=lambda body: int(body.get("priority", 0)))
    parts = [wanted.get("componentTemplates", {}).get(part, {}) for part in best.get("composed_of", ())]
    settings: dict[str, Setting | None] = {}
    aliases: set[str] = set()
    for part in (*parts, best):
        template = part.get("template") or {}
        settings |= flatten(template.get("settings") or {})
        aliases |= (template.get("aliases") or {}).keys()
    return settings, aliases


def without_brought(live: LiveIndex, declared: Json, wanted: Bodies) -> LiveIndex:
    """`live` less what it has from templates of `wanted`: settings and aliases that its fragment does not speak of."""
    settings, aliases = brought(live.name, wanted)
    theirs = {key for key, value in settings.items() if live.settings.get(key) == value}
    theirs -= (declared.get("settings") or {}).keys()
    return replace(
        live,
        settings={key: value for key, value in live.settings.items() if key not in theirs},
        aliases={k: v for k, v in live.aliases.items() if k not in aliases - (declared.get("aliases") or {}).keys()},
    )


def each(bodies: Bodies) -> Iterator[tuple[str, str, Json]]:
    """Kind, name and body, in the order in which they are made."""
    for kind in KINDS:
        for name, body in sorted(bodies.get(kind, {}).items()):
            yield kind, name, body


def _named(settings: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Setting, kind and name of what settings name; `_none` names nothing."""
    for key, kind in _USES.items():
        name = settings.get(key)
        if name and name != "_none":
            yield key, kind, str(name)


def _names(settings: Mapping[str, Any], kind: str, name: str) -> bool:
    return any((kind, name) == (there, called) for _, there, called in _named(settings))


def _is_there(held: Held, wanted: Bodies, kind: str, name: str) -> bool:
    return name in wanted.get(kind, {}) or name in held.bodies.get(kind, {})


def _missing(held: Held, name: str, key: str, kind: str, named: str) -> str:
    lacks = held.lacking.get(kind, f"which no brick declares and the server does not have; declare it below {kind}")
    return f"{name}: {key} names {NOUNS[kind]} {named}, {lacks}"


def _is_managed(body: Json) -> bool:
    notes = body.get("_meta") or (body.get("policy") or {}).get("_meta") or {}
    return bool(notes.get("managed"))


def _full(value: Any) -> dict[str, Any]:
    """A canonical template with what a server fills in."""
    return {
        key: {**_FILLED[key], **item} if key in _FILLED and item is not None else item for key, item in value.items()
    }


def _filled(value: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is empty, which servers add; further down an empty map says something, such as {delete: {}}."""
    return {key: item for key, item in value.items() if item not in (None, {}, [])}


def _without_noise(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _without_noise(item)
            for key, item in value.items()
            if key not in _ADDED and (key not in _DEFAULTS or canonical(item) != _DEFAULTS[key])
        }
    return [_without_noise(item) for item in value] if isinstance(value, list) else value


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and (value or not path):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    else:
        yield path, value
