"""The state that a release is in, from its Helm records, and what has to happen before Pulumi touches it.

The names are those of Flux's helm-controller (internal/reconcile/state.go) where it has one. Two rules differ: a
pending revision that bus itself made is dead, because this run holds the lock of the stack; and what has run once is
never uninstalled, because its pods may be the only ones that customers have.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# https://github.com/helm/helm/blob/main/pkg/release/v1/status.go
PENDING = frozenset({"pending-install", "pending-upgrade", "pending-rollback"})
MARK = "deployed by bus since "
"""how the description of every revision begins that bus made and that became ready"""
TAKEN_OVER = "taken over by bus, was "
"""how the description of a record begins that stands for something that did run, though it is marked failed"""
ATTEMPTS = 3
"""failed first installs before what they left is removed"""
_STAMPED = re.compile(r"\+[0-9a-f]{12}$")


class State(StrEnum):
    """Where a release stands."""

    ABSENT = "absent"
    IN_SYNC = "in-sync"
    UNMANAGED = "unmanaged"
    CHANGED_OUTSIDE = "changed-outside"
    RUNNING = "running"
    LOCKED_INSTALL = "locked-pending-install"
    LOCKED_UPGRADE = "locked-pending-upgrade"
    LOCKED_ROLLBACK = "locked-pending-rollback"
    FAILED_INSTALL = "failed-first-install"
    FAILED_UPGRADE = "failed-upgrade"
    RETRIES_USED_UP = "retries-used-up"
    SUPERSEDED = "superseded"
    UNINSTALLING = "uninstalling"
    UNINSTALLED = "uninstalled"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


class Act(StrEnum):
    """What is done to the records of a release before Pulumi installs or upgrades it."""

    NOTHING = "nothing"
    WAIT = "wait"
    REFUSE = "refuse"
    MARK_FAILED = "mark-failed"
    REBASE = "rebase"
    TAKE_OVER = "take-over"
    UNINSTALL = "uninstall"
    PLANT = "plant"


@dataclass(frozen=True)
class Revision:
    """One revision of a release, as Helm keeps it in a Secret of the namespace."""

    release: str
    revision: int
    status: str
    secret: str
    chart: str = ""
    chart_version: str = ""
    description: str = ""
    since: datetime | None = None
    """when the operation of this revision began, or its removal"""

    @property
    def finished(self) -> bool:
        """Whether it was ready once."""
        return self.status in ("deployed", "superseded") or self.description.startswith(TAKEN_OVER)

    @property
    def made_by_bus(self) -> bool:
        """Only charts that bus stages carry a digest in their version (docs/adr/0003)."""
        return bool(_STAMPED.search(self.chart_version))


@dataclass(frozen=True)
class WantedRelease:
    """What this run deploys under a release's name."""

    release: str
    chart: str
    timeout: timedelta


@dataclass(frozen=True)
class Decision:
    """A release's state, what is done about it, and why: `reason` is for the log."""

    state: State
    act: Act
    reason: str = ""
    record: Revision | None = None
    """the newest, where there is one"""


def state_of(records: Sequence[Revision], wanted: WantedRelease, now: datetime) -> State:
    """The state that `records`, all of one release, are in."""
    history = sorted(records, key=lambda record: record.revision)
    if not history:
        return State.ABSENT
    newest = history[-1]
    if newest.status == "uninstalled":
        return State.UNINSTALLED
    if newest.chart != wanted.chart:
        return State.FOREIGN
    if newest.status in (*PENDING, "uninstalling") and _runs(newest, wanted, now):
        return State.RUNNING
    match newest.status:
        case "pending-install":
            return State.LOCKED_INSTALL
        case "pending-upgrade":
            return State.LOCKED_UPGRADE
        case "pending-rollback":
            return State.LOCKED_ROLLBACK
        case "uninstalling":
            return State.UNINSTALLING
        case "superseded":
            return State.SUPERSEDED
        case "failed":
            return _failed(history)
        case "deployed":
            return _deployed(history)
        case _:
            return State.UNKNOWN


