"""Documents that are deleted while an index is copied: gone from its next generation too, without a long block."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from elasticsearch import Elasticsearch, helpers

from bus.indices.reindex.copy import Copying
from bus.indices.reindex.runner import ReindexRunner
from bus.indices.reindex.sweep import Sweep, Window
from tests.support.elasticsearch import Node, shared_node
from tests.support.migrating import ended, migrate
from tests.support.reindexing import KEYWORD, TEXT, filled, is_blocked, own_client, own_name, up, wanted
from tests.support.writers import content

pytestmark = pytest.mark.servers
node, client, name = shared_node, own_client, own_name


class Watched:
    """Acts before chosen moments of a copy, and sees each listing of ids: how many, and whether writes were blocked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, client: Elasticsearch, name: str) -> None:
        self.listings: list[tuple[int, bool]] = []
        self.before_pass: list[Callable[[], object]] = []
        self.before_sweep: list[Callable[[], object]] = []
        self.before_block: list[Callable[[], object]] = []
        self._client, self._name = client, name
        passes, block, listed = ReindexRunner._pass, ReindexRunner._block, Sweep._listed
        sweep = Copying.sweep

        def passing(migration: ReindexRunner) -> tuple[int, int]:
            self._do(self.before_pass)
            return passes(migration)

        def blocking(migration: ReindexRunner) -> None:
            self._do(self.before_block)
            block(migration)

        def listing(sweep: Sweep, window: Window) -> Iterator[Any]:
            blocked, batches = is_blocked(client, f"{name}-000001"), list(listed(sweep, window))
            self.listings.append((sum(map(len, batches)), blocked))
            return iter(batches)

        def sweeping(copy: Copying, *args: Any) -> tuple[int, bool]:
            self._do(self.before_sweep)
            return sweep(copy, *args)

        monkeypatch.setattr(Copying, "sweep", sweeping)
        monkeypatch.setattr(ReindexRunner, "_pass", passing)
        monkeypatch.setattr(ReindexRunner, "_block", blocking)
        monkeypatch.setattr(Sweep, "_listed", listing)

    def delete(self, *ids: str, routing: str | None = None) -> Callable[[], None]:
        """An act that deletes documents of the index."""

        def act() -> None:
            for one in ids:
                self._client.delete(index=self._name, id=one, routing=routing, refresh=True)

        return act

    def write(self, *ids: str) -> Callable[[], None]:
        """An act that writes documents, those that are there too."""

        def act() -> None:
            for one in ids:
                self._client.index(index=self._name, id=one, document={"a": f"{one} again"}, refresh=True)

        return act

    def found_open(self) -> bool:
        """Whether ids were listed, and only while writes went on."""
        return bool(self.listings) and not any(blocked for _, blocked in self.listings)

    def _do(self, acts: list[Callable[[], object]]) -> None:
        if acts:
            acts.pop(0)()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, client: Elasticsearch, name: str) -> Watched:
    return Watched(monkeypatch, client, name)


def numbers(count: int, *gone: str) -> set[str]:
    return {str(n) for n in range(count)} - set(gone)


def test_what_was_written_meanwhile_and_deleted_again_is_found_among_that_alone(
    node: Node, client: Elasticsearch, name: str, watched: Watched
) -> None:
    filled(node, client, name, documents=500)
    watched.before_pass = [watched.write("7", "new", "newer")]
    watched.before_block = [watched.delete("7", "new")]
    up(node.url, wanted(name, "catch-up"))
    assert content(client, name).keys() == {*numbers(500, "7"), "newer"}
    assert sum(number for number, _ in watched.listings) == 3, "what nobody touched is counted, and not listed"


def test_deletions_are_looked_for_while_writes_go_on(
    node: Node, client: Elasticsearch, name: str, watched: Watched
) -> None:
    filled(node, client, name, documents=500, shards=1)
    client.index(index=name, id="routed", routing="elsewhere", document={"a": "r"}, refresh=True)
    watched.before_pass = [watched.delete("1", "2")]

    def both() -> None:
        watched.delete("3")()
        watched.delete("routed", routing="elsewhere")()

    watched.before_block = [both]
    up(node.url, wanted(name, "catch-up"))
    assert content(client, name).keys() == numbers(500, "1", "2", "3")
    assert watched.found_open(), "under the block the ids are known"


