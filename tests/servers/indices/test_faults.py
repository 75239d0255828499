"""What goes wrong during a copy, on a real server: said, survived, and nothing to clean by hand."""

import random
from contextlib import closing
from typing import Any

import pytest
from elasticsearch import Elasticsearch, helpers

from bus.errors import PartialFailure
from bus.indices.admin import Admin
from bus.indices.reindex.checkpoint import note
from bus.indices.reindex.copy import Copying
from bus.indices.reindex.cutover import swing
from bus.indices.reindex.runner import ReindexRunner
from tests.support.elasticsearch import Node, elasticsearch, folder_of_nobody, shared_node
from tests.support.migrating import DONE, ended, killed_before, migrate
from tests.support.reindexing import CALLS, KEYWORD, MODES, behind, filled, is_blocked, own_client, own_name, up, wanted
from tests.support.writers import content, differences, writing

pytestmark = pytest.mark.servers
node, client, name = shared_node, own_client, own_name


def test_documents_that_do_not_fit_are_named_and_writes_go_on(node: Node, client: Elasticsearch, name: str) -> None:
    filled(node, client, name)
    client.index(index=name, id="odd", document={"a": "no number"}, refresh=True)
    numbers: dict[str, Any] = {"properties": {"a": {"type": "integer"}}}
    with pytest.raises(PartialFailure, match=r"document odd: .*failed to parse field \[a\]"):
        up(node.url, wanted(name, "block", numbers))
    client.index(index=name, id="later", document={"a": "x"})
    assert behind(client, name) == [f"{name}-000001"]
    assert not client.indices.exists(index=f"{name}-000002"), "nothing to clean by hand"


