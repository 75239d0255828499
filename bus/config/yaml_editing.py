"""One item or entry more in a YAML text, with every other byte as it was."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from bus.config import yaml_writing
from bus.config.yaml_files import read_text
from bus.errors import UserError


class NotEditable(UserError):
    """A text to which nothing can be added without changing more of it; the message says what to write first."""


@dataclass
class _Node:
    """A part of a YAML text: where it begins and ends, and what it holds; keys and values of a map in turn."""

    start: int
    end: int
    is_flow: bool = False
    is_map: bool = False
    is_list: bool = False
    text: str = ""
    below: list["_Node"] = field(default_factory=list)


def extend(text: str, path: Sequence[str], items: Sequence[Mapping[str, Any]], file: str) -> str:
    """Return `text` with `items` at the end of the list at `path`, which is made where it is missing.

    Raise NotEditable where anything else would change.
    """
    before = read_text(text, file)
    expected = _changed(before.value, path, lambda old: [*(old or []), *items])
    return _checked(_with(text, path, list(items)), expected, path, file)


def put(text: str, path: Sequence[str], name: str, value: Mapping[str, Any], file: str) -> str:
    """Return `text` with `name: value` at the end of the map at `path`. Raise NotEditable as `extend` does."""
    before = read_text(text, file)
    expected = _changed(before.value, path, lambda old: {**(old or {}), name: value})
    return _checked(_with(text, path, {name: value}), expected, path, file)


def _changed(value: Any, path: Sequence[str], change: Any) -> Any:
    if not path:
        return change(value)
    below = value if isinstance(value, dict) else {}
    return {**below, path[0]: _changed(below.get(path[0]), path[1:], change)}


def _checked(text: str | None, expected: Any, path: Sequence[str], file: str) -> str:
    """Return a changed text once it is read back as expected."""
    after = read_text(text, file) if text is not None else None
    if text is None or after is None or not yaml_writing.same(after.value, expected):
        place = ".".join(path)
        raise NotEditable(f"{file}: nothing can be added to {place} by itself; write it with one key or item a line")
    return text


def _with(text: str, path: Sequence[str], added: Any) -> str | None:
    """Return the text with what is added below `path`; None where its shape is not one that can be added to."""
    end = "\r\n" if "\r\n" in text else "\n" if "\n" in text or "\r" not in text else "\r"
    try:
        root = _tree(text)
    except yaml.YAMLError:
        return None
    node, key = root, None
    for number, name in enumerate(path):
        found = _entry(node, name) if node else None
        if found is None:
            return _beside(text, node, _nested(path[number:], added), end)
        key, node = found
    if node is None or key is None:
        return None
    if node.is_flow and node.below:
        return _in_flow(text, node, added)
    if node.is_map or node.is_list:
        return _after(text, node, added, end) if not node.is_flow else _instead(text, key, node, added, end)
    return _instead(text, key, node, added, end)


def _nested(path: Sequence[str], added: Any) -> Any:
    for name in reversed(path):
        added = {name: added}
    return added


def _beside(text: str, node: _Node | None, added: Mapping[str, Any], end: str) -> str | None:
    """Return the text with further keys in a map that lacks them; of the whole text, at its end."""
    if node is None or (not node.below and not node.is_flow):
        return _joined(text, len(text), yaml_writing.block(added), end)
    if node.is_flow:
        return _in_flow(text, node, added)
    column = _column(text, node.below[0].start)
    if column == 0 and _end(node) <= len(text) and not text[_end(node) :].strip().startswith("..."):
        return _joined(text, len(text), yaml_writing.block(added), end)
    return _after(text, node, added, end)


def _after(text: str, node: _Node, added: Any, end: str) -> str:
    """Return the text with lines after the last one of a block map or list, in its columns."""
    first = node.below[0].start
    indent = _column(text, first)
    if node.is_list:
        line = text[_line_start(text, first) :]
        indent = len(line) - len(line.lstrip(" "))
    return _joined(text, _next_line(text, _end(node)), yaml_writing.block(added, indent), end)


def _instead(text: str, key: _Node, node: _Node, added: Any, end: str) -> str:
    """Return the text with lines in the place of an empty value: nothing, ~, [] or {}."""
    text = text[: node.start].rstrip(" ") + text[node.end :] if node.end > node.start else text
    indent = _column(text, key.start) + 2
    return _joined(text, _next_line(text, key.end), yaml_writing.block(added, indent), end)


def _in_flow(text: str, node: _Node, added: Any) -> str:
    inner = yaml_writing.flow(added)[1:-1]
    close = node.end - 1
    kept = text[:close].rstrip()
    separator = " " if kept.endswith(",") or not node.below else ", "
    return f"{kept}{separator if node.below else ''}{inner}{text[close:]}"


def _joined(text: str, place: int, lines: Iterator[str], end: str) -> str:
    before, after = text[:place], text[place:]
    if before and not before.endswith(("\n", "\r")) and before != "\ufeff":
        before += end
    return before + "".join(f"{line}{end}" for line in lines) + after


def _entry(node: _Node, name: str) -> tuple[_Node, _Node] | None:
    pairs = zip(node.below[::2], node.below[1::2], strict=False) if node.is_map else ()
    return next(((key, value) for key, value in pairs if key.text == name), None)


def _end(node: _Node) -> int:
    """Return where the last part of a node ends that is written; a block itself ends before the next token."""
    if node.below and not node.is_flow:
        return max(map(_end, node.below[-2:]))
    return node.end


def _line_start(text: str, place: int) -> int:
    return max(text.rfind("\n", 0, place), text.rfind("\r", 0, place)) + 1


def _column(text: str, place: int) -> int:
    start = _line_start(text, place)
    return place - start - text[start:place].count("\ufeff")


def _next_line(text: str, place: int) -> int:
    """Return where the line after `place` begins; `place` itself where a line begins there, as after a block scalar."""
    if place and text[place - 1] in "\n\r":
        return place
    while place < len(text) and text[place] not in "\n\r":
        place += 1
    return place + 2 if text.startswith("\r\n", place) else min(place + 1, len(text))


def _tree(text: str) -> _Node | None:
    """Return the parts of a text; an alias is what stands there, and not what it stands for."""
    root: _Node | None = None
    above: list[_Node] = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if not event.start_mark or not event.end_mark:
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            above.pop().end = event.end_mark.index
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        node = _Node(event.start_mark.index, event.end_mark.index)
        node.text = event.value if isinstance(event, yaml.ScalarEvent) else ""
        if above:
            above[-1].below.append(node)
        root = root or node
        if isinstance(event, yaml.CollectionStartEvent):
            node.is_flow = bool(event.flow_style)
            node.is_map, node.is_list = (
                isinstance(event, yaml.MappingStartEvent),
                not isinstance(event, yaml.MappingStartEvent),
            )
            above.append(node)
    return root
