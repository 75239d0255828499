"""One line of the same line at many sites."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

_LISTED = 8


@dataclass(frozen=True)
class Line:
    """Something that is said of one site, or of the whole stack where `site` is empty."""

    text: str
    site: str = ""
    detail: str = ""
    """what differs from site to site, such as a number of messages"""


@dataclass(frozen=True)
class Folded:
    """A text, the sites that it holds for, and the details that are not the same at all of them."""

    text: str
    sites: tuple[str, ...]
    details: tuple[tuple[str, str], ...] = ()
    """(site, detail) where details differ; else the one detail is part of the text"""

    def where(self, everywhere: Collection[str]) -> str:
        """How a reader is told the sites; empty for the whole stack."""
        if len(self.sites) > 1 and set(self.sites) >= set(everywhere):
            return f"at all {len(self.sites)} sites"
        listed = ", ".join(self.sites[:_LISTED])
        more = f" and {len(self.sites) - _LISTED} more" if len(self.sites) > _LISTED else ""
        if len(self.sites) > 1:
            return f"at {len(self.sites)} sites ({listed}{more})"
        return f"at {listed}" if listed else ""


def fold(lines: Iterable[Line]) -> list[Folded]:
    """`lines` with the same text as one, in the order in which each text came first."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.text, []).append(line)
    return [_folded(text, group) for text, group in groups.items()]


def _folded(text: str, group: list[Line]) -> Folded:
    sites = tuple(dict.fromkeys(line.site for line in group if line.site))
    details = tuple(dict.fromkeys((line.site, line.detail) for line in group))
    if len({detail for _, detail in details}) == 1:
        detail = group[0].detail
        return Folded(f"{text}: {detail}" if detail else text, sites)
    return Folded(text, sites, details)


def without_site(text: str, sites: Collection[str]) -> Line:
    """A sentence about one site as a line that is the same for all: its name is taken out, and kept beside it."""
    for site in sorted(sites, key=len, reverse=True):
        named = re.compile(rf"(?<![\w./-]){re.escape(site)}(?![\w/-]|\.\w)")
        if named.match(text) and text[len(site) :].startswith(": "):
            return Line(text[len(site) + 2 :], site)
        if re.search(rf" (?:of|at|on) {named.pattern}", text):
            return Line(re.sub(rf" (of|at|on) {named.pattern}", r" \1 the site", text), site)
    return Line(text)
