"""What somebody did to an index by hand: seen, said with the way out at preview, put back where that is safe."""

from contextlib import closing
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from bus.errors import PartialFailure
from bus.indices.admin import Admin
from tests.support import index_stack
from tests.support.elasticsearch import Node, shared_node
from tests.support.index_stack import SETTINGS, Stack
from tests.support.reindexing import KEYWORD, TEXT, behind, own_client, own_name

pytestmark = pytest.mark.servers
node, client, name, stack = shared_node, own_client, own_name, index_stack.stack
TEXT_BESIDE: dict[str, Any] = {"properties": {"a": {"type": "keyword", "index": False}}}


def test_a_closed_index_is_seen_and_opened(client: Elasticsearch, name: str, stack: Stack) -> None:
    client.indices.close(index=name)
    assert stack.refresh()["settings"]["closed"] == "true" and stack.has_changes()
    assert stack.preview() == ""
    stack.up()
    assert client.count(index=name)["count"] == 30
    stack.refresh()
    assert not stack.has_changes()


def test_a_closed_index_is_opened_to_be_copied(client: Elasticsearch, name: str, stack: Stack) -> None:
    client.indices.close(index=name)
    assert stack.preview(TEXT) == ""
    stack.up(TEXT)
    assert behind(client, name) == [f"{name}-000002"] and client.count(index=name)["count"] == 30


@pytest.mark.parametrize("block", ["read_only", "read_only_allow_delete", "read"])
def test_a_block_is_named_before_a_copy_and_put_back(
    block: str, client: Elasticsearch, name: str, stack: Stack
) -> None:
    client.indices.put_settings(index=name, settings={f"index.blocks.{block}": True})
    assert f"put index.blocks.{block} back to null first" in stack.preview(TEXT)
    assert stack.refresh()["settings"][f"blocks.{block}"] == "true" and stack.has_changes()
    stack.up()
    client.index(index=name, id="later", document={"a": "x"}, refresh=True)
    assert client.count(index=name)["count"] == 31
    assert stack.preview(TEXT) == ""


def test_a_block_of_all_that_is_known_of_an_index_is_said(client: Elasticsearch, name: str, stack: Stack) -> None:
    client.indices.put_settings(index=name, settings={"index.blocks.metadata": True})
    assert f"index [{name}-000001] blocked by" in stack.preview()
    with pytest.raises(PartialFailure, match=r"Elasticsearch of central: index .* blocked by"):
        stack.refresh()


def test_a_read_only_cluster_is_named_before_a_copy(client: Elasticsearch, stack: Stack) -> None:
    key = "cluster.blocks.read_only_allow_delete"
    client.cluster.put_settings(persistent={key: True})
    try:
        assert f"put {key} back to null first" in stack.preview(TEXT)
    finally:
        client.cluster.put_settings(persistent={key: None})
    assert stack.preview(TEXT) == ""


def test_a_red_cluster_is_named_before_a_copy(client: Elasticsearch, name: str, stack: Stack) -> None:
    nowhere = {"number_of_replicas": 0, "routing.allocation.require._name": "nobody"}
    client.indices.create(index=f"{name}-red", settings=nowhere, wait_for_active_shards="0", timeout="1s")
    assert "the cluster is red" in stack.preview(TEXT)
    client.indices.delete(index=f"{name}-red")
    assert stack.preview(TEXT) == ""


def test_an_alias_that_was_taken_away_is_put_back(client: Elasticsearch, name: str, stack: Stack) -> None:
    client.indices.delete_alias(index=f"{name}-000001", name=name)
    stack.up()
    assert behind(client, name) == [f"{name}-000001"] and client.count(index=name)["count"] == 30


def test_of_several_generations_without_the_alias_none_is_guessed(
    client: Elasticsearch, name: str, stack: Stack
) -> None:
    stack.up(TEXT)
    client.indices.delete_alias(index=f"{name}-000002", name=name)
    said = f"there are {name}-000001, {name}-000002: put the alias on the right one"
    assert said in stack.preview(TEXT)
    with pytest.raises(PartialFailure, match="put the alias on the right one"):
        stack.up(TEXT)


def test_an_alias_on_two_indices_is_refused_with_both(client: Elasticsearch, name: str, stack: Stack) -> None:
    client.indices.create(index=f"{name}-other", aliases={name: {}})
    assert f"stands for {name}-000001, {name}-other: give one of them is_write_index" in stack.preview()
    client.indices.update_aliases(actions=[{"add": {"index": f"{name}-000001", "alias": name, "is_write_index": True}}])
    assert stack.preview() == ""


