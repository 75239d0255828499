"""A YAML text as values, with every fault of its scalars and keys at once, each with its path and line.

The one reading of bus for brick files, stack files and values of charts. `bus.config.yaml_scalars` says what a bare
scalar means. A text that is no YAML at all raises yaml.YAMLError, as PyYAML says it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from bus.config import yaml_scalars
from bus.config.parsing import join
from bus.errors import Problem

_TEXT = "tag:yaml.org,2002:str"
_BARE, _MERGE = "bare", "merge"
_OF_MAP, _OF_LIST = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
_OWN_TAGS: dict[type[yaml.Node], frozenset[str]] = {
    yaml.ScalarNode: frozenset({_BARE, _MERGE, _TEXT}),
    yaml.MappingNode: frozenset({_OF_MAP}),
    yaml.SequenceNode: frozenset({_OF_LIST}),
}
"""the tags that each kind of node may have"""
KEY = "this key must be text: put it between quotes, as the file has it"
TWICE = "stands here twice"
# Line ends to a reader of YAML 1.1 and characters to one of 1.2; a BOM is no character anywhere but at the beginning.
_UNSEEN = re.compile("[\x85\u2028\u2029]|(?<!^)\ufeff")


class Bare(str):
    """A value as its file has it, which a message shows without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass
class Document:
    """A YAML text as it was read."""

    value: Any
    problems: list[Problem] = field(default_factory=list)
    """the refused scalars and keys; a key that is no text is left out of the value, a refused scalar is its text"""
    written: dict[str, str] = field(default_factory=dict)
    """path -> how it is written, of every bare scalar that some reader takes for something else than text"""


class _Resolver:
    """Marks bare scalars, so that a tag that somebody wrote is told from none."""

    def resolve(self, kind: type[yaml.Node], value: str, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            bare = implicit[0]
            return _MERGE if bare and value == "<<" else _BARE if bare else _TEXT
        return _OF_MAP if kind is yaml.MappingNode else _OF_LIST


class _Loader(_Resolver, yaml.SafeLoader):
    """PyYAML's own, whose messages are better."""


class _FastLoader(_Resolver, yaml.CSafeLoader):
    """libyaml's, ten times as fast."""


def read(text: str, file: str, *, fast: bool = False) -> Document:
    """Return the one document of a text; `file` is how problems call it. Raise yaml.YAMLError for no YAML."""
    node = yaml.compose(text, Loader=_FastLoader if fast else _Loader)
    reader = _Reader(file)
    reader.problems += _unseen(text, file)
    value = reader.value(node, "") if node else None
    return Document(value, reader.problems, reader.written)


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.written: dict[str, str] = {}
        self._told: set[tuple[str, str]] = set()
        self._above: set[int] = set()

    def value(self, node: yaml.Node, path: str) -> Any:
        if id(node) in self._above:  # an alias of what it stands in
            return None
        self._above.add(id(node))
        value = self._value(node, path)
        self._above.remove(id(node))
        return value

    def _value(self, node: yaml.Node, path: str) -> Any:
        if node.tag not in _OWN_TAGS[type(node)]:
            name = node.tag.replace("tag:yaml.org,2002:", "!!")
            self._tell(node, path, None, f"has the tag {name}, which not every reader takes", "write the value itself")
        if isinstance(node, yaml.MappingNode):
            return self._map(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, join(path, [number])) for number, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _scalar(self, node: yaml.Node, path: str) -> Any:
        if node.tag not in (_BARE, _MERGE):
            return str(node.value)
        found = yaml_scalars.read(node.value)
        if (not found.plain_text and node.value) or node.value in yaml_scalars.HELM_BOOLEANS:
            self.written[path] = node.value
        if found.refusal:
            self._tell(node, path, Bare(node.value), found.refusal, found.remedy)
        return found.value

    def _map(self, node: yaml.MappingNode, path: str) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: list[Any] = []
        seen: set[tuple[bool, str]] = set()
        for key, below in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._tell(key, join(path, [f"? (line {_line(key)})"]), None, KEY, "", line=False)
                continue
            name = str(key.value)
            is_merge = key.tag == _MERGE
            if (is_merge, name) in seen:
                self._tell(key, f"line {_line(key)}", None, f"is not YAML: key {name!r} {TWICE}", "", line=False)
                continue
            seen.add((is_merge, name))
            if is_merge:
                merged += self._merged(below, path)
                continue
            place = join(path, [name])
            value = self.value(below, place)
            if key.tag == _TEXT or (key.tag == _BARE and yaml_scalars.is_plain(key.value)):
                own[name] = value
            else:
                self._tell(key, place, None, KEY, "", line=False)
        brought: dict[str, Any] = {}
        for one in reversed(merged):  # of several, the first one wins
            brought |= one or {}
        return {**brought, **own}

    def _merged(self, node: yaml.Node, path: str) -> Iterator[Any]:
        """Return what a `<<` brings, what wins first."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for one in nodes:
            if isinstance(one, yaml.MappingNode):
                yield self.value(one, path)
            else:
                self._tell(one, join(path, ["<<"]), None, "must be a map, or a list of maps, by their anchors", "")

    def _tell(self, node: yaml.Node, path: str, value: object, allowed: str, remedy: str, *, line: bool = True) -> None:
        """Record a problem, once at each path: a merged map is read again where an alias stands for it."""
        if (path, allowed) not in self._told:
            self._told.add((path, allowed))
            place = f" (line {_line(node)})" if line else ""
            self.problems.append(Problem(self.file, path, value, f"{allowed}{place}", remedy))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1 if node.start_mark else 0


def _unseen(text: str, file: str) -> list[Problem]:
    problems = []
    for found in _UNSEEN.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        code = f"{ord(found[0]):04X}"
        allowed = f"has the character U+{code}, a line end to some readers of YAML and none to others"
        problems.append(Problem(file, f"line {line}", None, allowed, f'write it as "\\u{code}" between double quotes'))
    return problems
