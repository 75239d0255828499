"""What an environment runs, judged per site: from the state's own records, or from outputs and history without them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bus.errors import UserError
from bus.image_reference import Reference, parse
from bus.images.promotion.records import Records, site_of

_COMMIT = "git.head"


class NotDeployed(UserError):
    """An environment of which no site runs what was deployed last, so that nothing in it was tested."""


@dataclass(frozen=True)
class Deployed:
    """What runs: the images of each site, and the commits of its successful deployments, newest first."""

    stack: str
    pins: Mapping[str, Mapping[str, str]]
    """site (or central/mirror) -> brick -> image with tag and digest"""
    commits: tuple[str, ...] = ()
    behind: Mapping[str, str] = field(default_factory=dict)
    """sites that the last deployment did not reach -> how a message says it"""
    since: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """unit -> brick -> when it began to run its image; empty where nothing was recorded"""


def read(
    stack: str, history: Sequence[Mapping[str, Any]], outputs: Mapping[str, Any], records: Records | None = None
) -> Deployed:
    """What `stack` runs. `history` is that of `pulumi stack history --json`, newest first.

    With `records`, a deployment counts for each site that it reached. Without, as the program before them deployed it,
    only a deployment that succeeded everywhere counts. Raises NotDeployed where nothing counts.
    """
    acts = [entry for entry in history if entry.get("kind") in ("update", "destroy")]
    if not acts:
        raise NotDeployed(f"{stack} was never deployed: pulumi up --stack {stack}")
    last, when = acts[0], acts[0].get("endTime") or acts[0].get("startTime")
    if last["kind"] == "destroy" and not (records and records.units):
        raise NotDeployed(f"{stack} was destroyed at {when}; nothing runs there")
    if last.get("result") == "in-progress" or (last.get("result") != "succeeded" and not records):
        raise NotDeployed(f"the last deployment of {stack} {last.get('result')} ({when}): pulumi up --stack {stack}")
    if records:
        return _of_records(stack, history, records)
    pins = outputs.get("pins")
    if not pins:
        raise NotDeployed(f"stack {stack} has no output pins; deploy it once with this version of the program")
    return Deployed(stack, pins, commits(history))


def _of_records(stack: str, history: Sequence[Mapping[str, Any]], records: Records) -> Deployed:
    last = records.attempts[0]
    pins = {unit: runs[0].pins for unit, runs in records.units.items() if runs}
    behind = {
        unit: f"runs what was deployed at {records.units[unit][0].at}" if unit in pins else "runs nothing yet"
        for unit, wanted in last.pins.items()
        if pins.get(unit) != wanted
    }
    if not last.pins.keys() - behind.keys():
        sites = "; ".join(f"{unit} {how}" for unit, how in sorted(behind.items()))
        raise NotDeployed(
            f"the last deployment of {stack} ({last.at}) reached none of its sites: {sites}; pulumi up --stack {stack}"
        )
    since = {unit: {brick: records.since(unit, brick) for brick in bricks} for unit, bricks in pins.items()}
    return Deployed(stack, pins, (last.commit,) if last.commit else commits(history), behind, since)


def commits(history: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Commits of the successful updates, newest first, each once in a row."""
    found: list[str] = []
    for entry in history:
        commit = (entry.get("environment") or {}).get(_COMMIT)
        done = entry.get("kind") == "update" and entry.get("result") == "succeeded"
        if done and commit and found[-1:] != [commit]:
            found.append(commit)
    return tuple(found)


def before_the_last(stack: str, history: Sequence[Mapping[str, Any]]) -> str:
    """The commit to go back to: of the last good deployment of anything else than the last update tried.

    For a state without records; it cannot know of deployments that reached some sites.
    """
    tried = next((entry for entry in history if entry.get("kind") == "update"), {})
    bad = (tried.get("environment") or {}).get(_COMMIT)
    good = next((commit for commit in commits(history) if commit != bad), None)
    if good is None:
        raise NotDeployed(f"the history of {stack} knows no earlier deployment; name a tag or commit: --to REF")
    return good


