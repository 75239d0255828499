"""What a copy must not do to documents, and what its server and templates do to a copy, on a real server."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from elasticsearch import Elasticsearch, helpers

from bus.errors import PartialFailure
from bus.indices.admin import Admin
from bus.indices.diff.plan import Mode, plan
from bus.indices.reindex.copy import Copying
from bus.indices.reindex.estimate import refusals
from bus.indices.reindex.runner import ReindexRunner
from bus.indices.server.errors import Silent
from tests.support.elasticsearch import Node, shared_node
from tests.support.reindexing import KEYWORD, MODES, behind, filled, is_blocked, own_client, own_name, up, wanted
from tests.support.writers import content

pytestmark = pytest.mark.servers
node, client, name = shared_node, own_client, own_name


@pytest.fixture
def marking(client: Elasticsearch, name: str) -> Iterator[str]:
    """A pipeline whose second run over a document is seen."""
    client.ingest.put_pipeline(
        id=name, processors=[{"append": {"field": "marks", "value": "x", "allow_duplicates": True}}]
    )
    yield name
    for index in client.indices.get(index=f"{name}*").body:
        client.indices.put_settings(index=index, settings={"default_pipeline": None, "final_pipeline": None})
    client.ingest.delete_pipeline(id=name)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("setting", ["default_pipeline", "final_pipeline"])
def test_a_pipeline_of_the_index_is_for_what_bricks_write_and_not_for_copies(
    setting: str,
    mode: Mode,
    node: Node,
    client: Elasticsearch,
    name: str,
    marking: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = filled(node, client, name, documents=50)
    piped = replace(first, settings={**first.settings, setting: marking})
    up(node.url, piped, first)
    helpers.bulk(client, ({"_index": name, "_id": str(n), "a": str(n)} for n in range(50)), refresh=True)
    before = content(client, name)
    assert before["7"]["marks"] == ["x"]
    arm = ReindexRunner._swap

    def dying(self: ReindexRunner) -> None:  # once all is armed, so that the next run copies into an armed one
        monkeypatch.setattr(ReindexRunner, "_swap", arm)
        monkeypatch.setattr("bus.indices.reindex.runner.swing", _dies)
        try:
            arm(self)
        finally:
            monkeypatch.undo()

    monkeypatch.setattr(ReindexRunner, "_swap", dying)
    with pytest.raises(Dead):
        up(node.url, replace(wanted(name, mode), settings=piped.settings))
    client.index(index=f"{name}-000001", id="7", document={"a": "7"}, pipeline="_none") if mode == "catch-up" else None
    up(node.url, replace(wanted(name, mode), settings=piped.settings))
    assert behind(client, name) == [f"{name}-000002"]
    before |= {"7": {"a": "7"} | ({"marks": ["x"]} if mode == "block" or setting == "final_pipeline" else {})}
    assert content(client, name) == before
    client.index(index=name, id="new", document={"a": "x"}, refresh=True)
    assert client.get(index=name, id="new")["_source"]["marks"] == ["x"]


class Dead(BaseException):
    """A kill, as far as the server can tell."""


def _dies(*args: Any) -> None:
    raise Dead


def test_an_index_that_is_declared_read_only_is_copied_and_read_only_again(
    node: Node, client: Elasticsearch, name: str
) -> None:
    filled(node, client, name, documents=20)
    archive = wanted(name)
    archive = replace(archive, settings={**archive.settings, "blocks.write": "true"})
    up(node.url, archive)
    assert client.count(index=f"{name}-000002")["count"] == 20 and is_blocked(client, name)


@pytest.mark.parametrize("api", ["_index_template", "_template"])
def test_a_template_that_gives_the_next_generation_the_alias_is_refused(
    api: str, node: Node, client: Elasticsearch, name: str
) -> None:
    """Else bricks would write to two indices, which a server refuses, or into the one that is not filled yet."""
    filled(node, client, name, documents=20)
    body: dict[str, Any] = {"aliases": {name: {}}, "settings": {"refresh_interval": "7s"}}
    given = {"index_patterns": [f"{name}-*"], **(body if api == "_template" else {"template": body, "priority": 900})}
    head = {"accept": "application/json", "content-type": "application/json"}
    client.perform_request("PUT", f"/{api}/{name}", headers=head, body=given)
    try:
        said = f"a template of the server gives {name}-000002 the alias {name}"
        with closing(Admin(node.url)) as admin:
            change = plan(admin.read([name])[name], wanted(name))
            assert said in refusals(change, admin.facts(change))["reindex"], "at preview"
            with pytest.raises(PartialFailure, match=said):
                admin.apply([change])
        client.index(index=name, id="later", document={"a": "x"})
        assert not client.indices.exists(index=f"{name}-000002")
        # Without the alias its settings are those of the next generation, as they were of the first.
        (given if api == "_template" else given["template"])["aliases"] = {}
        client.perform_request("PUT", f"/{api}/{name}", headers=head, body=given)
        up(node.url, replace(wanted(name), settings={}))
        made = client.indices.get_settings(index=name, flat_settings=True)[f"{name}-000002"]["settings"]
        assert made["index.refresh_interval"] == "7s"
    finally:
        client.perform_request("DELETE", f"/{api}/{name}", headers=head)


def test_big_documents_are_copied_a_few_at_once(node: Node, client: Elasticsearch, name: str) -> None:
    """1.2 GB in a server of 512 MB: a batch of the usual 2000 would be all of it."""
    up(node.url, replace(wanted(name, mappings=BIG), settings={"number_of_shards": "1"}))
    lines = "".join(chr(33 + n % 90) for n in range(997))
    for start in range(0, 300, 5):
        some = ({"_index": name, "_id": str(n), "blob": f"{n} {lines}" * 4000} for n in range(start, start + 5))
        helpers.bulk(client, some)
    client.indices.refresh(index=name)
    up(
        node.url,
        wanted(
            name, "catch-up", {**BIG, "properties": {**BIG["properties"], "b": {"type": "long"}}, "subobjects": False}
        ),
    )
    assert client.count(index=f"{name}-000002")["count"] == 300


BIG: dict[str, Any] = {"dynamic": False, "properties": {"a": {"type": "keyword"}}}


def test_only_what_was_made_again_gets_another_version(
    node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A brick that gives its own versions would have its next write refused as an old one."""
    filled(node, client, name, documents=20, shards=1)
    client.indices.put_settings(index=name, settings={"gc_deletes": "0s"})
    client.index(index=name, id="7", document={"a": "first"}, version=40, version_type="external", refresh=True)
    start = Copying.start

    def then(self: Copying) -> str:
        task = start(self)
        while self.progress(task).state != "done":
            threading.Event().wait(0.05)
        client.index(index=name, id="8", document={"a": "own"}, version=50, version_type="external")
        client.delete(index=name, id="7")
        while client.index(index=name, id="7", document={"a": "again"}, refresh=True)["_version"] > 1:
            client.delete(index=name, id="7", refresh=True)
            threading.Event().wait(0.3)
        return task

    monkeypatch.setattr(Copying, "start", then)
    up(node.url, wanted(name, "catch-up"))
    assert client.get(index=name, id="7")["_source"] == {"a": "again"}
    assert client.get(index=name, id="8")["_version"] == 50