def test_a_first_deletion_just_before_the_block_is_looked_for_under_it(
    node: Node, client: Elasticsearch, name: str, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bus.indices.reindex.runner._BLOCKED_SECONDS", 600.0)  # however busy this machine is
    filled(node, client, name, documents=500)
    watched.before_block = [watched.delete("3")]
    up(node.url, wanted(name, "catch-up"))
    assert content(client, name).keys() == numbers(500, "3")
    assert all(blocked for _, blocked in watched.listings) and len(watched.listings) <= 3, "a window of each shard"


def test_the_block_is_lifted_while_a_first_deletion_is_looked_for_longer(
    node: Node, client: Elasticsearch, name: str, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bus.indices.reindex.runner._BLOCKED_SECONDS", 0.0)
    filled(node, client, name, documents=500)
    watched.before_block = [watched.delete("3"), watched.delete("4")]
    said = up(node.url, wanted(name, "catch-up"))
    assert content(client, name).keys() == numbers(500, "3", "4")
    assert sum(number for number, _ in watched.listings) == 500, "all, and once: 4 is found among what is known"
    assert not any(blocked for _, blocked in watched.listings)
    assert [line for line in said if "writes go on while they are looked for" in line]


def test_what_is_deleted_and_made_again_meanwhile_is_not_looked_for(
    node: Node, client: Elasticsearch, name: str, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(node, client, name, documents=500)
    catch_up = Copying.catch_up
    again = [watched.write("7")]

    def then_made_again(copy: Copying, *args: Any) -> int:
        copied = catch_up(copy, *args)
        if again:
            again.pop()()
        return copied

    monkeypatch.setattr(Copying, "catch_up", then_made_again)
    watched.before_pass = [watched.delete("7")]
    up(node.url, wanted(name, "catch-up"))
    assert content(client, name).keys() == numbers(500) and not watched.listings
    assert client.get(index=name, id="7")["_source"] == {"a": "7 again"}


def test_new_documents_do_not_hide_deletions_until_the_block(
    node: Node, client: Elasticsearch, name: str, watched: Watched
) -> None:
    """As many documents here as there, though one is gone and one is new."""
    filled(node, client, name, documents=500)

    def both() -> None:
        watched.delete("3")()
        watched.write("new")()

    watched.before_pass = [both]
    up(node.url, wanted(name, "catch-up"))
    assert content(client, name).keys() == {*numbers(500, "3"), "new"}
    assert watched.found_open()


def test_a_deletion_is_found_in_an_index_of_nested_documents_and_into_other_shards(
    node: Node, client: Elasticsearch, name: str, watched: Watched
) -> None:
    """Nested documents have sequence numbers too, but are none that a count may see."""
    parts: dict[str, Any] = {"type": "nested", "properties": {"n": {"type": "long"}}}
    first = replace(wanted(name, mappings={"properties": {**KEYWORD["properties"], "parts": parts}}), settings={
        "number_of_shards": "3", "number_of_replicas": "0"})  # fmt: skip
    up(node.url, first)
    document = {"a": "x", "parts": [{"n": 1}, {"n": 2}]}
    helpers.bulk(client, ({"_index": name, "_id": str(n), **document} for n in range(200)), refresh=True)
    watched.before_pass = [watched.delete("5")]
    after = wanted(name, "catch-up", {"properties": {**TEXT["properties"], "parts": parts}})
    up(node.url, replace(after, settings={"number_of_shards": "2", "number_of_replicas": "0"}))
    assert content(client, name).keys() == numbers(200, "5")
    assert watched.found_open()


def test_an_index_that_answers_few_hits_at_once_is_asked_for_few(
    node: Node, client: Elasticsearch, name: str, watched: Watched
) -> None:
    first = filled(node, client, name, documents=300)
    narrow = {**first.settings, "max_result_window": "20"}
    up(node.url, replace(first, settings=narrow))

    def both() -> None:
        watched.delete("5")()
        watched.write(*map(str, range(30, 80)))()

    watched.before_pass = [both]
    up(node.url, replace(wanted(name, "catch-up"), settings=narrow))
    found = client.search(index=name, size=0, track_total_hits=True)["hits"]["total"]
    assert found["value"] == 299
    assert not client.exists(index=name, id="5")


def test_a_document_deleted_and_made_again_has_its_last_content(
    node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its version starts again at 1, below that of the copy that was made before."""
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


@pytest.mark.parametrize("killed_before", ["", "_block", "_finish"])
def test_what_is_deleted_after_the_last_look_is_found_though_other_documents_were_noted_more_than_once(
    node: Node, client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch, killed_before: str
) -> None:
    """`428 documents in -000001, 431 in -000002` after a kill on a busy machine.

    Documents that every pass copies again were counted as found once for each note of them; that made up for others
    of shards that nobody had listed yet, which then were not looked for.
    """
    filled(node, client, name, documents=500)
    if killed_before:
        process = migrate(node.url, wanted(name, "catch-up"), die_before=killed_before)
        assert ended(process) == -9
        client.indices.put_settings(index=f"{name}-000001", settings={"blocks.write": None})
    monkeypatch.setattr("bus.indices.reindex.runner._BLOCKED_SECONDS", 0.0)
    first, *others = by_shard(client, name)
    noted, gone = first[:3], [some[0] for some in others]
    watched = Watched(monkeypatch, client, name)
    meanwhile = [first[3], first[4], *noted, *gone]
    watched.before_pass = [watched.write(*meanwhile), lambda: None, watched.write(*noted)]
    # Of the first shard alone, so that the sweep lists that one and finds as many there as counts say.
    watched.before_sweep = [watched.delete(first[3])]
    watched.before_block = [
        together(watched.write(*noted), watched.delete(first[4]), watched.delete("1")),
        watched.delete(*noted, *gone),
    ]
    up(node.url, wanted(name, "catch-up"))
    assert content(client, name).keys() == numbers(500, "1", first[3], first[4], *noted, *gone)


def by_shard(client: Elasticsearch, name: str) -> list[list[str]]:
    """Some ids of each shard, without those that tests name."""
    found = []
    for shard in range(3):
        hits = client.search(index=name, size=20, preference=f"_shards:{shard}", source=False)["hits"]["hits"]
        found.append([hit["_id"] for hit in hits if hit["_id"] != "1"])
    return found


def together(*acts: Callable[[], object]) -> Callable[[], None]:
    """Several acts as one."""

    def act() -> None:
        for one in acts:
            one()

    return act
