"""Whether what a fragment hands on to Elasticsearch has the shape of JSON and of a mapping.

What YAML takes and JSON does not (keys that are numbers or dates, dates, endless maps), and what would be no mapping
whatever a server thinks of its types. Values are the server's to judge.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bus.config.free_content import number_problems
from bus.errors import Problem
from bus.indices.diff.differences import OURS
from bus.indices.diff.dotted_fields import placed
from bus.indices.diff.settings import is_leaf

_DEEPEST = 60
"""maps in maps; index.mapping.depth.limit is 20, and each field's properties count one more here"""
_PLAIN = (str, int, float, bool, type(None))
_MAPS = ("properties", "fields", "runtime", "_meta", "_source", "_routing")
_OBJECTS = ("object", "nested", "passthrough")


def json_problems(value: Any, file: str, path: str, depth: int = 0) -> Iterator[Problem]:
    """What JSON has no word for, and what is deeper than any server takes."""
    if depth > _DEEPEST:
        yield Problem(file, path, None, f"is more than {_DEEPEST} maps deep", "or holds itself, by an anchor of YAML")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str):
                yield from json_problems(item, file, f"{path}.{key}", depth + 1)
            else:
                yield Problem(file, f"{path}.{key}", key, "must be text", "put it between quotes")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from json_problems(item, file, f"{path}[{number}]", depth + 1)
    elif not isinstance(value, _PLAIN) or value != value or value in (float("inf"), float("-inf")):
        yield Problem(file, path, str(value), "must be text, a number, true, false or null", "put it between quotes")
    else:
        yield from number_problems(value, file, path)


def setting_problems(settings: Mapping[str, Any], file: str, path: str) -> Iterator[Problem]:
    """Judge settings: lists hold plain values, and each setting is written once, whatever its spelling."""
    yield from _list_problems(settings, file, path)
    places: dict[str, list[str]] = {}
    for place in _leaves(settings, ""):
        places.setdefault(place.removeprefix("index."), []).append(place)
    for key, written in places.items():
        if len(written) > 1:
            allowed = f"is written {len(written)} times, as {', '.join(written)}"
            yield Problem(file, f"{path}.{key}", None, allowed, "a setting has one value: keep one of them")
        if key.startswith("index."):
            yield Problem(file, f"{path}.{written[0]}", None, "has index. twice", f"write {key}")


def _leaves(settings: Mapping[str, Any], above: str) -> Iterator[str]:
    """Yield the dotted path of each value, twice where two spellings lead to it."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def _list_problems(settings: Mapping[str, Any], file: str, path: str) -> Iterator[Problem]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _list_problems(value, file, f"{path}.{key}")
        elif isinstance(value, list) and not all(map(is_leaf, value)):
            yield Problem(
                file, f"{path}.{key}", None, "must be a list of texts or numbers, without maps, lists or null"
            )


def mapping_problems(mappings: Mapping[str, Any], file: str, path: str) -> list[Problem]:
    """What is no mapping; of one that is JSON."""
    problems = [*_map_problems(mappings, file, path), *_dynamic_problems(mappings.get("dynamic_templates"), file, path)]
    if OURS in _map(mappings.get("_meta")):
        place = f"{path}._meta.{OURS}"
        problems.append(Problem(file, place, None, "is where bus keeps its own notes", "give yours another name"))
    for name, field in _map(mappings.get("runtime")).items():
        if not isinstance(field, Mapping):
            problems.append(Problem(file, f"{path}.runtime.{name}", field, "must be a map, such as {type: long}"))
    problems += _fields(mappings.get("properties", {}), file, f"{path}.properties", "properties")
    return problems or list(_twice(placed(mappings), file, path))


def _fields(fields: object, file: str, path: str, kind: str) -> list[Problem]:
    """What a server would refuse of a map of fields before it looks at any type."""
    problems = []
    for name, field in _map(fields).items():
        here = f"{path}.{name}"
        if not all(part.strip() for part in name.split(".")):
            problems.append(Problem(file, here, name, "is no name of a field: it, or a part between dots, is empty"))
        elif not isinstance(field, Mapping):
            problems.append(Problem(file, here, field, "must be a map, such as {type: keyword}"))
        elif not isinstance(field.get("type", ""), str):
            problems.append(Problem(file, f"{here}.type", field["type"], "must be text, such as keyword"))
        elif "type" not in field and (kind == "fields" or _needs_type(field)):
            problems.append(Problem(file, here, None, "needs a type, or properties"))
        else:
            problems += _map_problems(field, file, here)
            for child in ("properties", "fields"):
                problems += _fields(field.get(child, {}), file, f"{here}.{child}", child)
    return problems


def _needs_type(field: Mapping[str, Any]) -> bool:
    return "properties" not in field and bool(set(field) - {"dynamic", "enabled", "subobjects"})


def _map_problems(definition: Mapping[str, Any], file: str, path: str) -> Iterator[Problem]:
    for key in _MAPS:
        if key in definition and not isinstance(definition[key], Mapping):
            found = definition[key]
            yield Problem(file, f"{path}.{key}", type(found).__name__ if found is not None else None, "must be a map")


def _dynamic_problems(templates: object, file: str, path: str) -> Iterator[Problem]:
    if templates is None:
        return
    good = isinstance(templates, list) and all(
        isinstance(one, Mapping) and len(one) == 1 and all(isinstance(how, Mapping) for how in one.values())
        for one in templates
    )
    if not good:
        shape = "must be a list of maps of one name each, such as - texts: {match_mapping_type: string, mapping: ...}"
        yield Problem(file, f"{path}.dynamic_templates", None, shape)


def _twice(mapping: Mapping[str, Any], file: str, path: str) -> Iterator[Problem]:
    """Fields that have fields below them, of a type that holds none: `b` and `b.c` declared beside each other."""
    for name, field in _map(mapping.get("properties")).items():
        here = f"{path}.properties.{name}"
        if "properties" in field and field.get("type", "object") not in _OBJECTS:
            allowed = f"has properties, so it must be {', '.join(_OBJECTS)}"
            yield Problem(file, here, field["type"], allowed, "a name with dots is a field in an object")
        else:
            yield from _twice(field, file, here)


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
