"""The loop that brings an index into its next generation: look, decide (bus.indices.reindex), do one step."""

import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from elasticsearch import ApiError, ConnectionError, ConnectionTimeout, Elasticsearch, NotFoundError, TransportError

from bus.indices import generations, reindex
from bus.indices.copying import Conflict, Copying
from bus.indices.plan import Wanted
from bus.indices.reindex import Seen, Step
from bus.indices.settings import listed
from bus.indices.state import Note, fingerprint, note

PATIENCE_SECONDS = 15.0
"""without a beat for so long, whoever filled a generation is taken for dead"""
_SERVER_SECONDS = 120.0
_SAID_SECONDS = 5.0
_POLL_SECONDS = 0.5

Say = Callable[[str], None]


class Busy(Exception):
    """Somebody else fills this generation, or took it over from this run."""


class Migration:
    """One index on its way from `source` to `target`; `run` may be called again after any death.

    Who holds the alias <target>.lock-<token> works on the target. Taking over and swinging the alias each exchange or
    drop that alias in one atomic call, so of two only one can.
    """

    def __init__(
        self,
        client: Elasticsearch,
        wanted: Wanted,
        source: str,
        target: str,
        inherited: Mapping[str, str | None],
        say: Say,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._client, self._wanted, self._source, self._target = client, wanted, source, target
        self._settings: dict[str, Any] = {**inherited, **wanted.settings}
        self._say, self._patience = say, patience_seconds
        self._copy = Copying(client, source, target, wanted.reindex)
        self._lock = f"{target}.lock-{uuid.uuid4().hex[:12]}"
        self._mine = self._verified = False
        self._passes, self._behind = 0, cast("int | None", None)
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
        self._beaten = self._said = self._blocked_at = self._started = time.monotonic()

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
                    if not _passes(error) or time.monotonic() - last_answer > _SERVER_SECONDS:
                        raise
                    self._progress("the server does not answer, waiting for it", now=True)
                    time.sleep(2)
        except BaseException as error:
            with suppress(ApiError, TransportError):
                self._give_up(remove=isinstance(error, Conflict))
            raise

    def abandon(self) -> None:
        """Removes the unfinished generation, once its run is dead, and lets writes through again."""
        self._acquire()
        self._give_up(remove=True)

    def _look(self) -> Step:
        """What the server shows, and so what comes next; waits out a server that does not answer."""
        deadline = time.monotonic() + _SERVER_SECONDS
        while True:
            try:
                return reindex.next_step(self._seen())
            except (ApiError, TransportError) as error:
                if not _passes(error) or time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def _seen(self) -> Seen:
        there, here, alias_on_target = self._both()
        if here and not self._mine and not alias_on_target:
            self._acquire()
            there, here, alias_on_target = self._both()
        if here and not alias_on_target and self._lock not in here["aliases"]:
            raise Busy(f"another run has taken {self._target} over")
        noted = note(here["mappings"]) if here else None
        if here and noted is None:
            raise Conflict(f"{self._target} is there, and bus did not make it: remove or rename it")
        task = self._copy.progress(noted.task).state if noted and noted.task else "none"
        blocks = (there or {}).get("settings", {}).get("index", {}).get("blocks", {})
        return Seen(
            mode=self._wanted.reindex.mode,
            fingerprint=fingerprint(self._wanted),
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
        first = Note(self._source, fingerprint(self._wanted))
        own = self._wanted.mappings
        while_copying = {"number_of_replicas": 0, "refresh_interval": "-1"}
        if "auto_expand_replicas" in self._settings:
            while_copying["auto_expand_replicas"] = "false"
        given = {key: listed(value) for key, value in self._settings.items() if value is not None}
        try:
            self._client.indices.create(
                index=self._target,
                mappings={**own, "_meta": first.meta(own.get("_meta") or {})},
                settings={**given, **while_copying},
                aliases={self._lock: {"is_hidden": True}},
            )
            self._mine = True
        except ApiError as error:
            if error.error != "resource_already_exists_exception":
                raise
        self._started = time.monotonic()

    def _start_over(self) -> None:
        self._copy.cancel_others("", self._beat)
        self._hold()
        self._client.indices.delete(index=self._target, ignore_unavailable=True)
        self._mine = self._verified = False
        self._passes, self._behind = 0, None

    def _block(self) -> None:
        self._write(blocked=True)
        self._blocked_at = time.monotonic()
        self._client.indices.add_block(index=self._source, block="write")
        self._verified = False

    def _copy_all(self) -> None:
        self._copy.cancel_others("", self._beat)
        self._write(checkpoints=self._copy.checkpoints())
        self._write(task=self._copy.start(), phase="copying")

    def _follow(self) -> None:
        task = self._note().task
        self._copy.cancel_others(task, self._beat)
        while (now := self._copy.progress(task)).state == "running":
            self._beat()
            share = f"{100 * now.copied // now.total} % of {now.total} documents" if now.total else "starting"
            self._progress(f"copying into {self._target}: {share}")
            time.sleep(_POLL_SECONDS)
        if now.state == "failed":
            raise Conflict("; ".join(now.failures[:3]))
        if now.state == "done":
            self._write(phase="copied", documents=now.copied, seconds=round(time.monotonic() - self._started, 1))
            self._progress(f"{now.copied} documents are in {self._target}", now=True)

    def _settle(self) -> None:
        names = ("number_of_replicas", "refresh_interval", "auto_expand_replicas")
        restored = {name: self._settings.get(name) for name in names}
        self._client.indices.put_settings(index=self._target, settings=restored)
        self._client.indices.refresh(index=self._target)
        health = {"timed_out": True}
        while health["timed_out"]:
            self._beat()
            health = self._client.options(request_timeout=30, ignore_status=408).cluster.health(
                index=self._target, wait_for_no_initializing_shards=True, timeout="2s"
            ).body  # fmt: skip
        self._write(phase="settled")

    def _catch_up(self) -> None:
        self._behind = self._pass()
        self._passes += 1
        self._behind += self._sweep()
        self._progress(f"{self._behind} documents written meanwhile are copied", now=True)

    def _finish(self) -> None:
        self._copy.cancel_others(self._note().task, self._beat)
        self._pass()
        self._sweep()
        count = self._copy.verify()
        self._verified = True
        self._progress(f"{count} documents verified", now=True)

    def _pass(self) -> int:
        """Copies what was written since the noted checkpoints, and notes those of before it began."""
        since, reached = self._note().checkpoints, self._copy.checkpoints()
        copied = self._copy.catch_up(since, self._beat)
        self._write(checkpoints=reached)
        return copied

    def _sweep(self) -> int:
        """Takes away what was deleted meanwhile; of transformed documents, counts do not tell whether any was."""
        source, target = self._copy.counts()
        if self._copy.is_transformed:
            return self._copy.sweep(self._beat) if self._wanted.reindex.mode == "catch-up" else 0
        return self._copy.sweep(self._beat) if target > source else 0

    def _swap(self) -> None:
        """All aliases of the source go to the target in one call, which fails if the alias or the lock has moved."""
        answer = self._client.indices.get_alias(index=self._source)[self._source]["aliases"]
        name, wanted = self._wanted.name, self._wanted.aliases
        concrete = self._source == name
        if concrete:
            self._keep_concrete()
        elif name not in answer:
            raise Conflict(f"alias {name} is no longer on {self._source}: somebody moved it; run again")
        moved = {name: {}, **answer, **wanted}
        actions: list[dict[str, Any]] = [{"remove_index": {"index": name}}] if concrete else []
        for alias, how in moved.items():
            if alias in answer and not concrete:
                actions.append({"remove": {"index": self._source, "alias": alias, "must_exist": True}})
            actions.append({"add": {"index": self._target, "alias": alias, **how}})
        actions.append({"remove": {"index": self._target, "alias": self._lock, "must_exist": True}})
        self._client.indices.update_aliases(actions=actions)
        blocked = time.monotonic() - self._blocked_at
        self._progress(f"{name} is {self._target} now; writes were blocked for {blocked:.1f} s", now=True)

    def _tidy(self) -> None:
        self._write(phase="live", task="", checkpoints={})
        name, keep = self._wanted.name, self._wanted.reindex.keep
        existing = self._client.indices.get(index=f"{name}-0*", expand_wildcards="all").body
        for old in generations.superfluous(name, self._target, existing, keep):
            copied_on = any((found := note(content["mappings"])) and found.source in (old, name)
                            for content in existing.values())  # fmt: skip
            if copied_on and not existing[old]["aliases"]:
                self._client.indices.delete(index=old, ignore_unavailable=True)
                self._progress(f"{old} is deleted; {keep} old generations are kept", now=True)

    def _keep_concrete(self) -> None:
        """A copy of an index that bears the alias's name, as generation 000001; a clone shares its files."""
        kept = generations.first_generation(self._wanted.name)
        if kept != self._target and not self._client.indices.exists(index=kept):
            self._client.indices.clone(index=self._source, target=kept, wait_for_active_shards="1")

    # The lock, the note, and giving up.

    def _acquire(self) -> None:
        """Takes a generation over whose holder shows no sign of life; waits for one who does. Raises Busy."""
        last: tuple[int, list[str]] | None = None
        since = time.monotonic()
        while True:
            answer = self._client.indices.get(index=self._target, ignore_unavailable=True).body.get(self._target)
            noted = note(answer["mappings"]) if answer else None
            if answer is None or noted is None or self._wanted.name in answer["aliases"]:
                return
            locks = [alias for alias in answer["aliases"] if alias.startswith(f"{self._target}.lock-")]
            sign = (noted.beat, locks)
            if sign != last:
                last, since = sign, time.monotonic()
            elif time.monotonic() - since >= self._patience:
                actions: list[dict[str, Any]] = [
                    {"remove": {"index": self._target, "alias": lock, "must_exist": True}} for lock in locks
                ]
                actions.append({"add": {"index": self._target, "alias": self._lock, "is_hidden": True}})
                with suppress(NotFoundError):  # another one was faster
                    self._client.indices.update_aliases(actions=actions)
                    self._mine = True
                    self._progress(f"going on with {self._target}, which a dead run left", now=True)
                    return
                last = None
            self._progress(f"waiting for another run that fills {self._target}")
            time.sleep(min(_POLL_SECONDS, self._patience / 5))

    def _hold(self) -> None:
        """Raises Busy unless this run still holds the target."""
        if not self._client.indices.exists_alias(index=self._target, name=self._lock):
            raise Busy(f"another run has taken {self._target} over")

    def _note(self) -> Note:
        found = note(self._client.indices.get_mapping(index=self._target)[self._target]["mappings"])
        if found is None:
            raise Busy(f"the note of {self._target} is gone: somebody else works on it")
        return found

    def _write(self, **changes: Any) -> None:
        now = self._note()
        meta = replace(now, beat=now.beat + 1, **changes).meta(self._wanted.mappings.get("_meta") or {})
        self._client.indices.put_mapping(index=self._target, meta=meta)
        self._beaten = time.monotonic()

    def _beat(self) -> None:
        if time.monotonic() - self._beaten > self._patience / 4:
            self._hold()
            self._write()

    def _progress(self, text: str, now: bool = False) -> None:
        if now or time.monotonic() - self._said > _SAID_SECONDS:
            self._said = time.monotonic()
            self._say(f"{self._wanted.name}: {text}")

    def _give_up(self, remove: bool) -> None:
        """Lets writes through again; with `remove` the unfinished generation goes too, since it cannot be finished."""
        if not self._mine:
            return
        noted = self._note()
        if noted.phase == "live" or not self._client.indices.exists_alias(index=self._target, name=self._lock):
            return
        if noted.blocked:
            self._client.indices.put_settings(index=self._source, settings={"blocks.write": None})
        if remove:
            self._copy.cancel_others("", self._beat)
            self._client.indices.delete(index=self._target, ignore_unavailable=True)


def _passes(error: Exception) -> bool:
    """Whether a server that restarts, or is too busy, answers so."""
    if isinstance(error, ApiError):
        return error.status_code in (429, 502, 503)
    return isinstance(error, ConnectionError | ConnectionTimeout)
