"""A lint of the charts' templates: which of their outputs could write more than one value; pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# What writes one value of YAML, whatever it is given.
_ENCODED = re.compile(r"^(quote|toJson|int)$")
_SAFE_CALL = re.compile(r"^(int|toJson|quote)\s+\S.*$|^toYaml\s+\S.*$")
_SHIFTED = re.compile(r"^n?indent\s+\d+$")
_INCLUDE = re.compile(r'^include\s+"([^"]+)"')
_NO_OUTPUT = re.compile(r"^(if|else|end|range|with|define|block|template|/\*)|^\$\w+\s*:?=|^\$_\s*:?=")
_ACTION = re.compile(r"\{\{-?\s*(/\*.*?\*/|.*?)\s*-?\}\}", re.DOTALL)
# A quoted text beside other text would be a fault of YAML, or one value of two.
_BEFORE, _AFTER = re.compile(r"(^|[\s\[{,])$"), re.compile(r"^($|[\s\]},]|:(\s|$))")


@dataclass(frozen=True)
class Output:
    """An action that writes something: the define that it stands in ("" for none), and where."""

    file: str
    line: int
    define: str
    text: str
    alone: bool
    """whether nothing stands directly before and after it"""


def outputs(file: str, text: str) -> Iterator[Output]:
    """Every output of a template file."""
    open_blocks: list[str] = []
    for found in _ACTION.finditer(text):
        action = found[1].strip()
        word = action.split(maxsplit=1)[0] if action else ""
        if word in ("if", "range", "with", "define", "block"):
            open_blocks.append(action.split('"')[1] if word == "define" else "")
        elif word == "end":
            open_blocks.pop()
        if not action or _NO_OUTPUT.match(action):
            continue
        define = next((name for name in reversed(open_blocks) if name), "")
        alone = bool(_BEFORE.search(text[: found.start()]) and _AFTER.search(text[found.end() :]))
        yield Output(file, text.count("\n", 0, found.start()) + 1, define, action, alone)


def unsafe(files: Mapping[str, str]) -> list[str]:
    """What a hostile value could break out of: outputs outside of defines that are not encoded.

    A define with an output that is not encoded writes plain text, and whoever includes it has to encode it.
    """
    found = [output for file, text in sorted(files.items()) for output in outputs(file, text)]
    plain: set[str] = set()
    while more := {one.define for one in found if one.define and not _encoded(one, plain)} - plain:
        plain |= more
    return [
        f"{one.file}:{one.line}: {{{{ {one.text} }}}} is not encoded: end it with quote, toJson or int, or use toYaml"
        for one in found
        if not one.define and not _encoded(one, plain)
    ]


def _encoded(output: Output, plain: set[str]) -> bool:
    """Whether an output writes one value of YAML, or a block that is sound by itself."""
    parts = pipeline(output.text)
    shifted = bool(_SHIFTED.match(parts[-1]))
    if shifted:
        parts = parts[:-1]
    if include := _INCLUDE.match(parts[0]):
        if len(parts) == 1:
            return include[1] not in plain
    elif len(parts) == 1 and parts[0].startswith("toYaml"):
        return bool(_SAFE_CALL.match(parts[0]))
    if shifted:
        return False  # text that is moved to the right is still text
    if len(parts) == 1:
        return bool(_SAFE_CALL.match(parts[0])) and (output.alone or parts[0].startswith("int "))
    return bool(_ENCODED.match(parts[-1])) and (output.alone or parts[-1] == "int")


def pipeline(text: str) -> list[str]:
    """The commands of an action: split at each | that stands in no quotes and no parentheses."""
    parts, depth, quote, start = [], 0, "", 0
    for place, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote and text[place - 1] != "\\" else quote
        elif sign in "\"`'":
            quote = sign
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        elif sign == "|" and not depth:
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()]
