"""Servers that customers still have: what bus/indices/server/versions.py says of each, on that server."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from elasticsearch import Elasticsearch, helpers

from bus.errors import PartialFailure
from bus.indices.admin import Admin
from bus.indices.diff.change_kinds import ChangeKind
from bus.indices.diff.drift import seen
from bus.indices.diff.plan import Mode, Reindexing, WantedIndex, plan
from bus.indices.diff.to_fragment import fragment_of
from bus.indices.server.connect import connect
from bus.indices.server.versions import REINDEX, TRIED
from tests.support.elasticsearch import OLDER, Node, elasticsearch, folder_of_nobody
from tests.support.migrating import PATIENCE_SECONDS

pytestmark = pytest.mark.servers
SETTINGS = {"number_of_shards": "1", "number_of_replicas": "0", "refresh_interval": "5s"}
KEYWORD: dict[str, Any] = {
    "dynamic": "strict",
    "properties": {"a": {"type": "keyword"}, "b": {"type": "text", "fields": {"raw": {"type": "keyword"}}}},
}
TEXT: dict[str, Any] = {**KEYWORD, "properties": {**KEYWORD["properties"], "a": {"type": "text"}}}
FRENCH = {"analysis.analyzer.fr.tokenizer": "standard", "analysis.analyzer.fr.filter": "lowercase,asciifolding"}
MODES: list[Mode] = ["block", "catch-up"]


@pytest.fixture(scope="module", params=OLDER)
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    with folder_of_nobody() as folder, elasticsearch(folder, version=request.param) as node:
        yield node


@pytest.fixture(scope="module")
def admin(node: Node) -> Iterator[Admin]:
    with closing(Admin(node.url)) as admin:
        yield admin


@pytest.fixture(scope="module")
def client(node: Node) -> Iterator[Elasticsearch]:
    _, client = connect(node.url, 10)
    with client:
        yield client


def up(admin: Admin, wanted: WantedIndex, before: WantedIndex | None = None) -> ChangeKind:
    """One `pulumi up` of an index, after which nothing is left to do and no drift is seen."""
    change = plan(admin.read([wanted.name]).get(wanted.name), wanted, before)
    assert not change.refused
    admin.apply([change], patience_seconds=PATIENCE_SECONDS)
    live = admin.read([wanted.name])[wanted.name]
    again = plan(live, wanted, wanted)
    assert again.is_nothing, [str(difference) for difference in again.differences]
    assert seen(live, wanted) == wanted
    return change.kind


def test_the_server_is_one_that_the_table_names(admin: Admin) -> None:
    assert admin.server.version == TRIED[admin.server.major]


def test_made_changed_in_place_and_by_closing_and_deleted(admin: Admin) -> None:
    first = WantedIndex("place", KEYWORD, SETTINGS, {"also-place": {}}, reopen=True)
    assert up(admin, first) is ChangeKind.NOTHING
    field = {**KEYWORD, "properties": {**KEYWORD["properties"], "c": {"type": "date"}}}
    more = replace(first, mappings=field, settings={**SETTINGS, "refresh_interval": "9s"}, aliases={})
    assert up(admin, more, first) is ChangeKind.DYNAMIC
    assert up(admin, replace(more, settings={**more.settings, **FRENCH}), more) is ChangeKind.REOPEN
    assert admin.held(["place"]) == {"place": 0}
    admin.delete(["place"])
    assert admin.read(["place"]) == {}


def test_several_are_made_and_read_at_once(admin: Admin) -> None:
    wanted = [WantedIndex(f"many-{number}", KEYWORD, SETTINGS, {}) for number in range(12)]
    admin.apply([plan(None, one) for one in wanted])
    live = admin.read([one.name for one in wanted])
    assert all(plan(live[one.name], one, one).is_nothing for one in wanted)
    admin.delete([one.name for one in wanted])


def test_what_is_imported_shows_no_change(admin: Admin, client: Elasticsearch) -> None:
    analysis = {"analyzer": {"fr": {"tokenizer": "standard", "filter": ["lowercase"]}}}
    client.indices.create(index="found", mappings=KEYWORD, settings={"number_of_shards": 1, "analysis": analysis})
    live = admin.read(["found"])["found"]
    fragment = fragment_of("found", live)
    wanted = WantedIndex("found", fragment["mappings"], fragment["settings"], fragment.get("aliases", {}))
    assert plan(live, wanted).is_nothing
    admin.delete(["found"])


@pytest.mark.parametrize("mode", MODES)
def test_a_reindex_takes_everything_along_and_goes_back_or_is_refused(
    mode: Mode, admin: Admin, client: Elasticsearch
) -> None:
    name = f"films-{mode}"
    first = WantedIndex(name, KEYWORD, SETTINGS, {}, Reindexing(mode=mode))
    up(admin, first)
    client.index(index=name, id="routed", routing="elsewhere", document={"a": "r"})
    for number in range(60):
        client.index(index=name, id=str(number), document={"a": str(number)})
    client.indices.refresh(index=name)
    changed = replace(first, mappings=TEXT)
    if reason := REINDEX.refusal(admin.server):
        calls = client.indices.stats(index=name)["_all"]["total"]["indexing"]
        with pytest.raises(PartialFailure, match=r"not on Elasticsearch 6\.8\.23: its _aliases call"):
            admin.apply([plan(admin.read([name])[name], changed)])
        assert client.indices.stats(index=name)["_all"]["total"]["indexing"] == calls and "another name" in reason
        assert list(client.indices.get(index=f"{name}-0*").body) == [f"{name}-000001"], "nothing was touched"
        with pytest.raises(PartialFailure, match="rollback: not on"):
            admin.generation_before(name, admin.read([name])[name])
        return
    assert up(admin, changed, first) is ChangeKind.REINDEX
    live = admin.read([name])[name]
    assert live.name == f"{name}-000002"
    found = {hit["_id"]: hit["_source"] for hit in helpers.scan(client, index=name)}
    assert found == {"routed": {"a": "r"}, **{str(number): {"a": str(number)} for number in range(60)}}
    admin.swing_back(live, admin.generation_before(name, live))
    assert admin.read([name])[name].name == f"{name}-000001"
    admin.delete([name])


def test_runtime_fields_are_refused_before_the_first_call_where_there_are_none(admin: Admin) -> None:
    wanted = WantedIndex("runtime", {"runtime": {"r": {"type": "long"}}}, SETTINGS, {})
    if admin.server.major == 6:
        with pytest.raises(PartialFailure, match="runtime fields: not on Elasticsearch"):
            admin.apply([plan(None, wanted)])
        assert admin.read(["runtime"]) == {}
    else:
        up(admin, wanted)
        admin.delete(["runtime"])