def decide(records: Sequence[Revision], wanted: WantedRelease, now: datetime, *, known: bool) -> Decision:
    """What to do before an upgrade (`known`: the stack's state has the release) or before a first install.

    Helm upgrades what is deployed, failed or superseded, and installs over what is failed or uninstalled
    (`Upgrade.prepareUpgrade`, `Install.availableName`); everything else has to become one of these.
    """
    state = state_of(records, wanted, now)
    newest = max(records, key=lambda record: record.revision, default=None)
    act, reason = _act(state, newest, records, wanted, known)
    return Decision(state, act, reason, newest)


def description(records: Sequence[Revision], wanted: WantedRelease, now: datetime) -> str:
    """The description that Pulumi gives to the release: as it is, or a new one, which makes an upgrade of it.

    Pulumi itself only compares inputs: it would leave alone what was removed, cut off or changed behind its back.
    """
    newest = max(records, key=lambda record: record.revision, default=None)
    if newest is not None and state_of(records, wanted, now) is State.IN_SYNC:
        return newest.description
    return f"{MARK}{now:%Y-%m-%dT%H:%M:%SZ}"


def never_finished(records: Sequence[Revision]) -> bool:
    """Whether no revision was ever ready; a history that lacks its beginning does not prove it."""
    return any(record.revision == 1 for record in records) and not any(record.finished for record in records)


def _runs(newest: Revision, wanted: WantedRelease, now: datetime) -> bool:
    """Whether somebody else may still be at it."""
    if newest.made_by_bus:
        return False  # whoever made it held the stack's lock, which is ours now
    return newest.since is not None and now - newest.since < wanted.timeout


def _failed(history: Sequence[Revision]) -> State:
    if any(record.finished for record in history):
        return State.FAILED_UPGRADE
    attempts = sum(record.status == "failed" for record in history)
    return State.RETRIES_USED_UP if attempts >= ATTEMPTS and never_finished(history) else State.FAILED_INSTALL


def _deployed(history: Sequence[Revision]) -> State:
    if history[-1].description.startswith(MARK):
        return State.IN_SYNC
    ours = any(record.description.startswith(MARK) for record in history)
    return State.CHANGED_OUTSIDE if ours else State.UNMANAGED


def _act(
    state: State, newest: Revision | None, records: Sequence[Revision], wanted: WantedRelease, known: bool
) -> tuple[Act, str]:
    what = f"revision {newest.revision}" if newest else "its record"
    rebases = any(record.status == "deployed" for record in records)
    match state:
        case State.ABSENT if known:
            return Act.PLANT, "its records are gone from the cluster; it is deployed again over what is left of it"
        case State.FOREIGN:
            chart = newest.chart if newest else ""
            return Act.REFUSE, f"a release of this name is there, of chart {chart} and not {wanted.chart}"
        case State.RUNNING:
            return Act.WAIT, f"{what} is {newest.status if newest else ''}, by somebody else than bus"
        case State.LOCKED_INSTALL if never_finished(records):
            return Act.UNINSTALL, f"its first install was cut off (revision {_last(newest)}); volumes stay"
        case State.RETRIES_USED_UP:
            return Act.UNINSTALL, f"it was never ready in {_last(newest)} revisions; installed anew, volumes stay"
        case State.FAILED_INSTALL if not known and never_finished(records):
            return Act.UNINSTALL, "its first install failed and the stack's state does not have it; volumes stay"
        case State.LOCKED_INSTALL | State.LOCKED_UPGRADE | State.LOCKED_ROLLBACK:
            status, act = newest.status if newest else "", Act.REBASE if rebases else Act.MARK_FAILED
            return act, f"{what} was left {status} by a deployment that was cut off; this run goes on"
        case State.FAILED_UPGRADE if rebases:
            return Act.REBASE, f"{what} failed half-way; this run goes on from what both revisions may have left"
        case State.UNINSTALLING:
            return Act.TAKE_OVER, f"{what} was being removed when that was cut off; it is deployed again"
        case State.UNINSTALLED if known:
            return Act.TAKE_OVER, "it was uninstalled by somebody else; it is deployed again"
        case State.UNKNOWN:
            return Act.MARK_FAILED, f"{what} has status {newest.status if newest else ''}; this run goes on from it"
        case State.IN_SYNC | State.UNMANAGED | State.CHANGED_OUTSIDE | State.SUPERSEDED if not known:
            return Act.TAKE_OVER, f"{what} is there but not in the stack's state; its pods and volumes are kept"
        case _:
            return Act.NOTHING, ""


def _last(newest: Revision | None) -> int:
    return newest.revision if newest else 0
