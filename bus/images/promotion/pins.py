"""The image block of values/<brick>.yml: read, and changed in place with every other byte as it was."""

from dataclasses import dataclass, replace
from typing import Any

import yaml

from bus.config import messages, yaml_limits, yaml_reading
from bus.config.yaml_reading import Document
from bus.config.yaml_scalars import read as read_scalar
from bus.config.yaml_writing import quoted, same, scalar
from bus.errors import UserError
from bus.image_reference import Reference, from_values, is_tag

_OF_ITSELF = "{file}: the image block cannot be changed by itself; write it as image: and one key a line"
_KEYS = ("repository", "name", "tag", "digest", "hotfix")


class ImagePinError(UserError):
    """A brick's file whose image cannot be read or changed; the message names the file and the way out."""


@dataclass(frozen=True)
class Pin:
    """What a brick's file says of its image; `hotfix` is why a promotion must not replace it, empty for most."""

    image: Reference
    hotfix: str = ""


def read(text: str, file: str) -> Pin:
    """The pin of a brick's file; raises ImagePinError."""
    document = _read(text, file)
    image = document.value.get("image")
    if not isinstance(image, dict):
        raise ImagePinError(f"{file} has no image block; write one: image: {{repository: ..., name: ..., tag: ...}}")
    bare = {path.removeprefix("image."): how for path, how in document.written.items() if path.startswith("image.")}
    wrong = [key for key in _KEYS if not isinstance(image.get(key, ""), str) or read_scalar(bare.get(key, "x")).refusal]
    if wrong:
        written = bare.get(wrong[0], image[wrong[0]])
        raise ImagePinError(f"{file}: image.{wrong[0]} = {written} must be text; {messages.QUOTES}")
    missing = [key for key in ("repository", "name", "tag") if not image.get(key)]
    if missing:
        raise ImagePinError(f"{file}: image.{missing[0]} is required")
    return Pin(from_values(image), image.get("hotfix", ""))


def has_image(text: str, file: str) -> bool:
    """Whether a brick's file says anything of an image; raises ImagePinError where it cannot be read."""
    return bool(_read(text, file).value.get("image"))


def write(text: str, pin: Pin, file: str) -> str:
    """`text` with `pin` in its image block; raises ImagePinError where that would change anything else."""
    if not is_tag(pin.image.tag):
        raise ImagePinError(f"{file}: {pin.image.tag!r} is no tag: letters, digits, '_', '.' and '-', 128 at most")
    before = read(text, file)
    if unknown := sorted(_read(text, file).value["image"].keys() - set(_KEYS)):
        raise ImagePinError(f"{file}: image.{unknown[0]} is no key of an image; allowed: {', '.join(_KEYS)}")
    wanted = {**{key: getattr(pin.image, key) for key in _KEYS[:-1]}, "hotfix": pin.hotfix}
    changed = text
    for key in _KEYS:
        here = before.hotfix if key == "hotfix" else getattr(before.image, key)
        if here != wanted[key]:
            changed = _set(changed, key, wanted[key], file) if wanted[key] else _drop(changed, key, file)
    expected = {**_read(text, file).value, "image": {key: value for key, value in wanted.items() if value}}
    if not same(_cleaned(changed), expected):
        raise ImagePinError(_OF_ITSELF.format(file=file))
    return changed


def bump(pin: Pin, tag: str, digest: str, hotfix: str | None = None) -> Pin:
    """The pin of another build of the same image; `hotfix` None leaves the mark as it is."""
    return Pin(replace(pin.image, tag=tag, digest=digest), pin.hotfix if hotfix is None else hotfix)


def describe(brick: str, before: Pin, after: Pin) -> str:
    """The commit message of one change: brick, old and new; the whole references in its body."""
    head = f"{brick}: {before.image.tag} -> {after.image.tag}"
    if before.image.tag == after.image.tag:
        head = f"{brick}: {after.image.tag} {short(before.image.digest)} -> {short(after.image.digest)}"
    if before.image == after.image:
        head = f"{brick}: {after.image.tag} {'is a hotfix' if after.hotfix else 'is no hotfix any more'}"
    lines = [head, "", f"old: {before.image.pinned}", f"new: {after.image.pinned}"]
    return "\n".join([*lines, *([f"hotfix: {after.hotfix}"] if after.hotfix else [])])


