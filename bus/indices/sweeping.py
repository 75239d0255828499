"""What was deleted from the source while it was copied, taken from the next generation too.

A deletion leaves no trace that a search could see, so ids are compared. The first sweep looks through the whole target,
while writes go on; the one under the write block only asks the source about ids that are known by then, in big batches
of which it answers a count: 150,000 ids took 25 s of blocked writes when they were listed again (load 16, 2 cores).
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from elasticsearch import Elasticsearch, helpers

_BATCH = 5000
_PAGE = 2000
_AT_ONCE = 4
_MOST = 5_000_000
"""ids that are kept in mind, about 100 bytes each; of a bigger index they are listed each time"""

Document = tuple[str, str | None]
"""id and routing"""


class Sweep:
    """The sweeps of one copy, by one run."""

    def __init__(self, client: Elasticsearch, source: str, target: str) -> None:
        self._client, self._source, self._target = client, source, target
        self._known: list[list[Document]] | None = None
        self._copied: list[Document] = []

    def copied(self, hits: Iterable[Mapping[str, Any]]) -> None:
        """Takes note of documents that went into the target since the last sweep."""
        if self._known is not None:
            self._copied += [(hit["_id"], hit.get("_routing")) for hit in hits]

    def run(self, beat: Callable[[], None]) -> int:
        """Deletes from the target what the source no longer has; returns how many documents that were."""
        self._client.indices.refresh(index=[self._source, self._target])
        known = self._known
        if known is not None:
            known += list(_batches(self._copied))
        kept: list[list[Document]] = []
        swept = 0
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            tasks = []
            for batch in self._listed() if known is None else known:
                kept.append(batch)
                tasks.append(pool.submit(self._sweep, batch))
                beat()
            for task in tasks:
                swept += task.result()
                beat()
        self._known = kept if sum(map(len, kept)) <= _MOST else None
        self._copied = []
        return swept

    def _listed(self) -> Iterable[list[Document]]:
        return _batches((hit["_id"], hit.get("_routing")) for hit in self._scan(self._target, {"match_all": {}}))

    def _scan(self, index: str, query: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        body = {"query": query, "_source": False, "sort": ["_doc"]}
        return helpers.scan(self._client, index=index, query=body, size=_PAGE, preserve_order=True)

    def _sweep(self, batch: list[Document]) -> int:
        """Of one batch; what is gone leaves the batch too."""
        ids = sorted({id_ for id_, _ in batch})
        these = {"ids": {"values": ids}}
        if int(self._client.count(index=self._source, query=these)["count"]) >= len(batch):
            return 0
        # A scan, since one id under several routings is several documents, more than a page may hold.
        here = {hit["_id"] for hit in self._scan(self._source, these)}
        gone = [one for one in batch if one[0] not in here]
        helpers.bulk(self._client, [self._deletion(*one) for one in gone], ignore_status=404)
        batch[:] = [one for one in batch if one[0] in here]
        return len(gone)

    def _deletion(self, id_: str, routing: str | None) -> dict[str, Any]:
        where = {} if routing is None else {"routing": routing}
        return {"_op_type": "delete", "_index": self._target, "_id": id_, **where}


def _batches(documents: Iterable[Document]) -> Iterable[list[Document]]:
    some: list[Document] = []
    for one in documents:
        some.append(one)
        if len(some) == _BATCH:
            yield some
            some = []
    if some:
        yield some
