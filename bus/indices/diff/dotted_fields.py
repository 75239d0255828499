"""Field names with dots, placed as a server answers them: `a.b` is b in object a, or one name where there are none."""

from collections.abc import Mapping
from typing import Any

from bus.indices.diff.normal_form import Json, canonical


def placed(definition: Json) -> dict[str, Any]:
    """A mapping, or an object of it, with every field where the server puts it.

    https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/subobjects
    """
    properties = definition.get("properties")
    if not isinstance(properties, Mapping):
        return dict(definition)
    if has_no_objects(definition):
        return {**definition, "properties": _flat(properties)}
    found: dict[str, Any] = {}
    for name, field in properties.items():
        head, _, rest = name.partition(".") if all(name.split(".")) else (name, "", "")
        found[head] = _together(found.get(head, {}), {"properties": {rest: field}} if rest else field)
    return {**definition, "properties": {name: placed(field) for name, field in found.items()}}


def in_words_of(wanted: Json, found: dict[str, Any], where: Json) -> dict[str, Any]:
    """`found` in the spelling of `wanted`, whose fields placed are `where`: a whole top field at a time."""
    if found == where:
        return dict(wanted)
    if "properties" not in found or has_no_objects(wanted):
        return found
    fields, same = (
        found["properties"],
        {n for n, field in where["properties"].items() if found["properties"].get(n) == field},
    )
    spelled = {name: field for name, field in wanted["properties"].items() if name.partition(".")[0] in same}
    return {**found, "properties": spelled | {name: field for name, field in fields.items() if name not in same}}


def has_no_objects(definition: Json) -> bool:
    """Whether names with dots stay as they are below it."""
    return canonical(definition.get("subobjects", True)) == "false"


def _flat(properties: Json, above: str = "") -> dict[str, Any]:
    """Fields by their whole names; what is said of the objects between is not kept by a server either."""
    found: dict[str, Any] = {}
    for name, field in properties.items():
        below = field.get("properties") if isinstance(field, Mapping) else None
        found |= _flat(below, f"{above}{name}.") if isinstance(below, Mapping) else {f"{above}{name}": field}
    return found


def _together(one: Json, other: Json) -> dict[str, Any]:
    """An object that is spoken of in several places."""
    both = {**one, **other}
    if "properties" in one and "properties" in other:
        fields = dict(one["properties"])
        for name, field in other["properties"].items():
            fields[name] = _together(fields[name], field) if name in fields else field
        both["properties"] = fields
    return both
