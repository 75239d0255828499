"""What tests of reindexing share: an index with documents in it, and one `pulumi up` of it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from elasticsearch import Elasticsearch, helpers

from bus.indices.admin import Admin
from bus.indices.diff.plan import Mode, Reindexing, WantedIndex, plan
from tests.support.elasticsearch import Node
from tests.support.migrating import PATIENCE_SECONDS

KEYWORD: dict[str, Any] = {"properties": {"a": {"type": "keyword"}}}
TEXT: dict[str, Any] = {"properties": {"a": {"type": "text"}}}
SETTINGS = {"number_of_replicas": "1", "refresh_interval": "5s"}
MODES: list[Mode] = ["block", "catch-up"]
CALLS = 50
"""a migration makes about so many calls to the server"""


@pytest.fixture
def own_client(node: Node) -> Iterator[Elasticsearch]:
    """A client of the module's `node`."""
    with Elasticsearch(node.url, request_timeout=60) as client:
        yield client


@pytest.fixture
def own_name(request: pytest.FixtureRequest, own_client: Elasticsearch) -> Iterator[str]:
    """An index name of the test's own; what is made below it is deleted afterwards."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name.lower())
    yield name
    made = own_client.indices.get(index=f"{name}*", expand_wildcards="all").body
    if made:
        own_client.indices.delete(index=list(made))


def up(url: str, wanted: WantedIndex, before: WantedIndex | None = None, **how: Any) -> list[str]:
    """One `pulumi up` of one index; returns what it said."""
    said: list[str] = []
    with closing(Admin(url)) as admin:
        live = admin.read([wanted.name]).get(wanted.name)
        change = plan(live, wanted, before)
        assert not change.refused, change.refused
        admin.apply([change], said.append, how.get("patience_seconds", PATIENCE_SECONDS))
        assert plan(admin.read([wanted.name])[wanted.name], wanted, wanted).is_nothing
    return said


def wanted(name: str, mode: Mode = "block", mappings: dict[str, Any] = TEXT, **how: Any) -> WantedIndex:
    """An index whose field is text, unless `mappings` say otherwise, and that may be reindexed."""
    return WantedIndex(name, mappings, SETTINGS, {"also-" + name: {}}, Reindexing(mode=mode, **how))


def filled(node: Node, client: Elasticsearch, name: str, documents: int = 3000, shards: int = 3) -> WantedIndex:
    """An index of keywords with documents in it; returns what it was made from."""
    first = replace(wanted(name, mappings=KEYWORD), settings={**SETTINGS, "number_of_shards": str(shards)})
    up(node.url, first)
    helpers.bulk(client, ({"_index": name, "_id": str(n), "a": str(n)} for n in range(documents)), refresh=True)
    return first


def behind(client: Elasticsearch, alias: str) -> list[str]:
    """The indices that an alias is on."""
    return sorted(client.indices.get_alias(name=alias).body)


def is_blocked(client: Elasticsearch, name: str) -> bool:
    """Whether the one index behind a name refuses writes."""
    [answer] = client.indices.get_settings(index=name, flat_settings=True).body.values()
    return str(answer["settings"].get("index.blocks.write")).lower() == "true"
