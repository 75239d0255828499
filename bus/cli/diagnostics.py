"""What pulumi's JSON says of a failure, as a reader of a log wants it."""

import json
import re
from collections.abc import Iterator
from typing import Any

# How the engine begins what a provider's check refuses.
_PREFIX = re.compile(r"^(error: )?(\S+ resource '(?P<name>[^']+)' has a problem: )?")
_COLOURS = re.compile(r"<\{%.*?%\}>")
_LONGEST = 4000


def errors(stdout: str, stderr: str) -> str:
    """Each error once, one a line; where the JSON has none, the end of all that was said.

    `stdout` is one document with `diagnostics` (`pulumi preview --json`), or an event a line (`refresh --json`).
    """
    found = list(dict.fromkeys(_line(one) for one in _diagnostics(stdout) if one.get("severity") == "error"))
    return "\n".join(found) or f"{stdout[-_LONGEST:]}{stderr[-_LONGEST:]}".strip()


def _line(diagnostic: dict[str, Any]) -> str:
    text = _COLOURS.sub("", str(diagnostic.get("message", ""))).strip()
    begin = _PREFIX.match(text)
    name = (begin and begin["name"]) or str(diagnostic.get("urn") or "").rpartition("::")[2]
    reason = text[begin.end() :] if begin else text
    return f"  {name}: {reason}" if name else f"  {reason}"


def _diagnostics(stdout: str) -> Iterator[dict[str, Any]]:
    try:
        yield from json.loads(stdout).get("diagnostics") or []
    except (ValueError, AttributeError):  # more than one document: events
        for line in stdout.splitlines():
            try:
                yield json.loads(line).get("diagnosticEvent") or {}
            except (ValueError, AttributeError):
                continue
