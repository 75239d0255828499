"""What a YAML file may take before it is read: bytes, values, nesting, and what its aliases stand for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

BYTES = 1024 * 1024
DEPTH = 64
VALUES = 50_000
"""maps, lists, keys and texts of a file, each alias counted as what it stands for"""
TOO_DEEP = f"is nested too deep: more than {DEPTH} maps and lists in each other"
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass
class _Open:
    """A map or list that has begun, or what an anchor names: how many values it has, and how deep it is."""

    anchor: str = ""
    values: int = 1
    depth: int = 1


def refusal(text: str) -> str:
    """Return what goes beyond a limit, and in which line; empty where nothing does.

    A text that is no YAML is judged as far as it goes: its fault is the reader's to say. Nothing is expanded, so the
    time is that of the text, and the memory that of its anchors.
    """
    if len(text) > BYTES:
        return f"has more than {BYTES // 1024} KiB; write less into one file"
    for loader in (yaml.CSafeLoader, yaml.SafeLoader):  # libyaml is ten times as fast, and stops at other faults
        try:
            found = next(_refusals(text, loader), None)
        except yaml.YAMLError:
            continue
        return f"{found[1]} (line {found[0]})" if found else ""
    return ""


def nested(value: Any) -> bool:
    """Return whether a value that was read elsewhere is nested too deep."""
    level = [value]
    for _ in range(DEPTH + 1):
        level = [
            below
            for one in level
            if isinstance(one, dict | list)
            for below in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


def _refusals(text: str, loader: type[yaml.CSafeLoader] | type[yaml.SafeLoader]) -> Iterator[tuple[int, str]]:
    known: dict[str, _Open] = {}
    stack: list[_Open] = []
    total = 0
    for event in yaml.parse(text, Loader=loader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        added = _Open()
        if getattr(event, "tag", None) == "!":  # no node shows it: PyYAML takes it for no tag at all
            yield line, "has the tag !, which is text to some readers of YAML only: put the value between quotes"
            return
        if isinstance(event, yaml.CollectionStartEvent):
            stack.append(_Open(event.anchor or ""))
        elif isinstance(event, yaml.CollectionEndEvent):
            done = stack.pop()
            _close(stack, done, known)
            continue
        elif isinstance(event, yaml.AliasEvent):
            if any(one.anchor == event.anchor for one in stack):
                yield line, f"*{event.anchor} stands within &{event.anchor}: it would hold itself without end"
                return
            added = known.get(str(event.anchor), added)
            if stack:
                stack[-1].values += added.values
                stack[-1].depth = max(stack[-1].depth, added.depth + 1)
        elif isinstance(event, yaml.ScalarEvent):
            if _SURROGATE.search(event.value):
                yield line, "has half of a pair of \\u escapes, which is no character"
                return
            if event.anchor:
                known[event.anchor] = _Open(values=1, depth=0)
            if stack:
                stack[-1].values += 1
        else:
            continue
        total += added.values
        if total > VALUES:
            yield (
                line,
                f"has more than {VALUES} values, each alias counted as what it stands for: write less into one file",
            )
            return
        if len(stack) + (added.depth if isinstance(event, yaml.AliasEvent) else 0) > DEPTH:
            yield line, TOO_DEEP
            return


def _close(stack: list[_Open], done: _Open, known: dict[str, _Open]) -> None:
    """Count what has ended as a part of what is around it."""
    if done.anchor:
        known[done.anchor] = done
    if stack:
        stack[-1].values += done.values
        stack[-1].depth = max(stack[-1].depth, done.depth + 1)
