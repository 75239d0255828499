"""The note itself: a heading, warnings first, a table of releases, every other step, and the objects folded."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from bus.notes.folding import Folded, Line, fold, without_site
from bus.notes.markdown import cell, code, fence, summary, visible
from bus.releases.compare.preview import ReleasePreview, counts, object_lines, warning

# GitLab refuses a note of more than 1,000,000 characters.
LIMIT = 1_000_000
_IMAGES = 5
_LONGEST_LINE = 4000
_OPS = ("added", "changed", "removed")


@dataclass(frozen=True)
class Preview:
    """All that is known of what a deployment would do."""

    stack: str
    commit: str = ""
    pipeline: str = ""
    """address of the job that made this"""
    sites: Collection[str] = ()
    releases: Sequence[ReleasePreview] = ()
    warnings: Sequence[str] = ()
    said: Sequence[str] = ()
    """estimates of the providers: what a reindex copies, and how long it takes"""
    sets: Sequence[Line] = ()
    others: Sequence[Line] = ()
    steps: int = field(default=0)
    """how many steps of the engine are not `same`"""

    @property
    def nothing_changes(self) -> bool:
        """Only where the engine has no step and no release has a change."""
        return not (self.steps or self.releases or self.sets or self.others)

    @property
    def open_warnings(self) -> list[str]:
        """Warnings of the run; not those on the objects of a release, which stand with it."""
        own = {warning(one) for one in self.releases}
        return [text for text in self.warnings if text not in own]


def markdown(preview: Preview, limit: int = LIMIT) -> str:
    """For a merge request; parts at the end are left out where the note would be too long, and named."""
    head = f"**bus preview** of stack {code(preview.stack)}"
    head += f", commit {code(preview.commit)}" if preview.commit else ""
    head += f", [job](<{_address(preview.pipeline)}>)" if _address(preview.pipeline) else ""
    parts = [[head, "", *(["Nothing changes.", ""] if preview.nothing_changes else [])]]
    everywhere = preview.sites
    warnings = fold(without_site(text, everywhere) for text in preview.open_warnings)
    parts += _section(f"{len(warnings)} warning(s)", warnings, everywhere)
    parts += _table(preview.releases)
    parts += [_refused(one) for one in preview.releases if one.verdicts.lines or one.refused]
    parts += _section("Topics, indices, Kafka users, roles", fold(preview.sets), everywhere)
    parts += _section(
        "What these changes cost", fold(without_site(text, everywhere) for text in preview.said), everywhere
    )
    parts += _section("Also", fold(preview.others), everywhere)
    parts += [_details(one) for one in preview.releases if one.objects]
    return _joined(parts, limit)


def text(preview: Preview) -> str:
    """For a terminal: the same, objects of each release first."""
    blocks = []
    for one in preview.releases:
        head = f"{one.site}: release {one.release} {'is new' if one.new else 'changes'}: {counts(one)}"
        blocks.append("\n".join([head, *object_lines(one)]))
        if said := warning(one):
            blocks.append(f"warning: {said}")
    everywhere = preview.sites
    for lines in (preview.sets, preview.others):
        blocks += [line for one in fold(lines) for line in _plain(one, everywhere)]
    blocks += [
        line
        for one in fold(without_site(said, everywhere) for said in preview.said)
        for line in _plain(one, everywhere)
    ]
    blocks += [f"warning: {said}" for said in preview.open_warnings]
    if preview.nothing_changes:
        blocks.append("nothing changes")
    return "\n".join(visible(line, _LONGEST_LINE) for block in blocks for line in block.splitlines()) + "\n"


def _plain(one: Folded, everywhere: Collection[str]) -> list[str]:
    where = one.where(everywhere)
    lines = one.text.splitlines() or [""]
    head = f"{lines[0]} ({where})" if where else lines[0]
    return [head, *lines[1:], *(f"    {site}: {detail}" for site, detail in one.details)]


def _section(title: str, lines: Sequence[Folded], everywhere: Collection[str]) -> list[list[str]]:
    if not lines:
        return []
    return [[f"**{title}**", ""], *(_item(one, everywhere) for one in lines), [""]]


def _item(one: Folded, everywhere: Collection[str]) -> list[str]:
    """One bullet; further lines of its text, and details of single sites, below it."""
    first, *rest = one.text.splitlines() or [""]
    where = one.where(everywhere)
    lines = [f"- {code(first)}{f' {code(where)}' if where else ''}"]
    lines += [f"  - {code(line.strip())}" for line in rest if line.strip()]
    return lines + [f"  - {code(f'{site}: {detail}')}" for site, detail in one.details]


def _table(releases: Sequence[ReleasePreview]) -> list[list[str]]:
    if not releases:
        return []
    rows = [
        "| site | release | added | changed | removed | restarted | images |",
        "|---|---|---|---|---|---|---|",
        *map(_row, releases),
    ]
    return [[*rows, ""]]


def _row(one: ReleasePreview) -> str:
    numbers = " | ".join(str(number) for number in (*(one.count(op) for op in _OPS), one.restarts))
    images = "<br>".join(map(cell, one.images[:_IMAGES]))
    images += f"<br>and {len(one.images) - _IMAGES} more" if len(one.images) > _IMAGES else ""
    return f"| {cell(one.site)} | {cell(one.release)}{' (new)' if one.new else ''} | {numbers} | {images} |"


def _refused(one: ReleasePreview) -> list[str]:
    lines = [*([one.refused] if one.refused else []), *one.verdicts.lines]
    items = [f"{'  ' if line.startswith(' ') else ''}- {code(line.strip())}" for line in lines]
    return [f"**What the cluster says of release {code(one.release)} of {code(one.site)}**", "", *items, ""]


def _details(one: ReleasePreview) -> list[str]:
    head = summary(f"{one.site}: {one.release} - {counts(one)}")
    return [head, "", *fence(object_lines(one), "diff"), "", "</details>", ""]


def _joined(parts: Sequence[Sequence[str]], limit: int) -> str:
    """All parts that fit, and a word on how much is left out."""
    room, lines = limit - 200, []
    for number, part in enumerate(parts):
        room -= sum(len(line) + 1 for line in part)
        if room < 0:
            left = len(parts) - number
            lines += [
                "",
                f"This note would be too long: {left} part(s) of it are left out. The job's log has all of it.",
            ]
            break
        lines += part
    return "\n".join(lines).rstrip("\n") + "\n"


def _address(pipeline: str) -> str:
    """An address that cannot end its link; empty for anything else."""
    plain = visible(pipeline, 2000)
    fits = plain == pipeline and plain.startswith(("https://", "http://")) and not set(plain) & set("<>\\ `")
    return plain if fits else ""
