"""Who works on a generation, and how far it is: the lock alias <generation>.lock-<token> and the note in its `_meta`.

Taking over exchanges that alias in one atomic call, and the swing drops it in its own, so of two runs only one can.
Signs of life are a counter in the note that is watched for some seconds: no clocks are compared.
"""

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from elasticsearch import Elasticsearch, NotFoundError

from bus.indices.diff.normal_form import Json
from bus.indices.reindex.checkpoint import ReindexCheckpoint, note

_POLL_SECONDS = 0.5


class Busy(Exception):
    """Somebody else fills this generation, or took it over from this run."""


class GenerationLock:
    """This run's claim on the generation `target`; `alias` is the index's name, `own` its fragment's `_meta`."""

    def __init__(self, client: Elasticsearch, target: str, alias: str, own: Json, patience_seconds: float) -> None:
        self._client, self._target, self._alias, self._own = client, target, alias, own
        self._patience = patience_seconds
        self.lock = f"{target}.lock-{uuid.uuid4().hex[:12]}"
        self.taken = f"another run has taken {target} over"
        self.mine = False
        self._beaten = time.monotonic()

    def acquire(self, say: Callable[[str, bool], None]) -> None:
        """Takes a generation over whose holder shows no sign of life; waits for one who does."""
        last: tuple[int, list[str]] | None = None
        since = time.monotonic()
        while True:
            answer = self._client.indices.get(index=self._target, ignore_unavailable=True).body.get(self._target)
            noted = note(answer["mappings"]) if answer else None
            if answer is None or noted is None or self._alias in answer["aliases"]:
                return
            locks = [alias for alias in answer["aliases"] if alias.startswith(f"{self._target}.lock-")]
            sign = (noted.beat, locks)
            if sign != last:
                last, since = sign, time.monotonic()
            elif time.monotonic() - since >= self._patience:
                actions: list[dict[str, Any]] = [
                    {"remove": {"index": self._target, "alias": lock, "must_exist": True}} for lock in locks
                ]
                actions.append({"add": {"index": self._target, "alias": self.lock, "is_hidden": True}})
                with suppress(NotFoundError):  # another one was faster
                    self._client.indices.update_aliases(actions=actions)
                    self.mine = True
                    say(f"going on with {self._target}, which a dead run left", True)
                    return
                last = None
            say(f"waiting for another run that fills {self._target}", False)
            time.sleep(min(_POLL_SECONDS, self._patience / 5))

    def is_there(self) -> bool:
        """Whether this run still holds the target."""
        return bool(self._client.indices.exists_alias(index=self._target, name=self.lock))

    def check(self) -> None:
        """Raises Busy unless this run still holds the target."""
        if not self.is_there():
            raise Busy(self.taken)

    def note(self) -> ReindexCheckpoint:
        """How far the target is; raises Busy where nobody says."""
        found = note(self._client.indices.get_mapping(index=self._target)[self._target]["mappings"])
        if found is None:
            raise Busy(f"the note of {self._target} is gone: somebody else works on it")
        return found

    def write(self, **changes: Any) -> None:
        """Changes the note, which is a sign of life too."""
        now = self.note()
        meta = replace(now, beat=now.beat + 1, **changes).meta(self._own)
        self._client.indices.put_mapping(index=self._target, meta=meta)
        self._beaten = time.monotonic()

    def beat(self) -> None:
        """A sign of life, if the last one is old; raises Busy where another run did not see any."""
        if time.monotonic() - self._beaten > self._patience / 4:
            self.check()
            self.write()
