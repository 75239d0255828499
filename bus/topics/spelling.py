"""One spelling for each value of a topic's config: that in which brokers answer it, whichever was written.

Brokers parse what they are given (org.apache.kafka.common.config.ConfigDef.parseType) and answer what they make of it.
Compared as text, `min.cleanable.dirty.ratio: 1` and their `1.0` differ for ever.
"""

import re
from decimal import Decimal

from bus.topics.config_types import TYPES

Scalar = bool | int | float | str
# What both Java's and Python's parsers take. Python's alone take other scripts' digits and _, Java's alone 1d or 0x1p3.
_WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


def config_text(key: str, value: Scalar | list[str]) -> str:
    """Return the value of a fragment's config as brokers spell it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return canonical(key, ",".join(value))
    is_number = TYPES.get(key) != "string"  # a version: 3.0 is not 3
    if isinstance(value, float) and value.is_integer() and is_number:
        return canonical(key, str(int(value)))
    return canonical(key, str(value))


def canonical(key: str, text: str) -> str:
    """Return the one spelling of a config's value; a text that is no value of its type stays as it is.

    What stands twice in a list counts once, as brokers since 4.2 have it; its order is as written.
    """
    trimmed = text.strip(" \t\r\n")
    match TYPES.get(key):
        case "boolean" if trimmed.lower() in ("true", "false"):
            return trimmed.lower()
        case "int" | "long" if _WHOLE.fullmatch(trimmed):
            return str(int(trimmed))
        case "double" if _NUMBER.fullmatch(trimmed):
            return _double(float(trimmed))
        case "list":
            return ",".join(dict.fromkeys(one.strip(" \t\r\n") for one in trimmed.split(",")))
        case _:
            return text


def _double(value: float) -> str:
    """As Java's Double.toString: 0.001 to below 10 million in full, others as 1.0E-5."""
    if value == 0 or value in (float("inf"), float("-inf")):
        return "0.0" if value == 0 else str(value)
    if 1e-3 <= abs(value) < 1e7:
        return str(value) if "e" not in str(value) else f"{Decimal(str(value)):f}"
    sign, digits, exponent = Decimal(str(value)).normalize().as_tuple()
    first, *rest = map(str, digits)
    power = int(exponent) + len(digits) - 1
    return f"{'-' if sign else ''}{first}.{''.join(rest) or '0'}E{power}"
