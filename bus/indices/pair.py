"""Two generations of one index, between which documents go."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from elasticsearch import Elasticsearch, helpers

_ALL_BUT_IDS = "-hits.hits._index,-hits.hits._score,-hits.hits.sort,-hits.hits._ignored"
"""left out of answers, whose reading takes a third of the time then"""
_WINDOW = 10_000
"""of an index that does not say otherwise"""


class Pair:
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

    def refresh(self) -> None:
        """Makes all of both searchable."""
        self.client.indices.refresh(index=[self.source, self.target])

    def scan(self, index: str, query: Mapping[str, Any], size: int, shard: str = "") -> Iterable[dict[str, Any]]:
        """Hits of a query without their content, in pages of `size`; of one shard where it is named."""
        how: dict[str, Any] = {"filter_path": _ALL_BUT_IDS}
        if shard:
            how["preference"] = f"_shards:{shard}"
        return helpers.scan(
            self.client,
            index=index,
            query={"query": query, "_source": False, "sort": ["_doc"]},
            size=min(size, self.window),
            preserve_order=True,
            scroll_kwargs={"filter_path": _ALL_BUT_IDS},
            **how,
        )
