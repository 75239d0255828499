"""An index on its way into its next generation, on a real server: nothing that was acknowledged is lost."""

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from elasticsearch import Elasticsearch, helpers
from typer.testing import CliRunner

from bus.cli.app import app
from bus.errors import Failed
from bus.indices.admin import Admin
from bus.indices.estimate import refusals
from bus.indices.model import merge_fragments
from bus.indices.plan import Mode, Reindexing, Wanted, plan
from bus.indices.props import from_props
from bus.indices.state import note
from tests.servers.elasticsearch import Node, elasticsearch, folder_of_nobody, shared_node
from tests.servers.migrating import DONE, FAILED, PATIENCE_SECONDS, ended, migrate
from tests.servers.writers import content, differences, writing

pytestmark = pytest.mark.servers
node = shared_node
KEYWORD: dict[str, Any] = {"properties": {"a": {"type": "keyword"}}}
TEXT: dict[str, Any] = {"properties": {"a": {"type": "text"}}}
SETTINGS = {"number_of_replicas": "1", "refresh_interval": "5s"}
MODES: list[Mode] = ["block", "catch-up"]
CALLS = 45
"""a migration makes about so many calls to the server"""


@pytest.fixture
def client(node: Node) -> Iterator[Elasticsearch]:
    with Elasticsearch(node.url, request_timeout=60) as client:
        yield client


@pytest.fixture
def name(request: pytest.FixtureRequest, client: Elasticsearch) -> Iterator[str]:
    name = "".join(c if c.isalnum() else "-" for c in request.node.name.lower())
    yield name
    client.indices.delete(index=list(client.indices.get(index=f"{name}*").body))


def up(url: str, wanted: Wanted, before: Wanted | None = None, **how: Any) -> list[str]:
    """One `pulumi up` of one index; returns what it said."""
    said: list[str] = []
    admin = Admin(url)
    try:
        live = admin.read([wanted.name]).get(wanted.name)
        change = plan(live, wanted, before)
        assert not change.refused, change.refused
        admin.apply([change], said.append, how.get("patience_seconds", PATIENCE_SECONDS))
        assert plan(admin.read([wanted.name])[wanted.name], wanted, wanted).is_nothing
    finally:
        admin.close()
    return said


def wanted(name: str, mode: Mode = "block", mappings: dict[str, Any] = TEXT, **how: Any) -> Wanted:
    return Wanted(name, mappings, SETTINGS, {"also-" + name: {}}, Reindexing(mode=mode, **how))


def filled(node: Node, client: Elasticsearch, name: str, documents: int = 3000, shards: int = 3) -> Wanted:
    """An index of keywords with documents in it; returns what it was made from."""
    first = replace(wanted(name, mappings=KEYWORD), settings={**SETTINGS, "number_of_shards": str(shards)})
    up(node.url, first)
    helpers.bulk(client, ({"_index": name, "_id": str(n), "a": str(n)} for n in range(documents)), refresh=True)
    return first


def behind(client: Elasticsearch, alias: str) -> list[str]:
    return sorted(client.indices.get_alias(name=alias).body)


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


def test_documents_that_do_not_fit_are_named_and_writes_go_on(node: Node, client: Elasticsearch, name: str) -> None:
    filled(node, client, name)
    client.index(index=name, id="odd", document={"a": "no number"}, refresh=True)
    numbers: dict[str, Any] = {"properties": {"a": {"type": "integer"}}}
    with pytest.raises(Failed, match=r"document odd: .*failed to parse field \[a\]"):
        up(node.url, wanted(name, "block", numbers))
    client.index(index=name, id="later", document={"a": "x"})
    assert behind(client, name) == [f"{name}-000001"]
    assert not client.indices.exists(index=f"{name}-000002"), "nothing to clean by hand"


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
    from bus.indices.copying import Copying

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


