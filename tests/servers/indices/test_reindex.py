"""An index on its way into its next generation, on a real server: nothing that was acknowledged is lost."""

import random
from typing import Any

import pytest
from elasticsearch import Elasticsearch, helpers

from bus.indices.diff.plan import Mode
from bus.indices.reindex.checkpoint import note
from tests.support.elasticsearch import Node, shared_node
from tests.support.migrating import DONE, FAILED, ended, migrate
from tests.support.reindexing import CALLS, KEYWORD, MODES, TEXT, behind, filled, own_client, own_name, up, wanted
from tests.support.writers import content, differences, writing

pytestmark = pytest.mark.servers
node, client, name = shared_node, own_client, own_name


@pytest.mark.parametrize("mode", MODES)
def test_the_next_generation_has_everything_and_the_old_one_is_kept(
    mode: Mode, node: Node, client: Elasticsearch, name: str
) -> None:
    filled(node, client, name)
    client.index(index=name, id="routed", routing="elsewhere", document={"a": "r"}, refresh=True)
    client.index(index=name, id="versioned", version=77, version_type="external", document={"a": "v"}, refresh=True)
    before = content(client, name)
    said = up(node.url, wanted(name, mode))
    assert content(client, name) == before
    assert behind(client, name) == behind(client, f"also-{name}") == [f"{name}-000002"]
    assert client.get(index=name, id="routed", routing="elsewhere")["_source"] == {"a": "r"}
    assert client.get(index=name, id="versioned")["_version"] == 77
    live = client.indices.get(index=name)[f"{name}-000002"]
    assert live["mappings"]["properties"] == TEXT["properties"]
    index = live["settings"]["index"]
    assert [index[key] for key in ("number_of_replicas", "refresh_interval", "number_of_shards")] == ["1", "5s", "3"]
    assert list(live["aliases"]) == [f"also-{name}", name], "the lock is gone"
    assert client.count(index=f"{name}-000001")["count"] == len(before)
    assert [line for line in said if "writes were blocked for" in line]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(10))
def test_no_acknowledged_write_is_lost_though_the_run_is_killed(
    mode: Mode, seed: int, node: Node, client: Elasticsearch, name: str
) -> None:
    filled(node, client, name, documents=300)
    choice = random.Random(f"{mode}{seed}")
    with writing(node.url, name) as writers:
        process = migrate(node.url, wanted(name, mode), choice.randint(4, CALLS), after=choice.random() < 0.5)
        assert ended(process) in (DONE, -9)
        assert ended(migrate(node.url, wanted(name, mode))) == DONE, "the same `pulumi up` again"
    assert writers.acknowledged
    assert differences(writers.acknowledged, content(client, name)) == {}
    generation = behind(client, name)
    assert generation == [f"{name}-000002"]
    found = note(client.indices.get_mapping(index=name)[generation[0]]["mappings"])
    assert found and found.phase == "live"
    assert {str(n) for n in range(300)} <= content(client, name).keys()


def test_two_at_once_make_one_next_generation(node: Node, client: Elasticsearch, name: str) -> None:
    filled(node, client, name)
    with writing(node.url, name) as writers:
        two = [migrate(node.url, wanted(name, "catch-up")) for _ in range(2)]
        codes = [ended(process) for process in two]
    assert DONE in codes and set(codes) <= {DONE, FAILED}
    assert behind(client, name) == [f"{name}-000002"]
    assert differences(writers.acknowledged, content(client, name)) == {}


def test_a_script_changes_documents_on_the_way(node: Node, client: Elasticsearch, name: str) -> None:
    filled(node, client, name)
    numbers: dict[str, Any] = {"properties": {"a": {"type": "integer"}}}
    client.index(index=name, id="odd", document={"a": "no number"}, refresh=True)
    script = "if (ctx._source.a == 'no number') { ctx._source.a = -1 }"
    up(node.url, wanted(name, "catch-up", numbers, script=script))
    assert client.get(index=name, id="odd")["_source"] == {"a": -1}


@pytest.mark.parametrize("mode", MODES)
def test_a_pipeline_changes_every_document_on_the_way_those_written_meanwhile_too(
    mode: Mode, node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bus.indices.reindex.copy import Copying

    filled(node, client, name, documents=200)
    client.ingest.put_pipeline(id=name, processors=[{"set": {"field": "b", "copy_from": "a"}}])
    start, meanwhile = Copying.start, []

    def writing_too(self: Copying) -> str:
        task = start(self)
        if mode == "catch-up":
            client.index(index=name, id="meanwhile", document={"a": "m"}, refresh=True)
            client.delete(index=name, id="7", refresh=True)
            meanwhile.append("meanwhile")
        return task

    monkeypatch.setattr(Copying, "start", writing_too)
    both: dict[str, Any] = {"properties": {**TEXT["properties"], "b": {"type": "keyword"}}}
    try:
        up(node.url, wanted(name, mode, both, pipeline=name))
    finally:
        client.ingest.delete_pipeline(id=name)
    found = content(client, name)
    numbers = {str(n) for n in range(200)} - ({"7"} if meanwhile else set())
    assert found.keys() == {*numbers, *meanwhile}
    assert all(document["b"] == document["a"] for document in found.values())


def test_a_concrete_index_is_adopted_and_its_copy_kept(node: Node, client: Elasticsearch, name: str) -> None:
    client.indices.create(index=name, mappings=KEYWORD, settings={"number_of_replicas": 0})
    helpers.bulk(client, ({"_index": name, "_id": str(n), "a": str(n)} for n in range(500)), refresh=True)
    up(node.url, wanted(name, "catch-up"))
    assert behind(client, name) == [f"{name}-000002"]
    assert client.count(index=name)["count"] == client.count(index=f"{name}-000001")["count"] == 500


@pytest.mark.parametrize("keep", [0, 1])
def test_old_generations_beyond_those_kept_are_deleted(keep: int, node: Node, client: Elasticsearch, name: str) -> None:
    filled(node, client, name, documents=10)
    up(node.url, wanted(name, keep=keep))
    up(node.url, wanted(name, mappings=KEYWORD, keep=keep))
    left = sorted(client.indices.get(index=f"{name}-0*").body)
    assert left == [f"{name}-000002", f"{name}-000003"][1 - keep :]
