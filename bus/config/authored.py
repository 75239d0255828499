"""The config of a stack as its file has it: Pulumi changes dates, octal numbers and long ones on their way

Pulumi reads a stack file with go-yaml v3 and keeps each key's value as text or JSON: `2024-01-01` becomes
`2024-01-01 00:00:00 +0000 UTC`, 0123 83, 1.10 1.1. So each key that the file beside still has is taken from there.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bus.config import yaml_scalars
from bus.config.messages import kind
from bus.config.parsing import join
from bus.config.yaml_files import read_text
from bus.config.yaml_reading import KEY, Bare, Document
from bus.errors import Problem

_BELOW = "config"
_STANDARD = re.compile(r"Pulumi\.(?P<stack>.+)\.ya?ml")
_GO_TIME = "is what Pulumi makes of a date without quotes"
_REMEDY = "write the date as you mean it, between quotes"


@dataclass(frozen=True)
class Authored:
    """The flat config of a stack with the author's values, and what cannot be taken."""

    config: Mapping[str, str]
    problems: tuple[Problem, ...]


def text_of(root: Path, stack: str, config_file: Path | None = None) -> str | None:
    """Return the text of a stack's file; None where no file is beside the project's, or it is no UTF-8.

    Without `config_file`, that of the variable BUS_CONFIG_FILE, unless it is another stack's: docs/configuration.md.
    """
    named = os.environ.get("BUS_CONFIG_FILE", "")
    standard = _STANDARD.fullmatch(Path(named).name)
    if config_file is None and named and not (standard and standard["stack"] != stack):
        config_file = Path(named)
    try:
        return (config_file or root / f"Pulumi.{stack}.yaml").read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None


def authored(text: str | None, file: str, config: Mapping[str, str], prefix: str) -> Authored:
    """Return Pulumi's flat config with the values that a stack file's text has for the keys that begin with `prefix`.

    A key whose value differs from the file's by more than what Pulumi changes keeps Pulumi's value: another file was
    given with --config-file. Secrets keep it too.
    """
    document = read_text(text or "", file)
    block = document.value.get(_BELOW) if isinstance(document.value, dict) else None
    if document.problems and not document.value:  # no YAML to bus, although Pulumi has read it
        return Authored(config, tuple(document.problems))
    result = dict(config)
    problems: list[Problem] = []
    for key, given in config.items():
        if not key.startswith(prefix):
            continue
        path = f"{_BELOW}.{key}"
        mine = _problems(document, path)
        value = block.get(key) if isinstance(block, dict) else None
        in_file = isinstance(block, dict) and key in block and not _has_secret(value)
        if in_file and _alike(value, given, document, path):
            result[key] = _flat(value, document, path)
            problems += mine
        problems += _go_times(file, key, _decoded(result[key]))
    problems += [one for one in document.problems if one.path.startswith("line ")]
    return Authored(result, tuple(dict.fromkeys(problems)))


def problems_of(text: str | None, file: str) -> list[Problem]:
    """Return what is wrong with the text of a stack file, for one that Pulumi itself cannot read."""
    document = read_text(text or "", file)
    return list(_problems(document, _BELOW)) or document.problems


def block(text: str, file: str, prefix: str) -> tuple[Mapping[str, Any], list[Problem]]:
    """Return what a stack file's text has below `config:`, and why the keys that begin with `prefix` cannot be taken.

    For a file of another checkout, of which Pulumi has read nothing. Empty where the text cannot be read.
    """
    document = read_text(text, file)
    if not isinstance(document.value, dict):
        return {}, [Problem(file, "", None, f"must be a map with config, and is {kind(document.value)}")]
    config = document.value.get(_BELOW)
    if config is not None and not isinstance(config, dict):
        return {}, [Problem(file, _BELOW, config, f"must be a map, and is {kind(config)}")]
    below = [one for one in _problems(document, _BELOW) if one.path.startswith(prefix)]
    whole = [one for one in document.problems if one.path == "" or one.path.startswith("line ")]
    return config or {}, [*whole, *below, *_go_times_of(file, config or {}, prefix)]