def test_a_copy_that_somebody_cancels_is_said_and_can_be_begun_again(
    node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(node, client, name, documents=2000)
    start = Copying.start

    def cancelled(self: Copying) -> str:
        task = start(self)
        client.perform_request("POST", f"/_tasks/{task}/_cancel", headers={"accept": "application/json"})
        return task

    slow = wanted(name, "block", documents_per_second=50, slices=1)
    with monkeypatch.context() as patched, pytest.raises(PartialFailure, match="cancelled"):
        patched.setattr(Copying, "start", cancelled)
        up(node.url, slow)
    client.index(index=name, id="later", document={"a": "x"}, refresh=True)
    up(node.url, wanted(name, "block"))
    assert client.count(index=name)["count"] == 2001


def test_a_fragment_put_back_after_a_kill_lets_writes_through_again(
    node: Node, client: Elasticsearch, name: str
) -> None:
    first = filled(node, client, name)
    killed_before("_copy_all", node.url, wanted(name, "block"))
    assert is_blocked(client, name)
    up(node.url, first)
    client.index(index=name, id="later", document={"a": "x"})
    assert not client.indices.exists(index=f"{name}-000002")


def test_an_alias_that_somebody_moved_is_not_moved_again(
    node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(node, client, name, documents=10)
    client.indices.create(index=f"{name}-elsewhere")
    verify = Copying.verify

    def moving(self: Copying) -> int:
        moved = {"index": f"{name}-elsewhere", "alias": name}
        gone = {"index": f"{name}-000001", "alias": name}
        client.indices.update_aliases(actions=[{"remove": gone}, {"add": moved}])
        return verify(self)

    monkeypatch.setattr(Copying, "verify", moving)
    with pytest.raises(PartialFailure, match="somebody moved it"):
        up(node.url, wanted(name))
    assert behind(client, name) == [f"{name}-elsewhere"]


def test_what_is_written_between_verification_and_swing_is_copied_too(
    node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody lifted the block: a person whose bricks complained, or a run that slept before it did so."""
    filled(node, client, name, documents=20)

    def late(*args: Any) -> None:
        client.indices.put_settings(index=f"{name}-000001", settings={"blocks.write": None})
        client.index(index=name, id="3", document={"a": "late"})
        client.index(index=name, id="4", document={"a": "late"})
        swing(*args)
        client.index(index=name, id="4", document={"a": "later"})
        client.index(index=name, id="4", document={"a": "last"})

    monkeypatch.setattr("bus.indices.reindex.runner.swing", late)
    said = up(node.url, wanted(name))
    assert f"{name}: 2 documents that were written to {name}-000001 though it was blocked are copied too" in said
    found = content(client, name)
    assert (found["3"], found["4"], len(found)) == ({"a": "late"}, {"a": "last"}, 20)


def test_a_server_killed_in_the_middle_of_the_copy() -> None:
    with folder_of_nobody() as folder:
        with elasticsearch(folder) as node, Elasticsearch(node.url, request_timeout=60) as client:
            port = int(node.url.rsplit(":", 1)[1])
            filled(node, client, "films", documents=20000)
            before = content(client, "films")
            process = migrate(node.url, wanted("films", "block", documents_per_second=2000))
            while not client.indices.exists(index="films-000002") or not _is_copying(client):
                assert process.is_alive()
            node.server.kill()
        with elasticsearch(folder, port=port) as node, Elasticsearch(node.url, request_timeout=60) as client:
            assert ended(process) == DONE, "the run waits for the server and begins the copy again"
            assert behind(client, "films") == ["films-000002"]
            assert content(client, "films") == before


def _is_copying(client: Elasticsearch) -> bool:
    found = note(client.indices.get_mapping(index="films-000002")["films-000002"]["mappings"])
    return found is not None and found.phase == "copying"


def test_a_task_that_no_server_knows_any_more_is_begun_again_with_the_block_lifted(
    node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node of the task is gone, say; what it copies until it is cancelled does not matter."""
    filled(node, client, name, documents=2000)
    start, blocked_at_second = Copying.start, []

    def forgotten(self: Copying) -> str:
        task = start(self)
        blocked_at_second.append(is_blocked(client, f"{name}-000001"))
        return task if len(blocked_at_second) > 1 else f"{task.split(':')[0]}:999999999"

    create = ReindexRunner._create

    def creating(self: ReindexRunner) -> None:
        if blocked_at_second:
            client.index(index=name, id="between", document={"a": "x"}, refresh=True)  # writes are let through
        create(self)

    monkeypatch.setattr(Copying, "start", forgotten)
    monkeypatch.setattr(ReindexRunner, "_create", creating)
    up(node.url, wanted(name, "block", documents_per_second=3000))
    assert blocked_at_second == [True, True]
    assert content(client, name).keys() == {"between", *map(str, range(2000))}


def test_a_copy_that_is_lost_each_time_ends(
    node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk refuses what is copied, and the task's result too: for the server the task never was."""
    filled(node, client, name, documents=20)
    start = Copying.start
    monkeypatch.setattr(Copying, "start", lambda self: f"{start(self).split(':')[0]}:999999999")
    with pytest.raises(PartialFailure, match=r"lost the copy into .* 4 times: is a disk full"):
        up(node.url, wanted(name))
    client.index(index=name, id="later", document={"a": "x"})
    assert not client.indices.exists(index=f"{name}-000002")


class Dead(BaseException):
    """A kill, as far as the server can tell."""


@pytest.mark.parametrize("call", range(1, 4))
@pytest.mark.parametrize("is_sent", [False, True])
def test_a_rollback_that_is_killed_is_ended_by_the_same_command(
    call: int, is_sent: bool, node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(node, client, name, documents=20, shards=1)
    up(node.url, wanted(name, "block"))
    calls, send = 0, Elasticsearch.perform_request

    def dying(self: Elasticsearch, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and not is_sent:
            raise Dead
        answer = send(self, *args, **kwargs)
        if calls == call:
            raise Dead
        return answer

    with closing(Admin(node.url)) as admin:
        live = admin.read([name])[name]
        before = admin.generation_before(name, live)
        with monkeypatch.context() as patched, pytest.raises(Dead):
            patched.setattr(Elasticsearch, "perform_request", dying)
            admin.swing_back(live, before)
        live = admin.read([name])[name]
        if live.name != before:
            admin.swing_back(live, before)
    assert behind(client, name) == [f"{name}-000001"]
    client.index(index=name, id="later", document={"a": "x"}, refresh=True)
    assert client.count(index=name)["count"] == 21


@pytest.mark.parametrize("seed", range(6))
def test_an_adoption_that_is_killed_loses_no_write(seed: int, node: Node, client: Elasticsearch, name: str) -> None:
    """An index that bears the alias's name is copied, kept as a clone and removed; killed anywhere, and once more."""
    choice = random.Random(seed)
    client.indices.create(index=name, mappings=KEYWORD, settings={"number_of_replicas": 0})
    helpers.bulk(client, ({"_index": name, "_id": str(n), "a": str(n)} for n in range(100)), refresh=True)
    mode = MODES[seed % 2]
    with writing(node.url, name, 2) as writers:
        for _ in range(2):
            killed = migrate(node.url, wanted(name, mode), choice.randint(4, CALLS), after=choice.random() < 0.5)
            assert ended(killed) in (DONE, -9)
        assert ended(migrate(node.url, wanted(name, mode))) == DONE
    assert differences(writers.acknowledged, content(client, name)) == {}
    assert behind(client, name) == [f"{name}-000002"]
    # The copy that is kept is of the moment of the swing: nothing that was written before it is missing there.
    kept = content(client, f"{name}-000001")
    assert {str(n) for n in range(100)} <= kept.keys()
