"""`bus indices rollback` and `import`, and what a preview says of a copy, on a real server."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import yaml
from elasticsearch import Elasticsearch
from typer.testing import CliRunner

from bus.cli.app import app
from bus.indices.admin import Admin
from bus.indices.declared.index import merge_fragments
from bus.indices.diff.plan import plan
from bus.indices.props import from_props
from bus.indices.reindex.estimate import refusals
from tests.support.elasticsearch import Node, shared_node
from tests.support.reindexing import behind, filled, own_client, own_name, up, wanted

pytestmark = pytest.mark.servers
node, client, name = shared_node, own_client, own_name


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