def tested(deployed: Deployed, from_sites: Sequence[str] = ()) -> tuple[dict[str, Reference], list[str]]:
    """brick -> the one image of it that was tested, by digest; and what stands in the way.

    Sites that the last deployment did not reach do not count. Where the others run several images of one brick, as with
    a canary, somebody has to choose: the first of `from_sites` that runs the brick decides.
    """
    if wrong := _unknown(deployed, from_sites):
        return {}, wrong
    runs, late = _counting(deployed)
    found = _choose(runs, late, from_sites)
    problems = [_several(deployed, brick, images) for brick, images in sorted(found.several.items())]
    chosen: dict[str, Reference] = {}
    for brick, text in sorted(found.one.items()):
        try:
            chosen[brick] = parse(text)
        except ValueError as error:
            problems.append(f"{brick}: {deployed.stack} runs what cannot be promoted: {error}")
            continue
        if not chosen[brick].digest:
            tag = chosen[brick].tag
            remedy = f"pin it there: bus set-image {brick} {tag} --target-branch {deployed.stack}"
            problems.append(
                f"{brick}: {deployed.stack} runs {chosen[brick]} by a tag alone, whose digest nobody knows; {remedy}"
            )
    return chosen, sorted(problems)


def left_out(deployed: Deployed, from_sites: Sequence[str] = ()) -> list[str]:
    """What a reader of a promotion should know: sites that do not count, and bricks that run nowhere else."""
    runs, late = _counting(deployed)
    notes = [
        f"{unit} is behind and does not count: it {how}"
        for unit, how in sorted(deployed.behind.items())
        if site_of(unit) == unit and unit not in from_sites
    ]
    for brick, images in sorted(late.items()):
        sites = sorted({site_of(unit) for units in images.values() for unit in units})
        if brick not in runs and not set(sites) & set(from_sites):
            where = f"{brick} runs only on {', '.join(sites)}, which the last deployment did not reach"
            notes.append(f"{where}; to take it from there: --from-site {sites[0]}")
    return notes


def taken_from(deployed: Deployed, from_sites: Sequence[str]) -> list[str]:
    """Return a line for each brick that `from_sites` decide about: the site, its image, and what others run."""
    everywhere = _merged(*_counting(deployed))
    lines = []
    for brick, text in sorted(_choose(*_counting(deployed), from_sites).one.items()):
        units = everywhere[brick][text]
        site = next((site for site in from_sites if site in map(site_of, units)), None)
        if site is None or len(everywhere[brick]) == 1:
            continue
        others = {image: running for image, running in everywhere[brick].items() if image != text}
        mine = [unit for unit in units if site_of(unit) == site]
        at = deployed.since.get(mine[0], {}).get(brick)
        since = f" since {at}" if at else ""
        lines.append(f"{brick} is taken from {site}, which runs {text}{since}; others run {_listed(others)}")
    return lines


@dataclass(frozen=True)
class Back:
    """brick -> the image to go back to, the unit that ran it, and what stands in the way."""

    images: Mapping[str, Reference]
    units: Mapping[str, str]
    problems: Sequence[str] = ()


def gone_back(stack: str, records: Records, from_sites: Sequence[str] = ()) -> Back:
    """What the sites that the last deployment changed ran before it.

    A site that it did not reach has nothing to go back from, and counts only for what it reached nowhere. Raises
    NotDeployed where nothing is known of before.
    """
    last = records.attempts[0]
    if wrong := _unknown(Deployed(stack, last.pins), from_sites):
        return Back({}, {}, wrong)
    moved = _by_brick(_changed(records, [unit for unit in last.pins if records.moved(unit)]))
    others = _by_brick(_changed(records, [unit for unit in last.pins if not records.moved(unit)]))
    found = _choose({**others, **moved}, others, from_sites)
    if not found.one and not found.several:
        raise NotDeployed(f"the records of {stack} know no earlier deployment; name a tag or commit: --to REF")
    problems = [
        f"{brick}: the sites of {stack} ran several images of it before: {_listed(images)}; choose one: "
        f"{_options(images)}, or name a tag or commit: --to REF"
        for brick, images in sorted(found.several.items())
    ]
    everywhere = _merged(moved, others)
    units = {brick: everywhere[brick][text][0] for brick, text in found.one.items()}
    return Back({brick: parse(text) for brick, text in found.one.items()}, units, problems)