def short(digest: str) -> str:
    """Enough of a digest to tell it from another."""
    return digest.removeprefix("sha256:")[:12] or "no digest"


def _cleaned(text: str) -> Any:
    """What a changed file means, without empty keys of its image; None where it means nothing any more."""
    try:
        found = _read(text, "").value
    except ImagePinError:
        return None
    return {**found, "image": {key: value for key, value in found["image"].items() if value}}


def _read(text: str, file: str) -> Document:
    """Return a brick's file as it is read; its value is a map. Raise ImagePinError for what is no YAML or no map."""
    if beyond := yaml_limits.refusal(text):
        raise ImagePinError(f"{file} {beyond}")
    try:
        document = yaml_reading.read(text, file)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ImagePinError(f"{file}: line {line} is not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ImagePinError(f"{file} is not YAML: {error}") from None
    if twice := [problem for problem in document.problems if problem.allowed.endswith(yaml_reading.TWICE)]:
        raise ImagePinError("\n".join(map(str, twice)) + "; keep one of them: the image cannot be changed by itself")
    if not isinstance(document.value, dict | None):
        raise ImagePinError(
            f"{file} must have keys at its top, such as image: and values:; it is {messages.kind(document.value)}"
        )
    document.value = document.value or {}
    return document


def _entries(text: str, file: str) -> tuple[yaml.MappingNode, dict[str, tuple[yaml.Node, yaml.Node]]]:
    """The image block as it stands in the text, and its entries by key; marks are offsets in characters."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:  # a value over several lines, which the change before this one stands in the middle of
        raise ImagePinError(_OF_ITSELF.format(file=file)) from None
    assert isinstance(root, yaml.MappingNode)
    key, block = next((key, value) for key, value in root.value if key.value == "image")
    if not isinstance(block, yaml.MappingNode) or block.start_mark.index < key.end_mark.index:
        raise ImagePinError(f"{file}: image is an alias; write the block out")
    entries = {key.value: (key, value) for key, value in block.value}
    if "tag" not in entries:
        raise ImagePinError(f"{file}: image takes its tag from an alias; write it out")
    return block, entries


def _set(text: str, key: str, value: str, file: str) -> str:
    """`text` with another value at `key`, in the quotes that it has; a new key comes after the tag."""
    block, entries = _entries(text, file)
    if key in entries:
        node = entries[key][1]
        style = node.style if isinstance(node, yaml.ScalarNode) else None
        return text[: node.start_mark.index] + _scalar(value, style) + text[node.end_mark.index :]
    tag_key, tag = entries["digest" if key == "hotfix" and "digest" in entries else "tag"]
    if block.flow_style:
        return f"{text[: tag.end_mark.index]}, {key}: {_scalar(value, None)}{text[tag.end_mark.index :]}"
    end = text.find("\n", tag.end_mark.index)
    first = text.rfind("\n", 0, tag_key.start_mark.index) + 1
    indent = text[first : tag_key.start_mark.index]
    newline = "\r\n" if "\r\n" in text else "\n"
    line = f"{indent}{key}: {_scalar(value, None)}"
    return f"{text}{newline}{line}" if end < 0 else f"{text[: end + 1]}{line}{newline}{text[end + 1 :]}"


def _drop(text: str, key: str, file: str) -> str:
    """`text` without `key` of the image block: its line, or its place between commas."""
    block, entries = _entries(text, file)
    name, node = entries[key]
    if block.flow_style:
        before = max(
            (v.end_mark.index for _, v in entries.values() if v.end_mark.index <= name.start_mark.index), default=0
        )
        after = min(
            (k.start_mark.index for k, _ in entries.values() if k.start_mark.index > node.end_mark.index), default=0
        )
        if before:
            return text[:before] + text[node.end_mark.index :]
        return text[: name.start_mark.index] + text[after or node.end_mark.index :]
    first = text.rfind("\n", 0, name.start_mark.index) + 1
    end = text.find("\n", node.end_mark.index)
    return text[:first] + (text[end + 1 :] if end >= 0 else "")


def _scalar(value: str, style: str | None) -> str:
    """`value` as YAML text: in the given quotes, bare only where every reader takes bare text as text."""
    if style == "'" and "'" not in value and value.isprintable():
        return f"'{value}'"
    return scalar(value) if style is None else quoted(value)
