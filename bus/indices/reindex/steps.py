"""What comes next in a copy into the next generation, decided from what is seen; nothing here talks to a server.

Whoever dies at whatever step, the next run sees the same things and so goes on, or begins that generation again.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from bus.indices.diff.plan import Mode
from bus.indices.reindex.checkpoint import ReindexCheckpoint

Task = Literal["none", "running", "done", "failed", "lost"]
FEW = 1000
"""documents that are few enough to be copied while writes are blocked"""
PASSES = 10
"""after so many passes writes come as fast as they are copied, and only a block ends it"""


class Step(Enum):
    """One act on the server."""

    CREATE = "make the next generation"
    START_OVER = "remove the unfinished generation"
    BLOCK = "block writes"
    COPY = "start copying"
    FOLLOW = "follow the copy"
    SETTLE = "restore replicas and refresh"
    CATCH_UP = "copy what was written meanwhile"
    FINISH = "copy the rest and verify"
    SWAP = "swing the alias"
    TIDY = "write down that it is live, drop old generations"
    DONE = "nothing"


@dataclass(frozen=True)
class Observation:
    """Everything that the next step depends on."""

    mode: Mode
    fingerprint: str
    """of what is wanted now"""
    source: str
    """what would be copied from now"""
    note: ReindexCheckpoint | None
    """of the target; None where there is no target"""
    task: Task = "none"
    source_blocked: bool = False
    alias_on_target: bool = False
    verified: bool = False
    """by this run, with writes blocked since before"""
    passes: int = 0
    """of catching up, by this run"""
    behind: int | None = None
    """documents that the last pass copied; None before any pass"""


def next_step(seen: Observation) -> Step:
    """The one thing to do now."""
    note = seen.note
    if note is None:
        return Step.CREATE
    if seen.alias_on_target:
        return Step.DONE if note.phase == "live" else Step.TIDY
    if note.fingerprint != seen.fingerprint or note.source != seen.source or note.phase == "live":
        return Step.START_OVER
    if note.phase in ("created", "copying"):
        return _until_copied(seen, note)
    if not note.filled:  # a copy of bus 9 or before, which did not note what deletions are found by
        return Step.START_OVER
    if note.phase == "copied":
        return Step.SETTLE
    if not seen.source_blocked:
        return Step.CATCH_UP if seen.mode == "catch-up" and not _is_close(seen) else Step.BLOCK
    return Step.SWAP if seen.verified else Step.FINISH


def _until_copied(seen: Observation, note: ReindexCheckpoint) -> Step:
    if note.phase == "created":
        return Step.BLOCK if seen.mode == "block" and not seen.source_blocked else Step.COPY
    return Step.FOLLOW if seen.task in ("running", "done", "failed") else Step.START_OVER


def _is_close(seen: Observation) -> bool:
    """Whether what is left to copy is so little that writes may wait for it."""
    return seen.passes >= PASSES or (seen.behind is not None and seen.behind <= FEW)
