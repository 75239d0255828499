"""What people do around a copy that died or still runs - revert, go back, try another mapping - on a real server."""

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch, helpers

from bus.errors import PartialFailure
from bus.indices.admin import Admin
from bus.indices.diff.plan import WantedIndex, plan
from bus.indices.reindex.checkpoint import ReindexCheckpoint, note
from tests.support.elasticsearch import Node, shared_node
from tests.support.index_stack import Stack, stack
from tests.support.migrating import DONE, ended, killed_before, migrate
from tests.support.reindexing import behind, filled, is_blocked, own_client, own_name, up, wanted

pytestmark = pytest.mark.servers
node, client, name = shared_node, own_client, own_name
__all__ = ["stack"]
UNINDEXED: dict[str, Any] = {"properties": {"a": {"type": "keyword", "index": False}}}


def test_a_revert_after_a_kill_is_a_change_and_lets_writes_through(
    node: Node, client: Elasticsearch, name: str, stack: Stack, capfd: pytest.CaptureFixture[str]
) -> None:
    """The state never heard of the mapping that died, so it differs in nothing from the fragment that was put back."""
    assert not stack.has_changes()
    killed_before("_copy_all", node.url, wanted(name, "block"))
    assert is_blocked(client, name)
    stack.preview()
    said = f"{name}: {name}-000002, which a run that died left unfinished, is removed; writes go on"
    assert said in capfd.readouterr().err
    assert stack.has_changes()
    stack.up()
    client.index(index=name, id="later", document={"a": "x"})
    assert not client.indices.exists(index=f"{name}-000002")
    assert not stack.has_changes()


def test_a_second_run_with_another_mapping_does_not_take_the_first_ones_for_its_own(
    node: Node, client: Elasticsearch, name: str, tmp_path: Path
) -> None:
    before, another = filled(node, client, name, documents=200), wanted(name, mappings=UNINDEXED)
    swings = tmp_path / "swings"
    first = migrate(node.url, wanted(name), wait_before=("_swap", swings))
    while not client.indices.exists(index=f"{name}-000002"):
        time.sleep(0.02)

    def waits(said: str) -> None:
        if "waiting for another run" in said:
            swings.touch()

    with closing(Admin(node.url)) as admin:
        late = plan(admin.read([name])[name], another, before)
        with pytest.raises(
            PartialFailure, match=r"another run has made .*000002 of another mapping .* run the same command again"
        ):
            admin.apply([late], waits, patience_seconds=600)
    assert ended(first) == DONE
    up(node.url, wanted(name, mappings=UNINDEXED))
    assert behind(client, name) == [f"{name}-000003"]


def test_a_run_that_planned_before_another_ones_swing_does_not_take_it_for_its_own(
    node: Node, client: Elasticsearch, name: str
) -> None:
    """The other run has swung the alias, and has not written down yet that its generation is live."""
    first, another = filled(node, client, name, documents=50, shards=1), wanted(name, mappings=UNINDEXED)
    with closing(Admin(node.url)) as admin:
        late = plan(admin.read([name])[name], another, first)
        killed_before("_tidy", node.url, wanted(name))
        assert behind(client, name) == [f"{name}-000002"]
        assert _phase(client, f"{name}-000002") == "settled"
        with pytest.raises(
            PartialFailure, match=r"another run has made .*000002 of another mapping .* run the same command again"
        ):
            admin.apply([late], patience_seconds=0.5)
    up(node.url, another)
    assert behind(client, name) == [f"{name}-000003"]


def test_a_copy_of_the_generation_that_was_left_is_not_gone_on_with(
    node: Node, client: Elasticsearch, name: str
) -> None:
    """Killed on the way from the second to the third; then back to the first, which has other sequence numbers."""
    filled(node, client, name, documents=300, shards=1)
    up(node.url, wanted(name))
    helpers.bulk(client, ({"_index": name, "_id": str(n), "a": str(n)} for n in range(300)), refresh=True)
    third = wanted(name, "catch-up", UNINDEXED)
    killed_before("_catch_up", node.url, third)
    assert _phase(client, f"{name}-000003") == "settled"
    with closing(Admin(node.url)) as admin:
        live = admin.read([name])[name]
        admin.swing_back(live, admin.generation_before(name, live))
    client.index(index=name, id="7", document={"a": "since then"})
    client.indices.delete(index=f"{name}-000002")
    up(node.url, third)
    assert behind(client, name) == [f"{name}-000003"]
    assert client.get(index=name, id="7")["_source"] == {"a": "since then"}


def test_a_generation_that_was_live_is_not_begun_again(node: Node, client: Elasticsearch, name: str) -> None:
    """Somebody went back from it while this run waited: it holds what was written to it."""
    first = filled(node, client, name, documents=20, shards=1)
    with closing(Admin(node.url)) as admin:
        late = plan(admin.read([name])[name], wanted(name), first)
        up(node.url, wanted(name))
        client.index(index=name, id="new", document={"a": "x"}, refresh=True)
        admin.swing_back(admin.read([name])[name], f"{name}-000001")
        with pytest.raises(PartialFailure, match="was live and is no longer"):
            admin.apply([late], patience_seconds=0.5)
    assert client.get(index=f"{name}-000002", id="new")["found"]


def test_an_alias_that_goes_in_the_same_change_is_gone(node: Node, client: Elasticsearch, name: str) -> None:
    first = filled(node, client, name, documents=20)
    client.indices.put_alias(index=f"{name}-000001", name=f"others-{name}")
    up(node.url, WantedIndex(name, wanted(name).mappings, {}, {}, wanted(name).reindex), first)
    assert set(client.indices.get_alias(index=f"{name}-000002")[f"{name}-000002"]["aliases"]) == {
        name,
        f"others-{name}",
    }


def _phase(client: Elasticsearch, index: str) -> str:
    found: ReindexCheckpoint | None = None
    for content in client.indices.get(index=index, ignore_unavailable=True).body.values():
        found = note(content["mappings"])
    return found.phase if found else ""
