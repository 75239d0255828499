"""What was said while the engine made a preview: warnings of the program and of the providers, and their estimates."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

_COLOURS = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*m")
_WARNING = "warning: "


def messages(diagnostics: Iterable[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """Warnings, and what providers say of the costs of a change; each text once, in order.

    `diagnostics` are those of `pulumi preview --json`. A provider process can write lines only: the engine takes them
    for `info#err`, and a warning among them begins with that word. What the program logs as `info` are the objects of
    each release, which a note has from bus itself.
    """
    warnings, others = dict[str, None](), dict[str, None]()
    for one in diagnostics:
        text = _COLOURS.sub("", str(one.get("message") or "")).strip("\n")
        severity = str(one.get("severity"))
        if severity == "warning":
            warnings[text.removeprefix(_WARNING)] = None
        elif severity == "info#err":
            for line in text.splitlines():
                found = warnings if line.startswith(_WARNING) else others
                if line.strip():
                    found[line.removeprefix(_WARNING)] = None
    return list(warnings), list(others)


def verdict(warnings: Collection[str], noun: str, name: str, site: str) -> str:
    """What a warning says becomes of a thing without a fragment: `is deleted: ...`, `is kept: ...`, or nothing."""
    head = f"{noun} {name} of {site} "
    return next((text.removeprefix(head) for text in warnings if text.startswith(head)), "")
