"""Two generations of one index, between which documents go."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from elasticsearch import Elasticsearch

from bus.indices.server.errors import Silent

_IDS = "_scroll_id,_shards.failed,hits.hits._id,hits.hits._routing"
"""of answers, whose reading takes a third of the time then"""
_KEPT = "5m"
"""how long a server keeps a scroll after each page"""
_WINDOW = 10_000
"""of an index that does not say otherwise"""
_BATCH = 2000
_BYTES = 20_000_000
"""of a batch in a server's memory"""
_SOME = 5


class IndexPair:
    """The server, and what both generations allow."""

    def __init__(self, client: Elasticsearch, source: str, target: str) -> None:
        self.client, self.source, self.target = client, source, target

    @cached_property
    def window(self) -> int:
        """How many hits a search may answer, and how many ids it may be given: index.max_result_window of both."""
        answer = self.client.indices.get_settings(
            index=[self.source, self.target], name="index.max_result_window", flat_settings=True
        )
        said = [content["settings"]["index.max_result_window"] for content in answer.body.values()]
        return min([_WINDOW, *map(int, said)])

    @cached_property
    def batch(self) -> int:
        """How many documents are read, and sent, at once: fewer big ones, since all are in the server's memory then."""
        stats = self.client.indices.stats(index=self.source, metric="store")["_all"]["primaries"]
        on_disk = stats["store"]["size_in_bytes"] / max(1, int(self.client.count(index=self.source)["count"]))
        some: dict[str, Any] = {"function_score": {"random_score": {}}}  # compressed on disk, up to a hundredfold
        hits = self.client.search(index=self.source, query=some, size=min(_SOME, self.window))["hits"]["hits"]
        each = max([1.0, on_disk, *(len(str(hit.get("_source"))) for hit in hits)])
        return max(1, min(_BATCH, self.window, int(_BYTES / each)))

    def shards(self, index: str) -> int:
        """How many shards one of them has."""
        answer = self.client.indices.get_settings(index=index, name="index.number_of_shards", flat_settings=True)
        return int(answer[index]["settings"]["index.number_of_shards"])

    def refresh(self) -> None:
        """Makes all of both searchable."""
        self.client.indices.refresh(index=[self.source, self.target])

    def scan(self, index: str, query: Mapping[str, Any], size: int, shard: str = "") -> Iterator[dict[str, Any]]:
        """Ids and routings that match a query, in pages of `size`; of one shard where it is named.

        Not the client's own helper: with the filter, 7.17 answers an empty page without the keys that it expects.
        """
        where: dict[str, Any] = {"preference": f"_shards:{shard}"} if shard else {}
        how: dict[str, Any] = {"scroll": _KEPT, "filter_path": _IDS}
        size = min(size, self.window)
        answer = self.client.search(index=index, query=query, source=False, sort=["_doc"], size=size, **how, **where)
        try:
            while hits := self._hits(index, answer.body):
                yield from hits
                answer = self.client.scroll(scroll_id=answer["_scroll_id"], **how)
        finally:
            self.client.options(ignore_status=404).clear_scroll(scroll_id=answer["_scroll_id"])

    def _hits(self, index: str, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        if answer["_shards"]["failed"]:
            raise Silent(f"{answer['_shards']['failed']} shards of {index} do not answer")
        return list(answer.get("hits", {}).get("hits", []))
