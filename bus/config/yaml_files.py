"""A YAML file that people write: read with every fault in their words, and how a value stands in it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from bus.config import messages, yaml_limits
from bus.config.parsing import join, without_dates
from bus.errors import Problem

_CONFLICT = re.compile(r"^(<{7}|>{7}) .*$", re.MULTILINE)
_NOT_TEXT = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool")


class _Loader(yaml.SafeLoader):
    """Refuses a key written twice, which YAML forbids; not libyaml's, whose messages are poorer."""

    yaml_implicit_resolvers = without_dates(yaml.SafeLoader)

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:  # before any `<<` is followed: what it brings may be overridden
            if (key.tag, str(key.value)) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} stands here twice", key.start_mark
                )
            seen.add((key.tag, str(key.value)))
        return node


class _Plain(str):
    """Text that a message shows as it stands, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def read_map(path: Path, file: str) -> tuple[Mapping[str, Any], list[Problem]]:
    """A YAML file that holds a map; `file` is how messages call it. Empty files are empty maps."""
    try:
        with path.open("rb") as stream:
            text = stream.read(4 * yaml_limits.BYTES).decode()
        if beyond := yaml_limits.refusal(text):
            return {}, [Problem(file, "", None, beyond)]
        raw = yaml.load(text, Loader=_Loader)
    except OSError as error:
        return {}, [Problem(file, "", None, f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return {}, [Problem(file, f"line {line}", None, "is not UTF-8", "save the file as UTF-8")]
    except yaml.reader.ReaderError as error:
        allowed = f"is not YAML: character {error.position + 1} is U+{error.character:04X}"
        return {}, [Problem(file, "", None, allowed, "take it away")]
    except yaml.MarkedYAMLError as error:
        return {}, [_fault(error, text, file)]
    if raw is None:
        return {}, []
    if not isinstance(raw, dict):
        allowed = f"must be a map with image, values, topics, indices, and is {messages.kind(raw)}"
        return {}, [Problem(file, "", None, allowed)]
    return raw, []


def as_written(problems: Iterable[Problem], root: Path) -> list[Problem]:
    """The same problems with numbers as their file has them: 1.10 and not 1.1, which would be put between quotes."""
    files: dict[str, Mapping[str, str]] = {}
    found = []
    for problem in problems:
        path = root / problem.file
        if isinstance(problem.value, int | float) and path.is_file():
            if problem.file not in files:
                files[problem.file] = numbers(path.read_text())
            if written := files[problem.file].get(problem.path):
                problem = replace(problem, value=_Plain(written))
        found.append(problem)
    return found


def numbers(text: str) -> dict[str, str]:
    """Path -> how it is written, of all in a YAML text that is read as something else than text."""
    node = yaml.compose(text, Loader=_Loader)
    return dict(_numbers(node, "", ())) if node else {}


def _numbers(node: yaml.Node, path: str, above: tuple[yaml.Node, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(node, yaml.ScalarNode) and node.tag in _NOT_TEXT:
        yield path, node.value
    if node in above:  # an alias of what it stands in
        return
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _numbers(item, join(path, [number]), (*above, node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _numbers(value, join(path, [str(key.value)]), (*above, node))


def keys_without_text(path: Path, file: str, below: str) -> list[Problem]:
    """Return the keys below a key of a file that are no text to its reader: NO is false, and 1 a number."""
    root = yaml.compose(path.read_bytes().decode(), Loader=_Loader)
    found = {key.value: value for key, value in root.value} if isinstance(root, yaml.MappingNode) else {}
    places = _odd_keys(found[below], below) if below in found else ()
    allowed = f"this key must be text: {messages.QUOTES}"
    return [Problem(file, place, None, allowed) for place in dict.fromkeys(places)]


def only_text(value: Any) -> bool:
    """Return whether all keys of a value that was read are text."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str) for key in value) and all(only_text(below) for below in value.values())
    return all(only_text(below) for below in value) if isinstance(value, list) else True


def _odd_keys(node: yaml.Node, path: str) -> Iterator[str]:
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _odd_keys(item, join(path, [number]))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            place = join(path, [name])
            if key.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"):
                yield place
            yield from _odd_keys(value, path if key.tag == "tag:yaml.org,2002:merge" else place)


def _fault(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    line = error.problem_mark.line + 1 if error.problem_mark else 0
    if conflict := _CONFLICT.search(text):
        line = text.count("\n", 0, conflict.start()) + 1
        return Problem(file, f"line {line}", conflict[0], "is a merge conflict", "resolve it, and git add the file")
    said = str(error.problem)
    if said.startswith("but "):
        said = f"{error.context}, {said}"
    remedy = "indent with spaces" if "'\\t'" in said else ""
    return Problem(file, f"line {line}", None, f"is not YAML: {said}", remedy)
