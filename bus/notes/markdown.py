"""Text of others in Markdown: nothing in it is ever markup, a mention, a reference or a command to GitLab.

GitLab runs a line of a note that begins with a slash as a command of the note's author (quick actions), and takes @name
and #1 for mentions and references, outside of code. So text of others stands in code spans and fenced blocks only, in
fences that are longer than any in the text, with every line end and control character escaped.
https://docs.gitlab.com/user/project/quick_actions/ and https://spec.commonmark.org/0.31.2/#code-spans
"""

import html
import re
import unicodedata
from collections.abc import Iterable

LONGEST = 300
# Cc: control characters and line ends; Cf: also those that turn the direction of text; Zl, Zp: line ends of Unicode.
_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BACKTICKS = re.compile(r"`+")


def visible(text: str, longest: int = LONGEST) -> str:
    """`text` on one line: line ends, control and invisible characters as escapes, cut where it is too long."""
    shown = "".join(_character(one) for one in text[: longest + 1])
    return f"{shown[: longest - 3]}..." if len(text) > longest or len(shown) > 2 * longest else shown


def _character(one: str) -> str:
    if unicodedata.category(one) not in _ESCAPED:
        return one
    code = ord(one)
    return _NAMED.get(one) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def code(text: str, longest: int = LONGEST) -> str:
    """`text` as a code span."""
    shown = visible(text, longest)
    if not shown.strip():
        return "` `"
    marks = "`" * (_longest_run(shown) + 1)
    # A space at both ends is taken away again; without it a backtick at an end would belong to the marks.
    padded = f" {shown} " if shown[0] in "` " or shown[-1] in "` " else shown
    return f"{marks}{padded}{marks}"


def cell(text: str) -> str:
    """`text` as a code span in a table, where a bar would end the cell even in code."""
    return code(text.replace("|", "\\x7c"))


def fence(lines: Iterable[str], language: str = "") -> list[str]:
    """`lines` as a fenced block; none begins with a slash, and none is longer than a span would be."""
    shown = [_in_block(visible(line)) for line in lines]
    marks = "`" * max(3, *(_longest_run(line) + 1 for line in shown)) if shown else "```"
    return [f"{marks}{language}", *shown, marks]


def summary(text: str) -> str:
    """`text` as the summary of a folded part, which is HTML."""
    return f"<details><summary><code>{html.escape(visible(text))}</code></summary>"


def _in_block(line: str) -> str:
    bare = line.lstrip()
    return f"{line[: len(line) - len(bare)]}\\x2f{bare[1:]}" if bare.startswith("/") else line


def _longest_run(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)
