"""What was tried and what each site runs, as a stack's state records it (components/providers/deployments.py)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bus.config.names import PART

ATTEMPT, DEPLOYED = "pulumi-python:dynamic/bus:Attempt", "pulumi-python:dynamic/bus:Deployed"
KEPT = 30
"""how many entries a record keeps"""

Pins = Mapping[str, str]
"""brick -> image with tag and digest"""


@dataclass(frozen=True)
class Attempt:
    """One deployment that was begun, for as long as it wanted the same images."""

    serial: int
    pins: Mapping[str, Pins]
    """unit -> brick -> image; a unit is a site, or `central/mirror`, which stands last of all"""
    commit: str = ""
    at: str = ""


@dataclass(frozen=True)
class Run:
    """What a unit ran from one attempt on."""

    serial: int
    pins: Pins
    commit: str = ""
    at: str = ""


@dataclass(frozen=True)
class Records:
    """Attempts, and what each unit ran, newest first."""

    attempts: tuple[Attempt, ...]
    units: Mapping[str, tuple[Run, ...]]

    def before_last(self, unit: str) -> Pins:
        """What a unit ran before the last attempt; empty where it ran nothing."""
        runs = [run for run in self.units.get(unit, ()) if run.serial != self.attempts[0].serial]
        return runs[0].pins if runs else {}

    def since(self, unit: str, brick: str) -> str:
        """Return when a unit began to run the image that it has of a brick; empty where that is not recorded.

        The last KEPT entries are all that is known, so that it may have begun before the oldest of them.
        """
        at = ""
        runs = self.units.get(unit, ())
        for run in runs:
            if brick not in run.pins or run.pins[brick] != runs[0].pins.get(brick):
                break
            at = run.at
        return at

    def moved(self, unit: str) -> bool:
        """Whether the last attempt reached a unit and changed it."""
        runs = self.units.get(unit, ())
        return bool(runs) and runs[0].serial == self.attempts[0].serial

    def commit_of(self, unit: str) -> str:
        """The commit that a unit was deployed from before the last attempt; empty where nobody knows."""
        runs = [run for run in self.units.get(unit, ()) if run.serial != self.attempts[0].serial]
        return runs[0].commit if runs else ""


def site_of(unit: str) -> str:
    """The site that a unit is a part of."""
    return unit.partition(PART)[0]


def read(resources: Iterable[Mapping[str, Any]]) -> Records | None:
    """The records in the resources of a state, each with `type` and `outputs`; None where an older program made it."""
    attempts: list[Mapping[str, Any]] = []
    units: dict[str, tuple[Run, ...]] = {}
    for resource in resources:
        outputs = resource.get("outputs") or {}
        if resource.get("type") == ATTEMPT:
            attempts = outputs.get("history") or []
        elif resource.get("type") == DEPLOYED:
            units[str(outputs["unit"])] = tuple(_run(entry) for entry in outputs.get("history") or [])
    if not attempts:
        return None
    return Records(tuple(_attempt(entry) for entry in attempts), units)


def added(history: Iterable[Mapping[str, Any]], entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A history with its newest entry, and no longer than it may be."""
    return [entry, *history][:KEPT]


def _attempt(entry: Mapping[str, Any]) -> Attempt:
    return Attempt(int(entry["serial"]), entry["pins"], str(entry.get("commit") or ""), str(entry.get("at") or ""))


def _run(entry: Mapping[str, Any]) -> Run:
    return Run(int(entry["serial"]), entry["pins"], str(entry.get("commit") or ""), str(entry.get("at") or ""))
