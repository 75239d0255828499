"""Values as YAML text that every reader takes for the same: bare where nobody differs, else in JSON's quotes."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bus.config import yaml_scalars

# Bare text that no reader takes for syntax, whatever stands around it.
_WORD = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./-]*[A-Za-z0-9_])?(?::[A-Za-z0-9_./-]*[A-Za-z0-9_])*", re.ASCII)
# Not printable to YAML (https://yaml.org/spec/1.2.2/#51-character-set), or a line end to some readers.
_ESCAPED = re.compile("[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def scalar(value: Any) -> str:
    """Return a text, number, boolean or null as YAML."""
    if isinstance(value, str):
        is_word = _WORD.fullmatch(value) and yaml_scalars.is_plain(value)
        return value if is_word and value not in yaml_scalars.HELM_BOOLEANS else quoted(value)
    return json.dumps(value)


def quoted(text: str) -> str:
    """Return a text between double quotes, with escapes that JSON and all readers of YAML share."""
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def flow(value: Any) -> str:
    """Return a value in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if _is_list(value):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def block(value: Any, indent: int = 0) -> Iterator[str]:
    """Return the lines of a map or list that is not empty, one key or item each, `indent` columns in."""
    blank = " " * indent
    for key, item in value.items() if isinstance(value, Mapping) else ((None, item) for item in value):
        head = f"{blank}{scalar(key)}:" if isinstance(value, Mapping) else f"{blank}-"
        if not _is_block(item):
            yield f"{head} {flow(item)}"
        elif isinstance(value, Mapping):
            yield head
            yield from block(item, indent + 2)
        else:
            first, *rest = block(item, indent + 2)
            yield f"{head} {first[indent + 2 :]}"
            yield from rest


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same in JSON: true is not 1, 1 is not 1.0; the order of keys does not count."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_block(value: Any) -> bool:
    """Return whether a value takes lines of its own: not what is empty, nor a short list of plain values."""
    if isinstance(value, Mapping):
        return bool(value)
    return _is_list(value) and any(isinstance(item, Mapping) or _is_list(item) for item in value)
