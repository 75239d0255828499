"""What a validation found, in the words of somebody who writes YAML, and not in those of Python."""

from collections.abc import Mapping
from typing import Any

_TYPES = {
    "model_type": "a map",
    "dict_type": "a map",
    "list_type": "a list",
    "tuple_type": "a list",
    "string_type": "text",
    "invalid_key": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
}
"""error of pydantic -> what YAML has there; https://docs.pydantic.dev/latest/errors/validation_errors/"""

JSON_TYPES = {
    "object": "a map",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "empty",
}
"""type of a JSON schema -> the same"""


QUOTES = "put it between quotes, as the file has it"


def kind(value: object) -> str:
    """What something is to YAML."""
    match value:
        case None:
            return "empty"
        case Mapping():
            return "a map"
        case list() | tuple():
            return "a list"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
    return "text"


def allowed(details: Mapping[str, Any]) -> str:
    """What must be, said of one of pydantic's errors; with what is there, where that is nothing that fits in a line."""
    error, found, context = details["type"], details["input"], details.get("ctx", {})
    match error:
        case "value_error":
            return str(context["error"])
        case "too_short":
            return "must not be empty"
        case "string_too_short" if context["min_length"] == 1:
            return "must not be empty"
        case "string_type" | "invalid_key" if kind(found) in ("a number", "true or false"):
            return f"must be text: {QUOTES}"
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "less_than_equal":
            return f"must be at most {context['le']}"
        case "string_pattern_mismatch":
            return f"must match {context['pattern']}"
        case "literal_error":
            wanted = context["expected"]
        case _ if error in _TYPES:
            wanted = _TYPES[error]
        case _:
            return str(details["msg"])  # none that our records raise: tests/config/test_messages.py
    return f"must be {wanted}, and is {kind(found)}" if shown(found) is None else f"must be {wanted}"


def shown(value: object) -> object:
    """A value as a message has it: None for one that takes more than a line, and for one that is not there."""
    return value if isinstance(value, str | int | float | bool) else None