def test_a_copy_that_somebody_cancels_is_said_and_can_be_begun_again(
    node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bus.indices.copying import Copying

    filled(node, client, name, documents=2000)
    start = Copying.start

    def cancelled(self: Copying) -> str:
        task = start(self)
        client.perform_request("POST", f"/_tasks/{task}/_cancel", headers={"accept": "application/json"})
        return task

    slow = wanted(name, "block", documents_per_second=50, slices=1)
    with monkeypatch.context() as patched, pytest.raises(Failed, match="cancelled"):
        patched.setattr(Copying, "start", cancelled)
        up(node.url, slow)
    client.index(index=name, id="later", document={"a": "x"}, refresh=True)
    up(node.url, wanted(name, "block"))
    assert client.count(index=name)["count"] == 2001


def test_deletions_under_the_block_are_found_without_listing_the_index_again(
    node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bus.indices.copying import Copying
    from bus.indices.sweeping import Sweep

    filled(node, client, name, documents=500)
    client.index(index=name, id="routed", routing="elsewhere", document={"a": "r"}, refresh=True)
    deletions, listed = [["1", "2"], ["3", "routed"], ["4", "late"]], 0
    catch_up, run, listing = Copying.catch_up, Sweep.run, Sweep._listed

    def delete() -> None:
        for one in deletions.pop(0) if deletions else []:
            client.delete(index=name, id=one, refresh=True, routing="elsewhere" if one == "routed" else None)

    def then_deleted(self: Copying, *args: Any) -> int:
        if len(deletions) == 1:
            client.index(index=name, id="late", document={"a": "l"}, refresh=True)
        copied = catch_up(self, *args)
        if len(deletions) == 3:
            delete()
        return copied

    def swept_then_deleted(self: Sweep, *args: Any) -> int:
        swept = run(self, *args)
        delete()  # after the second sweep: just before the source is blocked
        return swept

    def counted(self: Sweep) -> Any:
        nonlocal listed
        listed += 1
        return listing(self)

    monkeypatch.setattr("bus.indices.reindex.FEW", -1)
    monkeypatch.setattr("bus.indices.reindex.PASSES", 2)
    monkeypatch.setattr(Copying, "catch_up", then_deleted)
    monkeypatch.setattr(Sweep, "run", swept_then_deleted)
    monkeypatch.setattr(Sweep, "_listed", counted)
    up(node.url, wanted(name, "catch-up"))
    assert not deletions
    assert listed == 1
    assert content(client, name).keys() == {str(n) for n in range(500)} - {"1", "2", "3", "4"}


def test_a_concrete_index_is_adopted_and_its_copy_kept(node: Node, client: Elasticsearch, name: str) -> None:
    client.indices.create(index=name, mappings=KEYWORD, settings={"number_of_replicas": 0})
    helpers.bulk(client, ({"_index": name, "_id": str(n), "a": str(n)} for n in range(500)), refresh=True)
    up(node.url, wanted(name, "catch-up"))
    assert behind(client, name) == [f"{name}-000002"]
    assert client.count(index=name)["count"] == client.count(index=f"{name}-000001")["count"] == 500


def test_a_fragment_put_back_after_a_kill_lets_writes_through_again(
    node: Node, client: Elasticsearch, name: str
) -> None:
    first = filled(node, client, name)
    for call in range(8, CALLS):
        assert ended(migrate(node.url, wanted(name, "block"), call)) in (DONE, -9)
        if client.indices.get_settings(index=name, flat_settings=True).body != {} and _is_blocked(client, name):
            break
    assert _is_blocked(client, name)
    up(node.url, first)
    client.index(index=name, id="later", document={"a": "x"})
    assert not client.indices.exists(index=f"{name}-000002")


def _is_blocked(client: Elasticsearch, name: str) -> bool:
    [answer] = client.indices.get_settings(index=name, flat_settings=True).body.values()
    return str(answer["settings"].get("index.blocks.write")).lower() == "true"


def test_a_document_deleted_and_made_again_has_its_last_content(
    node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its version starts again at 1, below that of the copy that was made before."""
    from bus.indices.copying import Copying

    filled(node, client, name, documents=10)
    client.indices.put_settings(index=name, settings={"gc_deletes": "0s"})
    for turn in range(5):
        client.index(index=name, id="again", document={"a": f"old {turn}"})
    passes = 0
    catch_up = Copying.catch_up

    def meanwhile(self: Copying, *args: Any) -> int:
        nonlocal passes
        passes += 1
        if passes == 1:
            client.delete(index=name, id="again")
            client.indices.refresh(index=name)
            client.index(index=name, id="again", document={"a": "new"}, refresh=True)
        return catch_up(self, *args)

    monkeypatch.setattr(Copying, "catch_up", meanwhile)
    up(node.url, wanted(name, "catch-up"))
    assert client.get(index=name, id="again")["_source"] == {"a": "new"}


def test_an_alias_that_somebody_moved_is_not_moved_again(
    node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bus.indices.copying import Copying

    filled(node, client, name, documents=10)
    client.indices.create(index=f"{name}-elsewhere")
    verify = Copying.verify

    def moving(self: Copying) -> int:
        moved = {"index": f"{name}-elsewhere", "alias": name}
        gone = {"index": f"{name}-000001", "alias": name}
        client.indices.update_aliases(actions=[{"remove": gone}, {"add": moved}])
        return verify(self)

    monkeypatch.setattr(Copying, "verify", moving)
    with pytest.raises(Failed, match="somebody moved it"):
        up(node.url, wanted(name))
    assert behind(client, name) == [f"{name}-elsewhere"]


@pytest.mark.parametrize("keep", [0, 1])
def test_old_generations_beyond_those_kept_are_deleted(keep: int, node: Node, client: Elasticsearch, name: str) -> None:
    filled(node, client, name, documents=10)
    up(node.url, wanted(name, keep=keep))
    up(node.url, wanted(name, mappings=KEYWORD, keep=keep))
    left = sorted(client.indices.get(index=f"{name}-0*").body)
    assert left == [f"{name}-000002", f"{name}-000003"][1 - keep :]


def test_a_server_killed_in_the_middle_of_the_copy() -> None:
    with folder_of_nobody() as folder:
        with elasticsearch(folder) as node, Elasticsearch(node.url, request_timeout=60) as client:
            port = int(node.url.rsplit(":", 1)[1])
            filled(node, client, "films", documents=20000)
            before = content(client, "films")
            process = migrate(node.url, wanted("films", "block", documents_per_second=4000))
            while not client.indices.exists(index="films-000002") or not _is_copying(client):
                assert process.is_alive()
            node.server.kill()
        with elasticsearch(folder, port=port) as node, Elasticsearch(node.url, request_timeout=60) as client:
            assert ended(process, 150) == DONE, "the run waits for the server and begins the copy again"
            assert behind(client, "films") == ["films-000002"]
            assert content(client, "films") == before


def _is_copying(client: Elasticsearch) -> bool:
    found = note(client.indices.get_mapping(index="films-000002")["films-000002"]["mappings"])
    return found is not None and found.phase == "copying"


def test_a_rollback_swings_back_and_the_next_change_is_refused_until_the_newer_one_is_gone(
    node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = filled(node, client, name, documents=50)
    up(node.url, wanted(name, "catch-up"))
    client.index(index=name, id="since", document={"a": "x"}, refresh=True)
    said = bus(node, monkeypatch, "rollback", name, "--yes")
    assert f"{name}-000002 (51 documents) -> {name}-000001 (50 documents)" in said
    assert behind(client, name) == behind(client, f"also-{name}") == [f"{name}-000001"]
    client.index(index=name, id="later", document={"a": "y"}, refresh=True)
    with closing(Admin(node.url)) as admin:
        live = admin.read([name])[name]
    assert plan(live, first, first).is_nothing
    assert "is newer than" in plan(live, wanted(name, "catch-up")).refused["reindex"]


def test_an_imported_index_shows_no_change(
    node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    analysis = {"filter": {"s": {"type": "stop", "stopwords": ["a, b", "c"]}}}
    client.indices.create(
        index=name,
        mappings={"dynamic": "strict", "properties": {"a": {"type": "text", "fields": {"raw": {"type": "keyword"}}}}},
        settings={"number_of_shards": 2, "analysis": analysis, "refresh_interval": "7s"},
        aliases={f"also-{name}": {"filter": {"term": {"a": "x"}}}},
    )
    (tmp_path / "values").mkdir()
    file = tmp_path / "values/films.yml"
    file.write_text("# Edited by CI\nimage: {repository: r, name: n, tag: '1'}\n")
    (tmp_path / "Pulumi.yaml").touch()
    monkeypatch.chdir(tmp_path)
    bus(node, monkeypatch, "import", name, "--brick", "films")
    assert file.read_text().startswith("# Edited by CI\nimage: {repository: r, name: n, tag: '1'}\n")
    indices = yaml.safe_load(file.read_text())["indices"]
    [index], problems = merge_fragments({"values/films.yml": ("films", indices)})
    with closing(Admin(node.url)) as admin:
        change = plan(admin.read([name])[name], from_props(name, index.wanted()))
    assert not problems and change.is_nothing, [str(difference) for difference in change.differences]


def bus(node: Node, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """`bus indices ...` against the node; the stack, which pulumi would read, is taken as given."""

    @contextmanager
    def admin_of(*_: object) -> Iterator[Admin]:
        with closing(Admin(node.url)) as admin:
            yield admin

    for verb in ("rollback", "import"):
        monkeypatch.setattr(f"bus.cli.indices_{verb}.admin_of", admin_of)
    command = ["indices", *arguments, "--stack", "local", "--site", "central"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_preview_counts_the_room_below_the_watermark(node: Node, client: Elasticsearch, name: str) -> None:
    """A node whose low watermark is passed has no room; how full this machine is does not matter."""
    filled(node, client, name, documents=2000)
    wide = {"low": "3b", "high": "2b", "flood_stage": "1b"}
    passed = {"low": "1%", "high": "2%", "flood_stage": "99%"}

    def put(marks: dict[str, str]) -> None:
        prefix = "cluster.routing.allocation.disk.watermark"
        client.cluster.put_settings(persistent={f"{prefix}.{mark}": value for mark, value in marks.items()})

    with closing(Admin(node.url)) as admin:
        change = plan(admin.read([name])[name], wanted(name))
        try:
            put(wide)
            facts = admin.facts(change)
            assert facts.documents == 2000 and facts.size_bytes > 10000 and not refusals(change, facts)
            put(passed)
            assert "up to the low watermark: add disk" in refusals(change, admin.facts(change))["reindex"]
        finally:
            client.cluster.put_settings(persistent={"cluster.routing.allocation.disk.watermark.*": None})
