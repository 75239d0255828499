"""What an environment runs: the last deployment of its stack, as pulumi's own history and outputs tell it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bus.errors import Mendable
from bus.images.reference import Reference, parse

_COMMIT = "git.head"


class NotDeployed(Mendable):
    """An environment whose last deployment did not end well, so that nothing in it was tested."""


@dataclass(frozen=True)
class Deployed:
    """A stack that stands: its images, and the commits of its successful deployments, newest first."""

    stack: str
    pins: Mapping[str, Mapping[str, str]]
    """site -> brick -> image with tag and digest"""
    commits: tuple[str, ...] = ()


def read(stack: str, history: Sequence[Mapping[str, Any]], outputs: Mapping[str, Any]) -> Deployed:
    """The deployment that `pulumi stack history --json` (newest first) and `pulumi stack output --json` speak of.

    Raises NotDeployed where the last update failed, is under way, or was a destroy.
    """
    acts = [entry for entry in history if entry.get("kind") in ("update", "destroy")]
    if not acts:
        raise NotDeployed(f"{stack} was never deployed: pulumi up --stack {stack}")
    last = acts[0]
    if last["kind"] == "destroy":
        raise NotDeployed(
            f"{stack} was destroyed at {last.get('endTime') or last.get('startTime')}; nothing runs there"
        )
    if last.get("result") != "succeeded":
        when = last.get("endTime") or last.get("startTime")
        raise NotDeployed(f"the last deployment of {stack} {last.get('result')} ({when}): pulumi up --stack {stack}")
    pins = outputs.get("pins")
    if not pins:
        raise NotDeployed(f"stack {stack} has no output pins; deploy it once with this version of the program")
    return Deployed(stack, pins, commits(history))


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
    """The commit to go back to: of the last good deployment of anything else than the last update tried."""
    tried = next((entry for entry in history if entry.get("kind") == "update"), {})
    bad = (tried.get("environment") or {}).get(_COMMIT)
    good = next((commit for commit in commits(history) if commit != bad), None)
    if good is None:
        raise NotDeployed(f"the history of {stack} knows no earlier deployment; name a tag or commit: --to REF")
    return good


def tested(deployed: Deployed) -> tuple[dict[str, Reference], list[str]]:
    """brick -> the one image that ran on every site that has it, by digest; and what stands in the way of that."""
    found: dict[str, dict[str, list[str]]] = {}
    for site, pins in sorted(deployed.pins.items()):
        for brick, text in pins.items():
            found.setdefault(brick, {}).setdefault(text, []).append(site)
    problems: list[str] = []
    images: dict[str, Reference] = {}
    for brick, seen in sorted(found.items()):
        if len(seen) > 1:
            several = "; ".join(f"{text} on {', '.join(sites)}" for text, sites in seen.items())
            problems.append(f"{brick}: {deployed.stack} runs more than one image of it, so which was tested? {several}")
            continue
        try:
            image = parse(next(iter(seen)))
        except ValueError as error:
            problems.append(f"{brick}: {deployed.stack} runs what cannot be promoted: {error}")
            continue
        if not image.digest:
            way_out = f"pin it there: bus set-image {brick} {image.tag} --target-branch {deployed.stack}"
            problems.append(
                f"{brick}: {deployed.stack} runs {image} by a tag alone, whose digest nobody knows; {way_out}"
            )
        images[brick] = image
    return images, problems
