"""The loop that brings an index into its next generation: look, decide (bus.indices.reindex.steps), do one step."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from math import inf
from typing import Any, cast

from elasticsearch import ApiError, Elasticsearch, TransportError

from bus.indices.diff.plan import Change
from bus.indices.reindex import cutover, steps
from bus.indices.reindex import target as successor
from bus.indices.reindex.checkpoint import ReindexCheckpoint, fingerprint, note
from bus.indices.reindex.copy import Conflict, Copying
from bus.indices.reindex.cutover import swing, tidy
from bus.indices.reindex.lock import Busy, GenerationLock
from bus.indices.reindex.steps import Observation, Step
from bus.indices.server import matching_templates
from bus.indices.server.errors import passes

PATIENCE_SECONDS = 15.0
"""without a beat for so long, whoever filled a generation is taken for dead"""
_SERVER_SECONDS = 300.0
"""so long a server may be away before a run gives up: on a busy machine one took more than two minutes to start"""
_SAID_SECONDS = 5.0
_POLL_SECONDS = 0.5
_STARTS = 4
"""so often a copy is begun again by one run"""
_BLOCKED_SECONDS = 1.0
"""so long deletions are looked for while writes are blocked, before they are let through again"""

Say = Callable[[str], None]


class ReindexRunner:
    """One index on its way from `source` to `target`; `run` may be called again after any death."""

    def __init__(
        self,
        client: Elasticsearch,
        change: Change,
        source: str,
        target: str,
        say: Say,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        wanted = change.wanted
        self._client, self._wanted, self._source, self._target = client, wanted, source, target
        self._settings: dict[str, Any] = {**change.inherited, **wanted.settings}
        self._stale = change.remove_aliases
        self._is_left = target == change.live  # a run died after its swing: that one is ended, whatever it was for
        self._say = say
        self._hold = GenerationLock(client, target, wanted.name, wanted.mappings.get("_meta") or {}, patience_seconds)
        self._begin()
        self._steps = {
            Step.CREATE: self._create,
            Step.START_OVER: self._start_over,
            Step.BLOCK: self._block,
            Step.COPY: self._copy_all,
            Step.FOLLOW: self._follow,
            Step.SETTLE: self._settle,
            Step.CATCH_UP: self._catch_up,
            Step.FINISH: self._finish,
            Step.SWAP: self._swap,
            Step.TIDY: self._tidy,
        }
        self._said = self._blocked_at = self._started = time.monotonic()
        self._blocked_before, self._starts = 0.0, 0

    def _begin(self) -> None:
        """Nothing is known of the target yet."""
        self._copy = Copying(self._client, self._source, self._target, self._wanted.reindex)
        self._verified, self._passes, self._behind = False, 0, cast("int | None", None)
        self._lifted = self._is_bare = False

    def run(self) -> None:
        """Does what is left to do. Raises Conflict where documents do not fit, Busy where another run is at it.

        On any failure writes are let through again; a kill leaves them blocked until the next run.
        """
        last_answer = time.monotonic()
        try:
            while (step := self._look()) is not Step.DONE:
                try:
                    self._steps[step]()
                    last_answer = time.monotonic()
                except (ApiError, TransportError) as error:
                    if not passes(error) or time.monotonic() - last_answer > _SERVER_SECONDS:
                        raise
                    self._progress("the server does not answer, waiting for it", now=True)
                    time.sleep(2)
        except BaseException as error:
            with suppress(ApiError, TransportError):
                self._give_up(remove=isinstance(error, Conflict))
            raise

    def abandon(self) -> None:
        """Removes the unfinished generation, once its run is dead, and lets writes through again."""
        self._hold.acquire(self._progress)
        self._give_up(remove=True)

    def _look(self) -> Step:
        """What the server shows, and so what comes next; waits out a server that does not answer."""
        deadline = time.monotonic() + _SERVER_SECONDS
        while True:
            try:
                return steps.next_step(self._seen())
            except (ApiError, TransportError) as error:
                if not passes(error) or time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def _seen(self) -> Observation:
        there, here, alias_on_target = self._both()
        if here and not self._hold.mine and not alias_on_target:
            self._hold.acquire(self._progress)
            there, here, alias_on_target = self._both()
        if here and not alias_on_target and self._hold.lock not in here["aliases"]:
            raise Busy(self._hold.taken)
        noted = note(here["mappings"]) if here else None
        if here and noted is None:
            raise Conflict(f"{self._target} is there, and bus did not make it: remove or rename it")
        if alias_on_target and noted and not (self._is_left or noted.fingerprint == fingerprint(self._wanted)):
            raise Busy(f"another run has made {self._target} of another mapping meanwhile: run the same command again")
        task = self._copy.progress(noted.task).state if noted and noted.task else "none"
        blocks = (there or {}).get("settings", {}).get("index", {}).get("blocks", {})
        return Observation(
            mode=self._wanted.reindex.mode,
            fingerprint=fingerprint(self._wanted),
            source=self._source,
            note=noted,
            task=task,
            source_blocked=str(blocks.get("write")).lower() == "true",
            alias_on_target=alias_on_target,
            verified=self._verified,
            passes=self._passes,
            behind=self._behind,
        )

    def _both(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None, bool]:
        """Source and target as the server has them, and whether the alias is on the target."""
        names = f"{self._source},{self._target}"
        answer = self._client.indices.get(index=names, ignore_unavailable=True, expand_wildcards="none").body
        here = answer.get(self._target)
        return answer.get(self._source), here, bool(here and self._wanted.name in here["aliases"])

    # Steps. Each can be repeated.

    def _create(self) -> None:
        if reason := matching_templates.in_the_way(self._brought, self._target, self._wanted.name):
            raise Conflict(reason)
        first = ReindexCheckpoint(self._source, fingerprint(self._wanted))
        made = (self._target, self._wanted.mappings, self._settings, first, self._hold.lock)
        self._hold.mine = successor.make(self._client, *made) or self._hold.mine
        self._started = time.monotonic()

    @cached_property
    def _brought(self) -> matching_templates.Brought:
        return matching_templates.brought(self._client, self._target)

    @property
    def _later(self) -> dict[str, Any]:
        """Settings that it is given after it was made, those of templates among them."""
        return {**self._brought.settings, **self._settings}

    def _start_over(self) -> None:
        if self._hold.note().phase == "live":
            raise Busy(f"{self._target} was live and is no longer, somebody went back: run the same command again")
        self._starts += 1
        if self._starts > _STARTS:
            raise Conflict(f"the server lost the copy into {self._target} {_STARTS} times: is a disk full (GET "
                           f"/_cat/allocation), or .tasks not to be written to? mend that and run again")  # fmt: skip
        self._copy.cancel_others("", self._hold.beat)
        self._hold.check()
        self._let_through()  # the note goes, and with it that the block is ours
        self._client.indices.delete(index=self._target, ignore_unavailable=True)
        self._hold.mine = False
        self._begin()

    def _block(self) -> None:
        self._hold.write(blocked=True)
        self._blocked_at = time.monotonic()
        self._client.indices.add_block(index=self._source, block="write")
        self._verified = False

    def _copy_all(self) -> None:
        self._copy.cancel_others("", self._hold.beat)
        cutover.clear(self._client, self._source, self._target)
        reached = self._copy.checkpoints()
        self._hold.write(checkpoints=reached, began=reached)
        self._hold.write(task=self._copy.start(), phase="copying")

    def _follow(self) -> None:
        task = self._hold.note().task
        self._copy.cancel_others(task, self._hold.beat)
        while (now := self._copy.progress(task)).state == "running":
            self._hold.beat()
            share = f"{100 * now.copied // now.total} % of {now.total} documents" if now.total else "starting"
            self._progress(f"copying into {self._target}: {share}")
            time.sleep(_POLL_SECONDS)
        if now.state == "failed":
            raise Conflict("; ".join(now.failures[:3]))
        if now.state == "done":
            seconds = round(time.monotonic() - self._started, 1)
            self._hold.write(phase="copied", filled=self._copy.filled(), documents=now.copied, seconds=seconds)
            self._progress(f"{now.copied} documents are in {self._target}", now=True)

    def _settle(self) -> None:
        successor.settle(self._client, self._target, self._later, self._hold.beat)
        self._hold.write(phase="settled")

    def _catch_up(self) -> None:
        copied, untouched = self._pass()
        noted = self._hold.note()
        swept, has_more = self._copy.sweep(noted, untouched, self._hold.beat)
        if has_more:
            swept += self._copy.sweep_listed(noted, untouched, self._hold.beat)[0]
        self._behind = copied + swept
        self._passes += 1
        self._progress(f"{self._behind} documents written meanwhile are copied", now=True)

    def _finish(self) -> None:
        _, untouched = self._pass()
        noted = self._hold.note()
        _, has_more = self._copy.sweep(noted, untouched, self._hold.beat)
        if has_more:
            may_lift = noted.blocked and self._wanted.reindex.mode == "catch-up" and not self._lifted
            seconds = _BLOCKED_SECONDS if may_lift else inf
            _, has_more = self._copy.sweep_listed(noted, untouched, self._hold.beat, seconds)
            if has_more and may_lift:
                self._look_through(noted)
                return
        count = self._copy.verify()
        self._verified = True
        self._progress(f"{count} documents verified", now=True)

    def _look_through(self, noted: ReindexCheckpoint) -> None:
        """Lifts the block while all is looked through for deletions; once, since all is known afterwards."""
        self._progress("documents were deleted meanwhile; writes go on while they are looked for", now=True)
        self._hold.check()
        self._let_through()
        self._blocked_before += time.monotonic() - self._blocked_at
        self._copy.list_all(noted, self._hold.beat)
        self._lifted = True
        self._passes, self._behind = 0, None

    def _pass(self) -> tuple[int, int]:
        """Copies what was written since the noted checkpoints; how much, and what nobody had touched before that."""
        noted = self._hold.note()
        self._copy.cancel_others(noted.task, self._hold.beat)  # a dead run's, which would cover what is copied now
        if not self._is_bare:
            successor.bare(self._client, self._target)
            self._is_bare = True
        reached = self._copy.checkpoints()
        untouched = self._copy.untouched(noted)
        copied = self._copy.catch_up(noted.checkpoints, self._hold.beat)
        self._hold.write(checkpoints=reached)
        return copied, untouched

    def _swap(self) -> None:
        self._is_bare = False
        successor.arm(self._client, self._target, self._later)
        swing(self._client, self._wanted, self._source, self._target, self._hold.lock, self._stale)
        blocked = self._blocked_before + time.monotonic() - self._blocked_at
        self._progress(f"{self._wanted.name} is {self._target} now; writes were blocked for {blocked:.1f} s", now=True)

    def _tidy(self) -> None:
        if said := cutover.rescue(self._copy, self._source, self._hold.note().checkpoints):
            self._progress(said, now=True)
        self._hold.write(phase="live", task="", checkpoints={}, began={}, filled={})
        for old in tidy(self._client, self._wanted, self._target):
            keep = self._wanted.reindex.keep
            self._progress(f"{old} is deleted; {keep} old generations are kept", now=True)

    # Letting go.

    def _progress(self, text: str, now: bool = False) -> None:
        if now or time.monotonic() - self._said > _SAID_SECONDS:
            self._said = time.monotonic()
            self._say(f"{self._wanted.name}: {text}")

    def _give_up(self, remove: bool) -> None:
        """Lets writes through again; with `remove` the unfinished generation goes too, since it cannot be finished."""
        if not self._hold.mine:
            return
        if self._hold.note().phase == "live" or not self._hold.is_there():
            return
        self._let_through()
        if remove:
            self._copy.cancel_others("", self._hold.beat)
            self._client.indices.delete(index=self._target, ignore_unavailable=True)

    def _let_through(self) -> None:
        """Lifts the write block of what the target was copied from, if it is ours."""
        noted = self._hold.note()
        if noted.blocked:
            self._client.indices.put_settings(
                index=noted.source, settings={"blocks.write": None}, ignore_unavailable=True
            )
            self._hold.write(blocked=False)
