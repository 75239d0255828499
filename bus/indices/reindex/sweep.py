"""What was deleted from the source while it was copied, taken from the next generation too: ids compared with ids.

Documents of the target are listed in windows of sequence numbers, which follow the order in which the source was read:
the newest and the oldest first, since those are deleted most, and only until as many are found as counts say are gone.
What was listed is kept in mind, so that under the write block the source is only asked, in big batches, how many of
them it still has. bus/indices/reindex/deletions.py says which documents are worth a sweep.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from math import inf
from typing import Any

from elasticsearch import TransportError, helpers

from bus.indices.reindex.documents import IndexPair
from bus.indices.server.errors import said

_BATCH = 10_000
"""ids that are asked about at once"""
_PAGE = 5000
_WIDTH = 50_000
"""sequence numbers of a window"""
_AT_ONCE = 4
_MOST = 5_000_000
"""ids that are kept in mind, about 100 bytes each; of a bigger index they are listed each time"""

Document = tuple[str, str | None]
"""id and routing"""


@dataclass(frozen=True)
class Window:
    """Documents of one shard of the target with sequence numbers over `over`, up to `up_to` where there is an end."""

    shard: str
    over: int
    up_to: int | None = None

    @property
    def query(self) -> dict[str, Any]:
        """The query for them."""
        end = {} if self.up_to is None else {"lte": self.up_to}
        return {"range": {"_seq_no": {"gt": self.over, **end}}}


def newest_and_oldest_first(marks: Mapping[str, int]) -> list[Window]:
    """Windows of each shard up to its mark, from both ends to the middle; shards take turns."""
    ordered: list[list[Window]] = []
    for shard, mark in marks.items():
        rest = deque(Window(shard, low, min(low + _WIDTH, mark)) for low in range(-1, mark, _WIDTH))
        turns: list[Window] = []
        while rest:
            turns.append(rest.pop() if len(turns) % 2 == 0 else rest.popleft())
        ordered.append(turns)
    longest = max(map(len, ordered), default=0)
    return [turns[number] for number in range(longest) for turns in ordered if number < len(turns)]


class Sweep:
    """The sweeps of some documents of the target, by one run; `windows` are asked for when they are first listed."""

    def __init__(self, pair: IndexPair) -> None:
        self._pair = pair
        self._rest: deque[Window] | None = None
        self._known: list[list[Document]] = []
        self._copied: dict[Document, None] = {}

    @property
    def is_listed(self) -> bool:
        """Whether all of the documents were listed by this run."""
        return self._rest is not None and not self._rest

    def copied(self, hits: Iterable[Mapping[str, Any]]) -> None:
        """Takes note of documents that went into the target since the last sweep."""
        if self._rest is not None:
            self._copied |= dict.fromkeys((hit["_id"], hit.get("_routing")) for hit in hits)

    def of_known(self, expected: int, beat: Callable[[], None]) -> int:
        """Deletes of what was listed what the source no longer has, up to about `expected`; returns how many."""
        self._known[:0] = self._batches(self._copied)
        self._copied = {}
        swept = 0
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for number in range(0, len(self._known), _AT_ONCE):
                if swept >= expected:
                    break
                swept += sum(pool.map(self._sweep, self._known[number : number + _AT_ONCE]))
                beat()
        return swept

    def of_listed(
        self, windows: Iterable[Window], expected: int, beat: Callable[[], None], seconds: float = inf
    ) -> int:
        """The same of what was not listed yet: some of `windows`, which are all that there are; for about `seconds`."""
        if self._rest is None:
            self._rest = deque(windows)
        swept, end = 0, time.monotonic() + seconds
        asked: list[Future[int]] = []
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while self._rest and swept < expected and time.monotonic() < end:
                before, asked = asked, []
                for batch in self._listed(self._rest[0]):
                    self._known.append(batch)
                    asked.append(pool.submit(self._sweep, batch))
                    beat()
                self._rest.popleft()
                swept += sum(task.result() for task in before)
            swept += sum(task.result() for task in asked)
        if sum(map(len, self._known)) > _MOST:
            self._known, self._rest = [], None
        return swept

    def _listed(self, window: Window) -> Iterator[list[Document]]:
        hits = self._pair.scan(self._pair.target, window.query, _PAGE, window.shard)
        return self._batches((hit["_id"], hit.get("_routing")) for hit in hits)

    def _sweep(self, batch: list[Document]) -> int:
        """Of one batch; what is gone leaves the batch too."""
        client, source = self._pair.client, self._pair.source
        ids = sorted({id_ for id_, _ in batch})
        these = {"ids": {"values": ids}}
        if int(client.count(index=source, query=these)["count"]) >= len(batch):
            return 0
        # A scan, since one id under several routings is several documents, more than a page may hold.
        here = {hit["_id"] for hit in self._pair.scan(source, these, _PAGE)}
        swept = self._delete(dict.fromkeys(one for one in batch if one[0] not in here))
        batch[:] = [one for one in batch if one[0] in here]
        return swept

    def _delete(self, gone: Iterable[Document]) -> int:
        """From the target; returns how many were still there. A server that is too busy for some is asked again."""
        asked = [self._deletion(*one) for one in gone]
        try:
            deleted, _ = helpers.bulk(self._pair.client, asked, ignore_status=404, max_retries=6, initial_backoff=0.2)
            return deleted
        except helpers.BulkIndexError as error:
            why = said(next(iter(error.errors[0].values()))["error"])
            raise TransportError(f"{len(error.errors)} deletions in {self._pair.target} are refused: {why}") from error

    def _deletion(self, id_: str, routing: str | None) -> dict[str, Any]:
        where = {} if routing is None else {"routing": routing}
        return {"_op_type": "delete", "_index": self._pair.target, "_id": id_, **where}

    def _batches(self, documents: Iterable[Document]) -> Iterator[list[Document]]:
        size = min(_BATCH, self._pair.window)
        rest = iter(documents)
        while some := list(islice(rest, size)):
            yield some