def _changed(records: Records, units: Collection[str]) -> dict[str, dict[str, str]]:
    """unit -> brick -> what it ran before, where the last attempt wanted something else."""
    wanted = records.attempts[0].pins
    return {
        unit: {
            brick: image
            for brick, image in records.before_last(unit).items()
            if brick in wanted[unit] and wanted[unit][brick] != image
        }
        for unit in units
    }


@dataclass(frozen=True)
class _Found:
    one: dict[str, str]
    several: dict[str, Mapping[str, list[str]]]


def _choose(runs: "_Runs", late: "_Runs", from_sites: Sequence[str]) -> _Found:
    """The image of each brick: that of the first chosen site that has it, or the only one there is."""
    found = _Found({}, {})
    for brick, everywhere in _merged(runs, late).items():
        by_site = {site_of(unit): text for text, units in everywhere.items() for unit in units}
        chosen = next((by_site[site] for site in from_sites if site in by_site), None)
        images = runs.get(brick, {})
        if chosen or len(images) == 1:
            found.one[brick] = chosen or next(iter(images))
        elif images:
            found.several[brick] = images
    return found


_Runs = Mapping[str, Mapping[str, list[str]]]
"""brick -> image -> the units that run it"""


def _merged(one: _Runs, other: _Runs) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for runs in (one, other):
        for brick, images in runs.items():
            for text, units in images.items():
                found.setdefault(brick, {}).setdefault(text, []).extend(units)
    return found


def _counting(deployed: Deployed) -> tuple[dict[str, dict[str, list[str]]], dict[str, dict[str, list[str]]]]:
    """What runs on the sites that count, and on those that are behind."""
    late = {unit: pins for unit, pins in deployed.pins.items() if unit in deployed.behind}
    return _by_brick({unit: pins for unit, pins in deployed.pins.items() if unit not in late}), _by_brick(late)


def _by_brick(pins: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, list[str]]]:
    """brick -> image -> the units that run it."""
    found: dict[str, dict[str, list[str]]] = {}
    for unit, bricks in sorted(pins.items()):
        for brick, text in bricks.items():
            found.setdefault(brick, {}).setdefault(text, []).append(unit)
    return found


def _unknown(deployed: Deployed, from_sites: Sequence[str]) -> list[str]:
    sites = sorted({site_of(unit) for unit in (*deployed.pins, *deployed.behind)})
    return [
        f"--from-site {site}: {deployed.stack} has no such site; sites: {', '.join(sites)}"
        for site in from_sites
        if site not in sites
    ]


def _several(deployed: Deployed, brick: str, images: Mapping[str, list[str]]) -> str:
    return (
        f"{brick}: {deployed.stack} runs more than one image of it, so which was tested? {_listed(images)}"
        f"{_since(deployed, brick, images)}; choose the site whose images are promoted: {_options(images)}"
    )


def _since(deployed: Deployed, brick: str, images: Mapping[str, list[str]]) -> str:
    """Return since when each site runs its image, to be read after a list of them; empty where nobody knows."""
    times = {
        site_of(unit): at
        for units in images.values()
        for unit in units
        if (at := deployed.since.get(unit, {}).get(brick))
    }
    return f"; {', '.join(f'{site} since {at}' for site, at in times.items())}" if times else ""


def _listed(images: Mapping[str, list[str]]) -> str:
    return "; ".join(f"{text} on {_sites(units)}" for text, units in images.items())


def _options(images: Mapping[str, list[str]]) -> str:
    return " or ".join(f"--from-site {site_of(units[0])}" for units in images.values())


def _sites(units: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(map(site_of, units)))
