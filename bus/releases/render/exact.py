"""Judge which values would not reach Helm as they are written: it holds numbers as 64-bit floats. Pure."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bus.config.parsing import join
from bus.errors import Problem

_ROUNDED = "put it between quotes where text is allowed, or write a number that 64-bit floats hold exactly"

# The Kubernetes provider writes all values as YAML into its log, and fails at these: "control characters are not
# allowed" (helm_release.go, logValues). Halves of characters (surrogates) are no text at all.
_REFUSED = re.compile("[\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


def problems(file: str, place: str, value: Any) -> Iterator[Problem]:
    """Yield a problem for each number and text below `place` of a file that would arrive as another one."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            if refused := _REFUSED.search(str(key)):
                allowed = f"this key has the character {_code(refused)}, which cannot be deployed"
                yield Problem(file, place, ascii(key), allowed, "remove the character")
            yield from problems(file, join(place, [str(key)]), below)
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from problems(file, join(place, [number]), entry)
    elif isinstance(value, str) and (refused := _REFUSED.search(value)):
        allowed = f"has the character {_code(refused)}, which cannot be deployed"
        yield Problem(file, place, None, allowed, "remove the character")
    elif isinstance(value, int) and not _is_exact(value):
        allowed = f"would be rounded to {_rounded(value)}: Helm holds numbers as 64-bit floats"
        yield Problem(file, place, value, allowed, _ROUNDED)
    elif isinstance(value, float) and not math.isfinite(value):
        allowed = "is no number that Helm can hold"
        yield Problem(file, place, str(value), allowed, "put it between quotes where text is allowed")


def _code(refused: re.Match[str]) -> str:
    return f"U+{ord(refused[0]):04X}"


def _is_exact(number: int) -> bool:
    try:
        return int(float(number)) == number
    except OverflowError:
        return False


def _rounded(number: int) -> str:
    try:
        return str(int(float(number)))
    except OverflowError:
        return "infinity"