def test_deletions_that_the_server_refuses_are_said(
    node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(node, client, name, documents=20, shards=1)
    sweep = Copying.sweep

    def blocked(self: Copying, *args: Any) -> tuple[int, bool]:
        client.indices.put_settings(index=f"{name}-000002", settings={"blocks.write": True})
        return sweep(self, *args)

    filled_to = Copying.filled

    def then_deleted(self: Copying) -> dict[str, int]:
        client.delete(index=name, id="3", refresh=True)
        return filled_to(self)

    monkeypatch.setattr(Copying, "sweep", blocked)
    monkeypatch.setattr(Copying, "filled", then_deleted)
    with pytest.raises(PartialFailure, match=r"deletions in .*000002 are refused: .*write"):
        up(node.url, wanted(name, "catch-up"))
    monkeypatch.undo()
    up(node.url, wanted(name, "catch-up"))
    assert client.count(index=name)["count"] == 19


def test_a_shard_that_does_not_answer_is_not_left_out_of_a_checkpoint(
    node: Node, client: Elasticsearch, name: str
) -> None:
    """What is written to it from then on would not be caught up."""
    filled(node, client, name, documents=20, shards=2)
    first = f"{name}-000001"
    copying = Copying(client, first, first, wanted(name).reindex)
    assert copying.checkpoints().keys() == {"0", "1"}
    with _without_a_shard(client, first), pytest.raises(Silent, match=f"1 shards of {first} do not answer"):
        copying.checkpoints()


@contextmanager
def _without_a_shard(client: Elasticsearch, index: str) -> Iterator[None]:
    stats = client.indices.stats

    def fewer(**asked: Any) -> Any:
        answer = stats(**asked)
        del answer["indices"][index]["shards"]["1"]
        return answer

    client.indices.stats = fewer  # type: ignore[method-assign]
    yield


def test_a_concrete_index_stays_where_its_copy_gets_no_shard(
    node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.indices.create(index=name, mappings=KEYWORD, settings={"number_of_replicas": 0})
    client.index(index=name, id="1", document={"a": "x"}, refresh=True)
    verify = Copying.verify

    def then_nothing_moves(self: Copying) -> int:
        client.cluster.put_settings(persistent={"cluster.routing.allocation.enable": "none"})
        return verify(self)

    monkeypatch.setattr(Copying, "verify", then_nothing_moves)
    try:
        with pytest.raises(PartialFailure, match="gets no shard within 30 s"):
            up(node.url, wanted(name))
    finally:
        client.cluster.put_settings(persistent={"cluster.routing.allocation.enable": None})
    monkeypatch.undo()
    client.index(index=name, id="2", document={"a": "y"}, refresh=True)
    up(node.url, wanted(name))
    assert client.count(index=f"{name}-000001")["count"] == 2