def test_generations_with_gaps_go_on_after_the_last(client: Elasticsearch, name: str, stack: Stack) -> None:
    client.indices.create(index=f"{name}-000007")
    assert f"{name}-000007 is newer than {name}-000001" in stack.preview(TEXT)
    client.indices.update_aliases(actions=[{"remove": {"index": f"{name}-000001", "alias": name}},
                                           {"add": {"index": f"{name}-000007", "alias": name}}])  # fmt: skip
    stack.up(TEXT)
    stack.up(KEYWORD)
    assert behind(client, name) == [f"{name}-000008"]
    assert client.count(index=f"{name}-000001")["count"] == 30, "what bus did not copy from stays"


def test_an_index_under_the_name_that_the_old_one_would_be_kept_by_is_not_taken_for_it(
    node: Node, client: Elasticsearch, name: str
) -> None:
    client.indices.create(index=name, mappings=KEYWORD, settings=SETTINGS)
    client.index(index=name, id="1", document={"a": "x"}, refresh=True)
    client.indices.create(index=f"{name}-000001")
    stack = Stack(node.url, name)
    assert f"{name}-000001 is there and is no copy of {name}" in stack.preview(TEXT)
    with pytest.raises(PartialFailure, match="is no copy of"):
        stack.up(TEXT)
    assert client.count(index=name)["count"] == 1
    client.indices.delete(index=f"{name}-000001")
    stack.up(TEXT)
    assert {one: client.count(index=one)["count"] for one in client.indices.get(index=f"{name}-0*").body} == {
        f"{name}-000001": 1, f"{name}-000002": 1}  # fmt: skip


def test_what_no_fragment_changed_is_said_to_wait_for_a_refresh(
    client: Elasticsearch, name: str, stack: Stack, capfd: pytest.CaptureFixture[str]
) -> None:
    client.indices.put_settings(index=name, settings={"number_of_replicas": 1})
    stack.preview()
    assert "'1' -> '0': applied while it is in use; changed by hand, it stays until" in capfd.readouterr().err
    assert not stack.has_changes()
    stack.refresh()
    stack.preview()
    assert "changed by hand" not in capfd.readouterr().err
    assert stack.has_changes()


def test_what_a_template_of_others_brought_is_no_change_by_hand(client: Elasticsearch, name: str, node: Node) -> None:
    """Else each refresh would have the index copied into one that is the same."""
    brought = {"settings": {"codec": "best_compression", "sort.field": "a", "sort.order": "asc"}, "mappings": KEYWORD}
    template: dict[str, Any] = {
        "index_patterns": [f"{name}-*"],
        "priority": 901,
        "template": {**brought, "aliases": {f"all-{name}": {}}},
    }
    client.indices.put_index_template(name=name, **template)
    try:
        other = Stack(node.url, name)
        other.up()
        other.refresh()
        assert not other.has_changes() and not other.preview()
        # Its alias is on one generation at a time, and so is each document.
        other.up(TEXT_BESIDE)
        aliases = client.indices.get_alias(name=f"all-{name}").body
        assert list(aliases) == [f"{name}-000002"]
    finally:
        client.indices.delete_index_template(name=name)


def test_of_a_rollover_the_last_is_managed_and_stays_the_one_that_is_written_to(
    client: Elasticsearch, name: str, node: Node
) -> None:
    for number, last in ((1, False), (2, True)):
        aliases = {name: {"is_write_index": last}}
        client.indices.create(index=f"{name}-00000{number}", aliases=aliases, mappings=KEYWORD, settings=SETTINGS)
    other = Stack(node.url, name)
    other.up()
    client.index(index=name, id="1", document={"a": "x"})
    with closing(Admin(node.url)) as admin, pytest.raises(PartialFailure, match=r"was not copied from .*000001 by bus"):
        admin.generation_before(name, admin.read([name])[name])
    other.up(TEXT)
    client.index(index=name, id="2", document={"a": "x"}, refresh=True)
    assert client.count(index=f"{name}-000003")["count"] == 2
    assert behind(client, name) == [f"{name}-000001", f"{name}-000003"]
    other.refresh()
    assert not other.preview(TEXT)
