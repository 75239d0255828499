"""A stack of one set of indices, with the provider's own calls."""

from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from elasticsearch import ApiError, Elasticsearch, helpers

from components.providers.indices import IndexSetProvider
from tests.support.elasticsearch import Node, shared_node
from tests.support.reindexing import KEYWORD, own_client, own_name

node, client, name = shared_node, own_client, own_name
SETTINGS = {"number_of_shards": "1", "number_of_replicas": "0"}
BLOCKS = ("read_only", "read_only_allow_delete", "metadata", "read", "write")


class Stack:
    """One site's indices by their provider, with the state that an engine would keep."""

    def __init__(self, url: str, name: str) -> None:
        self._provider = IndexSetProvider()
        self._provider.configure(SimpleNamespace(config={}))  # type: ignore[arg-type]
        self._url, self._name = url, name
        self.outs: dict[str, Any] = {}

    def props(self, mappings: dict[str, Any] | None) -> dict[str, Any]:
        """Inputs: the one index, or none."""
        index = {"mappings": mappings, "settings": SETTINGS, "aliases": {}, "reindex": {"mode": "catch-up"}}
        site = {"site": "central", "namespace": "n", "context": "", "mode": "direct", "endpoint": self._url}
        return {**site, "indices": {self._name: index} if mappings else {}, "confirmDelete": []}

    def preview(self, mappings: dict[str, Any] | None = KEYWORD) -> str:
        """Everything that a preview refuses."""
        failures = self._provider.check(self.outs, self.props(mappings)).failures
        return "\n".join(failure.reason for failure in failures)

    def up(self, mappings: dict[str, Any] | None = KEYWORD) -> None:
        """Creates or updates."""
        wanted = self.props(mappings)
        if self.outs:
            self.outs = self._provider.update("id", self.outs, wanted).outs or {}
        else:
            self.outs = self._provider.create(wanted).outs or {}

    def refresh(self) -> dict[str, Any]:
        """What was done by hand is in the state afterwards; returns the index as it is seen."""
        self.outs = self._provider.read("id", self.outs).outs or {}
        return dict(self.outs["indices"].get(self._name) or {})

    def has_changes(self) -> bool:
        """Whether a preview shows any."""
        return bool(self._provider.diff("id", self.outs, self.props(KEYWORD)).changes)


@pytest.fixture
def stack(node: Node, client: Elasticsearch, name: str) -> Iterator[Stack]:
    stack = Stack(node.url, name)
    stack.up()
    helpers.bulk(client, ({"_index": name, "_id": str(n), "a": str(n)} for n in range(30)), refresh=True)
    yield stack
    for number in range(1, 4):
        for block in BLOCKS:
            with suppress(ApiError):
                client.indices.put_settings(index=f"{name}-{number:06d}", settings={f"index.blocks.{block}": None})
