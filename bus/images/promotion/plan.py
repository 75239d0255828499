"""Which images move from one environment to another, and which stay and why."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from bus.image_reference import Reference
from bus.images.promotion.pins import Pin, short

What = Literal["moves", "same", "hotfix kept", "hotfix replaced", "hotfix arrived", "not in FROM", "goes back"]


@dataclass(frozen=True)
class Row:
    """One brick of the target: its pin before and after, and what that is."""

    brick: str
    before: Pin
    after: Pin
    what: What

    @property
    def changes(self) -> bool:
        """Whether the brick's file is written."""
        return self.before != self.after


def promote(
    tested: Mapping[str, Reference], target: Mapping[str, Pin], replaced: Collection[str] = ()
) -> tuple[list[Row], list[str]]:
    """What the target becomes when it takes the images that were `tested`; and what stands in the way.

    A brick with a hotfix mark keeps its image, unless it is among `replaced` or its image is the tested one by now,
    which both end the mark. A brick that the source does not run stays as it is: nobody tested it.
    """
    problems = [
        f"{brick}: is no brick of the target; merge values/{brick}.yml there first"
        for brick in tested.keys() - target.keys()
    ]
    problems += [
        f"{brick}: is to lose its hotfix mark and has none" for brick in replaced if not _marked(target, brick)
    ]
    rows = []
    for brick, pin in sorted(target.items()):
        if brick not in tested:
            rows.append(Row(brick, pin, pin, "not in FROM"))
            continue
        image = _split_like(pin.image, tested[brick])
        if pin.hotfix and pin.image == image:
            rows.append(Row(brick, pin, Pin(image), "hotfix arrived"))
        elif pin.hotfix and brick not in replaced:
            rows.append(Row(brick, pin, pin, "hotfix kept"))
        elif pin.image == image:
            rows.append(Row(brick, pin, pin, "same"))
        else:
            rows.append(Row(brick, pin, Pin(image), "hotfix replaced" if pin.hotfix else "moves"))
    return rows, sorted(problems)


def go_back(then: Mapping[str, Pin], target: Mapping[str, Pin]) -> list[Row]:
    """What the target becomes when it has the pins of `then` again, hotfix marks included."""
    rows = []
    for brick, pin in sorted(target.items()):
        wanted = then.get(brick, pin)
        wanted = replace(wanted, image=_split_like(pin.image, wanted.image))
        rows.append(Row(brick, pin, wanted, "same" if wanted == pin else "goes back"))
    return rows


def is_same(written: Reference, ran: Reference) -> bool:
    """Whether a file's image is one that ran; a file with a tag alone says nothing of the digest."""
    mine = _split_like(ran, written)
    return (mine.repository, mine.name, mine.tag) == (ran.repository, ran.name, ran.tag) and (
        not mine.digest or mine.digest == ran.digest
    )


def overridden(rows: Sequence[Row], config: Mapping[str, Any], file: str) -> list[str]:
    """Bricks that would move and whose image the target's stack file fixes, so that the move would do nothing."""
    moving = {row.brick for row in rows if row.before.image != row.after.image}
    remedy = "take it away there, or the promotion changes nothing"
    return [
        f"{brick}: {file}: {path}.image has the last word over values/{brick}.yml; {remedy}"
        for path, brick, values in _values(config)
        if brick in moving and isinstance(values, Mapping) and values.get("image")
    ]


def message(rows: Sequence[Row], head: str, details: Sequence[str] = ()) -> str:
    """The commit message: how many images move, then each with old and new."""
    moved = [row for row in rows if row.changes]
    lines = [f"{head}: {len(moved)} of {len(rows)} images", ""]
    lines += [f"{row.brick}: {_version(row.before.image)} -> {_version(row.after.image)}" for row in moved]
    lines += [
        f"{row.brick}: keeps {_version(row.before.image)}, {row.before.hotfix}"
        for row in rows
        if row.what == "hotfix kept"
    ]
    return "\n".join([*lines, *([""] if details else []), *details])


def table(rows: Sequence[Row]) -> list[tuple[str, str, str, str]]:
    """(brick, now, becomes, what) of each row, for a reader."""
    return [
        (
            row.brick,
            _version(row.before.image),
            _version(row.after.image) if row.before.image != row.after.image else "",
            f"{row.what}: {row.before.hotfix}" if row.what.startswith("hotfix") else row.what,
        )
        for row in rows
    ]


def _split_like(mine: Reference, image: Reference) -> Reference:
    """`image` with registry and name told apart as `mine` does it: host/team + x and host + team/x are one place."""
    same = f"{mine.repository}/{mine.name}" == f"{image.repository}/{image.name}"
    return replace(mine, tag=image.tag, digest=image.digest) if same else image


def _version(image: Reference) -> str:
    return f"{image.tag} ({short(image.digest)})"


def _marked(target: Mapping[str, Pin], brick: str) -> bool:
    return brick in target and bool(target[brick].hotfix)


def _values(config: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for brick, values in (config.get("bus:values") or {}).items():
        yield f"bus:values.{brick}", brick, values
    for name, site in (config.get("bus:sites") or {}).items():
        for brick, values in (site.get("values") or {}).items():
            yield f"bus:sites.{name}.values.{brick}", brick, values
