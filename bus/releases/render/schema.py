"""A chart's values.schema.json, asked before Helm would; in the words of somebody who writes YAML."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from bus.config.messages import JSON_TYPES, QUOTES, kind, shown
from bus.config.parsing import nearest

Location = tuple[str | int, ...]


@cache
def expression(pattern: str) -> re.Pattern[str]:
    r"""Compile a pattern of a JSON schema: `$` is the end of the text, and not a place before a last line break.

    https://json-schema.org/draft-07/json-schema-validation#rfc.section.4.3: patterns are ECMA 262's, as Helm has them.
    """
    found, inside, escaped = "", False, False
    for sign in pattern:
        found += r"\Z" if sign == "$" and not inside and not escaped else sign
        if not escaped:
            inside = sign == "[" or (inside and sign != "]")
        escaped = sign == "\\" and not escaped
    return re.compile(found)


def _pattern(_: object, pattern: str, instance: object, __: object) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not expression(pattern).search(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], instance: Any, _: object) -> Iterator[Any]:
    for pattern, schema in patterns.items() if isinstance(instance, Mapping) else ():
        for key, value in instance.items():
            if expression(pattern).search(key):
                yield from validator.descend(value, schema, path=key, schema_path=pattern)


def _additional(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[Any]:
    for key in _unknown(schema, instance) if isinstance(instance, Mapping) else ():
        if allowed is False:
            yield ValidationError("unknown key", path=[key])
        else:
            yield from validator.descend(instance[key], allowed, path=key)


_KEYWORDS: Mapping[str, Callable[..., Iterator[ValidationError]]] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
}
_Validator = extend(Draft7Validator, _KEYWORDS)  # type: ignore[no-untyped-call]


def errors(schema: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[tuple[Location, object, str]]:
    """Yield where values break a schema, the value in question (None where it fits in no line), and what is allowed."""
    for error in _Validator(schema).iter_errors(values):
        location = tuple(error.absolute_path)
        if "propertyNames" in error.absolute_schema_path:
            name = str(error.instance)
            yield (*location, name), None, f"is a name that is not allowed here: {_message(error)}"
        elif error.validator == "additionalProperties":
            yield location, None, _message(error)
        else:
            yield location, shown(error.instance), _message(error)


def _unknown(schema: Any, instance: Mapping[str, Any]) -> list[str]:
    """Return the keys that neither a property nor a pattern of a schema knows."""
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    return [key for key in instance if key not in known and not any(expression(one).search(key) for one in patterns)]


def _quoted_would_do(schema: Mapping[str, Any], value: object) -> bool:
    """Return whether a number or a boolean would be allowed as text."""
    if not isinstance(value, bool | int | float):
        return False
    return bool(expression(schema.get("pattern", "")).search(str(value)))


def _message(error: ValidationError) -> str:
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    wanted = error.validator_value
    match error.validator:
        case "additionalProperties":
            known = sorted(schema.get("properties", {}))
            near = nearest(str(error.path[-1]), known)
            return f"unknown key; allowed: {', '.join(known)}{near and '; ' + near}"
        case "type" if wanted == "string" and _quoted_would_do(schema, error.instance):
            return f"must be text: {QUOTES}"
        case "type" | "pattern" | "not" | "maxLength" | "minLength" if {"description", "pattern"} <= schema.keys():
            return f"must be {schema['description']}"
        case "minLength" | "not" if "description" in schema:
            return f"must be {schema['description']}"
        case "type":
            types = wanted if isinstance(wanted, list) else [wanted]
            found = f", and is {kind(error.instance)}" if shown(error.instance) is None else ""
            return f"must be {' or '.join(JSON_TYPES[str(one)] for one in types)}{found}"
        case "minimum":
            return f"must be at least {wanted}"
        case "maximum":
            return f"must be at most {wanted}"
        case "minLength" if wanted == 1:
            return "must not be empty"
        case "enum" if isinstance(wanted, list):
            return f"must be one of {', '.join(map(str, wanted))}"
    return str(error.message)
