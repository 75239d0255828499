"""Policies, templates and pipelines by the provider of indices, on every server that is tried.

ILM is only in the 6.8.23 of these tests, and 7.17.15 has no processors: a pipeline is its version there.
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from bus.indices.server.connect import connect
from components.providers.indices import IndexSetProvider
from tests.support.elasticsearch import OLDER, VERSION, Node, elasticsearch, folder_of_nobody

pytestmark = pytest.mark.servers
OLD = "6.8.23"
WITHOUT_PROCESSORS = "7.17.15"
PIPELINE: dict[str, Any] = {"processors": [{"trim": {"field": "title"}}]}
EMPTY: dict[str, Any] = {"processors": [], "version": 3}
POLICY = {"policy": {"phases": {"hot": {"actions": {"rollover": {"max_age": "7d"}}},
                                "delete": {"min_age": "90d", "actions": {"delete": {}}}}}}  # fmt: skip
SETTINGS = {"number_of_shards": "1", "number_of_replicas": "0"}
FILMS: dict[str, Any] = {
    "mappings": {"properties": {"title": {"type": "keyword"}}},
    "settings": {**SETTINGS, "default_pipeline": "titles"},
    "aliases": {},
}


@pytest.fixture(scope="module", params=[VERSION, *OLDER])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def node(version: str) -> Iterator[Node]:
    with folder_of_nobody() as folder, elasticsearch(folder, version=version) as node:
        yield node


@pytest.fixture
def client(node: Node) -> Iterator[Elasticsearch]:
    _, client = connect(node.url, 5)
    with client:
        yield client


@pytest.fixture
def provider() -> IndexSetProvider:
    made = IndexSetProvider()
    made.configure(SimpleNamespace(config={}))  # type: ignore[arg-type]
    return made


def props(node: Node, **blocks: Any) -> dict[str, Any]:
    """A site's inputs, whose whole numbers the engine makes floats."""
    given = {"site": "central", "namespace": "n", "context": "", "mode": "direct", "endpoint": node.url}
    return {**given, "indices": {}, "confirmDelete": ["films"], **blocks}


def pipeline(version: str) -> dict[str, Any]:
    """One that this server can run."""
    return EMPTY if version == WITHOUT_PROCESSORS else PIPELINE


def template(version: str, **more: Any) -> dict[str, Any]:
    composed = {} if version == OLD else {"composed_of": ["base"]}
    settings = {"index": {"number_of_shards": 1.0, "number_of_replicas": 0.0}, "refresh_interval": "5s", **more}
    mappings = {"dynamic": False, "properties": {"n": {"type": "keyword", "ignore_above": 256.0}}}
    return {
        "index_patterns": ["sales-*"],
        "priority": 100.0,
        **composed,
        "template": {"settings": settings, "mappings": mappings, "aliases": {"all-sales": {}}},
    }


def everything(version: str) -> dict[str, Any]:
    """What this server can have of each kind."""
    blocks: dict[str, Any] = {
        "pipelines": {"titles": pipeline(version)},
        "indexTemplates": {"sales": template(version)},
        "indices": {"films": FILMS},
    }
    if version != OLD:
        blocks["componentTemplates"] = {"base": {"template": {"settings": {"codec": "best_compression"}}}}
    else:
        blocks["policies"] = {"keep": POLICY}
        blocks["indexTemplates"]["sales"]["template"]["settings"]["index.lifecycle.name"] = "keep"
    return blocks


def inputs(provider: IndexSetProvider, outs: dict[str, Any]) -> dict[str, Any]:
    """What a refresh takes for what was declared."""
    return provider.read("id", outs).inputs or {}