def _go_times_of(file: str, config: Mapping[str, Any], prefix: str) -> Iterator[Problem]:
    for key, value in config.items():
        if key.startswith(prefix):
            yield from _go_times(file, key, value)


def _problems(document: Document, path: str) -> Iterator[Problem]:
    """Return the problems at and below a path, called as all messages of stack files call it."""
    for one in document.problems:
        if one.path == path or one.path.startswith((f"{path}.", f"{path}[")):
            yield Problem(one.file, one.path.removeprefix(f"{_BELOW}."), one.value, one.allowed, one.remedy)


def _has_secret(value: object) -> bool:
    """Return whether something encrypted stands in a value; what Pulumi decrypts is in no file."""
    if isinstance(value, dict):
        return set(value) == {"secure"} or any(map(_has_secret, value.values()))
    return isinstance(value, list) and any(map(_has_secret, value))


def _flat(value: Any, document: Document, path: str) -> str:
    """Return a value of the file as Pulumi keeps it: structured ones as JSON, a scalar as it is written."""
    if isinstance(value, dict | list):
        return json.dumps(value)
    if value is None:
        return ""
    return document.written.get(path, str(value))


def _alike(value: Any, given: str, document: Document, path: str) -> bool:
    """Return whether Pulumi can have made a key's value of the file's."""
    if isinstance(value, dict | list):
        decoded = _decoded(given)
        return isinstance(decoded, dict | list) and _same(value, decoded, document, path)
    if value is None:
        return given == ""
    return given == value or _same(value, _decoded(given), document, path) or _same(value, given, document, path)


def _same(value: Any, given: Any, document: Document, path: str) -> bool:
    if any(one.path == path for one in document.problems):
        return True  # refused, whatever Pulumi has made of it
    if isinstance(value, dict):
        odd = any(one.allowed == KEY and one.path.startswith(path) for one in document.problems)
        if not isinstance(given, dict) or not (odd or set(value) == set(given)):
            return False
        shared = value.keys() & given.keys()
        return all(_same(value[key], given[key], document, join(path, [key])) for key in shared)
    if isinstance(value, list):
        if not isinstance(given, list) or len(value) != len(given):
            return False
        pairs = enumerate(zip(value, given, strict=True))
        return all(_same(mine, theirs, document, join(path, [number])) for number, (mine, theirs) in pairs)
    return _same_scalar(value, given, document.written.get(path))


def _same_scalar(value: Any, given: Any, written: str | None) -> bool:
    if isinstance(given, dict | list):
        return False
    if isinstance(value, int | float) and isinstance(given, int | float):
        return float(value) == float(given)
    if written is not None and (yaml_scalars.read(written).refusal or isinstance(value, float)):
        return True  # refused anyway, or a long number in Go's digits
    if written is not None and yaml_scalars.is_date(written) and isinstance(given, str):
        year, month, day = written[:10].split("-")[:3]
        return given == value or given.startswith(f"{year}-{int(month):02}-{int(day[:2].rstrip('Tt ')):02} ")
    return bool(value == given)


def _go_times(file: str, path: str, value: Any) -> Iterator[Problem]:
    """Return the texts that Pulumi has made of dates: `pulumi config set` writes them into the file for good."""
    if isinstance(value, dict):
        for key, item in value.items():
            if yaml_scalars.is_go_time(key):
                yield Problem(file, f"{path}.{key}", None, _GO_TIME, _REMEDY)
            yield from _go_times(file, f"{path}.{key}", item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _go_times(file, f"{path}[{number}]", item)
    elif isinstance(value, str) and yaml_scalars.is_go_time(value):
        yield Problem(file, path, Bare(value), _GO_TIME, _REMEDY)


def _decoded(given: str) -> Any:
    try:
        return json.loads(given)
    except (ValueError, RecursionError):
        return given
