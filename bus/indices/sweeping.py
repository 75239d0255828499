"""What was deleted from the source while it was copied, taken from the next generation too: ids compared with ids.

The first sweep lists documents of the target, while writes go on; the one under the write block only asks the source
about ids that are known by then, in big batches of which it answers a count: 150,000 ids took 25 s of blocked writes
when they were listed again (load 16, 2 cores). bus/indices/deletions.py says which documents are worth a sweep.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from elasticsearch import helpers

from bus.indices.pair import Pair

_BATCH = 10_000
"""ids that are asked about at once"""
_PAGE = 5000
_AT_ONCE = 4
_MOST = 5_000_000
"""ids that are kept in mind, about 100 bytes each; of a bigger index they are listed each time"""

Document = tuple[str, str | None]
"""id and routing"""


class Sweep:
    """The sweeps of some documents of the target, by one run."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._known: list[list[Document]] | None = None
        self._copied: list[Document] = []
        self.has_listed = False
        """whether the documents were listed by this run"""

    def copied(self, hits: Iterable[Mapping[str, Any]]) -> None:
        """Takes note of documents that went into the target since the last sweep."""
        if self._known is not None:
            self._copied += [(hit["_id"], hit.get("_routing")) for hit in hits]

    def run(self, shards: Mapping[str, Mapping[str, Any]], beat: Callable[[], None]) -> int:
        """Deletes from the target what the source no longer has; returns how many documents that were.

        `shards` are those of the target, each with the query for its documents. Both indices are refreshed before.
        """
        known = self._known
        if known is not None:
            known += list(self._batches(self._copied))
        kept: list[list[Document]] = []
        swept = 0
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            tasks = []
            for batch in self._listed(shards) if known is None else known:
                kept.append(batch)
                tasks.append(pool.submit(self._sweep, batch))
                beat()
            for task in tasks:
                swept += task.result()
                beat()
        self._known = kept if sum(map(len, kept)) <= _MOST else None
        self._copied, self.has_listed = [], True
        return swept

    def _listed(self, shards: Mapping[str, Mapping[str, Any]]) -> Iterable[list[Document]]:
        pair = self._pair
        hits = (hit for shard, query in shards.items() for hit in pair.scan(pair.target, query, _PAGE, shard))
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
        gone = [one for one in batch if one[0] not in here]
        helpers.bulk(client, [self._deletion(*one) for one in gone], ignore_status=404)
        batch[:] = [one for one in batch if one[0] in here]
        return len(gone)

    def _deletion(self, id_: str, routing: str | None) -> dict[str, Any]:
        where = {} if routing is None else {"routing": routing}
        return {"_op_type": "delete", "_index": self._pair.target, "_id": id_, **where}

    def _batches(self, documents: Iterable[Document]) -> Iterator[list[Document]]:
        size = min(_BATCH, self._pair.window)
        rest = iter(documents)
        while some := list(islice(rest, size)):
            yield some