def test_their_whole_life(
    node: Node, version: str, client: Elasticsearch, provider: IndexSetProvider, capfd: pytest.CaptureFixture[str]
) -> None:
    # Made: before the index whose default pipeline one is.
    wanted = props(node, **everything(version))
    assert provider.check({}, wanted).failures == []
    outs = provider.create(wanted).outs or {}
    kinds = {"pipelines/titles", "indexTemplates/sales"}
    kinds |= {"policies/keep"} if version == OLD else {"componentTemplates/base"}
    assert set(outs["createdProvisions"]) == kinds
    client.index(index="films", id="1", document={"title": "  Vertigo "}, refresh=True)
    if version != WITHOUT_PROCESSORS:
        assert client.get(index="films", id="1")["_source"] == {"title": "Vertigo"}
    client.indices.create(index="sales-2026-11")
    made = client.indices.get(index="sales-2026-11", flat_settings=True)["sales-2026-11"]
    assert made["settings"]["index.refresh_interval"] == "5s" and "all-sales" in made["aliases"]

    # No drift, and nothing to do.
    assert inputs(provider, outs) == wanted | {"settingsForm": 2}
    assert not provider.diff("id", outs, wanted).changes

    # Changed by hand: seen, said at preview, put back.
    client.perform_request("PUT", "/_ingest/pipeline/titles", headers={"content-type": "application/json",
                           "accept": "application/json"}, body={"processors": []})  # fmt: skip
    drifted = provider.read("id", outs).outs or {}
    assert drifted["pipelines"] == {"titles": {}} and provider.diff("id", drifted, wanted).changes
    capfd.readouterr()
    provider.check(drifted, wanted)
    what = "version: None -> 3" if version == WITHOUT_PROCESSORS else "processors: None -> [{'trim'"
    assert f"central: pipeline titles is changed: {what}" in capfd.readouterr().err
    outs = provider.update("id", drifted, wanted).outs or {}
    assert inputs(provider, outs)["pipelines"] == wanted["pipelines"]

    # Changed by its fragment.
    changed = {**wanted, "indexTemplates": {"sales": template(version, **{"index.priority": 7.0})}}
    if version == OLD:
        changed["indexTemplates"]["sales"]["template"]["settings"]["index.lifecycle.name"] = "keep"
    outs = provider.update("id", outs, changed).outs or {}
    assert inputs(provider, outs)["indexTemplates"] == changed["indexTemplates"]

    # The fragment of a pipeline that an index still names is gone: kept until the index is gone too.
    without = {key: value for key, value in changed.items() if key != "pipelines"}
    assert provider.check(outs, without).failures == [], "it is live, so the index may go on naming it"
    outs = provider.update("id", outs, without).outs or {}
    assert outs["keptProvisions"] == {"pipelines/titles": "is used by index films-000001"}
    nothing = props(node)
    assert provider.diff("id", outs, nothing).changes
    outs = provider.update("id", outs, nothing).outs or {}
    used = {"policies/keep": "is used by index sales-2026-11"} if version == OLD else {}
    assert outs["keptProvisions"] == used and set(outs["createdProvisions"]) == used.keys()
    client.indices.delete(index="sales-2026-11")
    outs = provider.update("id", outs, nothing).outs or {}
    assert not outs.get("keptProvisions") and not outs.get("createdProvisions")
    assert "titles" not in client.options(ignore_status=404).ingest.get_pipeline().body


def test_what_this_stack_did_not_make_is_left(
    node: Node, version: str, client: Elasticsearch, provider: IndexSetProvider
) -> None:
    json = {"content-type": "application/json", "accept": "application/json"}
    client.perform_request("PUT", "/_ingest/pipeline/theirs", headers=json, body=pipeline(version))
    wanted = props(node, pipelines={"theirs": pipeline(version)})
    outs = provider.create(wanted).outs or {}
    assert outs["createdProvisions"] == [], "adopted"
    outs = provider.update("id", outs, props(node)).outs or {}
    assert outs["keptProvisions"] == {"pipelines/theirs": "was not created by this stack; delete it by hand"}
    assert client.ingest.get_pipeline(id="theirs").body
    client.ingest.delete_pipeline(id="theirs")


def test_what_the_server_does_not_have_is_refused_at_preview_and_nothing_is_touched(
    node: Node, version: str, client: Elasticsearch, provider: IndexSetProvider
) -> None:
    lacking: dict[str, Any] = {"policies": {"keep": POLICY}}
    said = "here has no /_ilm/policy: a module is missing"
    if version == OLD:
        lacking = {"componentTemplates": {"base": {"template": {"settings": {"codec": "best_compression"}}}}}
        said = "component templates: not on Elasticsearch 6.8.23: available from 7.8 on"
    [failure] = provider.check({}, props(node, **lacking)).failures
    assert said in failure.reason
    named = {**FILMS, "settings": {**SETTINGS, "default_pipeline": "nobody"}}
    [failure] = provider.check({}, props(node, indices={"films": named})).failures
    assert "names pipeline nobody, which no brick declares" in failure.reason
    assert client.indices.get(index="_all").body == {}


def test_fifty_pipelines_are_put_side_by_side(
    node: Node, version: str, client: Elasticsearch, provider: IndexSetProvider
) -> None:
    many = {f"p-{number}": pipeline(version) for number in range(50)}
    outs = provider.create(props(node, pipelines=many)).outs or {}
    assert len(outs["createdProvisions"]) == 50
    provider.update("id", outs, props(node))
    assert not {name for name in client.options(ignore_status=404).ingest.get_pipeline().body if name.startswith("p-")}
