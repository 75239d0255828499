"""A day's changes on the running customer: fragments, templates, options, and what somebody did by hand."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.real.sandbox import Site, Stack, kafka, kubectl, operations, run

pytestmark = pytest.mark.real
CENTRAL, CINECITY = Site("hicksoncentral-local"), Site("hicksoncinecity-local")
SITES = (CENTRAL, CINECITY)
OWNER = "values/cineges-central-jobs.yml"
OPTIONAL = {
    "central": ["cineges-doc", "docker-registry", "kibana", "pgadmin"],
    "cinecity": ["cineges-hwproxy-mock", "cups", "srv-caisse"],
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack from a copy of the project; afterwards the project itself is deployed again."""
    yield Stack.local().copied(tmp_path_factory.mktemp("project"))
    Stack.local().up()


def edit(stack: Stack, change: Callable[[dict[str, Any]], None]) -> None:
    file = stack.root / OWNER
    content = yaml.safe_load(file.read_text())
    change(content)
    file.write_text(yaml.safe_dump(content, sort_keys=False))


def trial(content: dict[str, Any], block: str) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in content[block] if entry["name"].startswith("essai"))
    return found


def described(site: Site) -> str:
    return kafka(site, "topics", "--describe", "--topic", "essai.interne")


def drift(stack: Stack) -> str:
    """What `bus drift` says; it must end with 2."""
    with pytest.raises(AssertionError, match="ended with 2") as found:
        run("bus", "drift", "--stack", "local", "--config-file", str(stack.config), cwd=stack.root)
    return str(found.value)


def test_another_place_is_no_change(copy: Stack) -> None:
    copy.pulumi("preview", "--expect-no-changes")
    run("bus", "drift", "--stack", "local", "--config-file", str(copy.config), cwd=copy.root)


def test_an_object_changed_by_hand_is_said_with_who_did_it(copy: Stack) -> None:
    where = ("-n", CINECITY.namespace, "deployment/cineges-web")
    kubectl("scale", *where, "--replicas=2")
    try:
        assert "Deployment/cineges-web spec.replicas: 1 -> 2 (by kubectl)" in drift(copy)
    finally:
        kubectl("scale", *where, "--replicas=1")


def test_new_fragments_and_an_edited_template_change_only_what_they_name(copy: Stack) -> None:
    def declared(content: dict[str, Any]) -> None:
        content["topics"].append({"name": "essai.interne", "partitions": 1})
        content["indices"].append({"name": "essais", "mappings": {"properties": {"code": {"type": "keyword"}}}})

    edit(copy, declared)
    template = copy.root / "charts/hwproxy/templates/service.yaml"
    template.write_text(template.read_text() + "\n{{/* edited */}}\n")
    changed = {name for name in operations(copy.up()) if name not in ("bus-local", "default")}
    assert changed == {
        "central-topics",
        "cinecity-topics",
        "central-indices",
        "cinecity-indices",
        "cinecity-bricks-release",
        "central-kafka-users",  # its owner runs there, and may write and read it
    }
    for site in SITES:
        assert "PartitionCount: 1" in described(site)
        assert "code" in site.get("es", "essais/_mapping", 9200)["essais-000001"]["mappings"]["properties"]


def test_a_topic_grows_and_an_index_gains_a_field_in_place(copy: Stack) -> None:
    def grown(content: dict[str, Any]) -> None:
        trial(content, "topics").update({"partitions": 3, "configs": {"retention.ms": 86400000}})
        trial(content, "indices")["mappings"]["properties"]["title"] = {"type": "text"}

    edit(copy, grown)
    said = copy.pulumi("preview", "--diff")
    assert "essai.interne" in said and "retention.ms" in said, "a preview reads topic by topic, property by property"
    copy.up()
    for site in SITES:
        assert "PartitionCount: 3" in described(site)
        assert "retention.ms=86400000" in described(site)
        assert "title" in site.get("es", "essais/_mapping", 9200)["essais-000001"]["mappings"]["properties"]
    copy.pulumi("preview", "--expect-no-changes")


def test_fewer_partitions_are_refused_in_preview(copy: Stack) -> None:
    edit(copy, lambda content: trial(content, "topics").update({"partitions": 2}))
    with pytest.raises(AssertionError, match="partitions 3 -> 2, a topic can only grow"):
        copy.pulumi("preview")
    edit(copy, lambda content: trial(content, "topics").update({"partitions": 3}))


def test_what_somebody_did_by_hand_is_seen_by_refresh_and_put_back(copy: Stack) -> None:
    by_hand = ("--alter", "--entity-type", "topics", "--entity-name", "essai.interne")
    given = ("--add-config", "retention.ms=1000,cleanup.policy=compact")
    kafka(CENTRAL, "kafka.admin.ConfigCommand", *by_hand, *given)
    said = drift(copy)
    assert "central-topics: ~ essai.interne: configs.cleanup.policy" in said, "bus drift sees it too"
    assert 'configs.retention.ms "86400000" -> "1000"' in said
    assert operations(copy.up("--refresh"))["central-topics"] == "update"
    assert "retention.ms=86400000" in described(CENTRAL)
    assert "compact" not in described(CENTRAL)
    copy.pulumi("preview", "--refresh", "--expect-no-changes")


def test_a_field_of_another_type_is_refused_and_once_allowed_reindexed(copy: Stack) -> None:
    for site in SITES:
        site.index("essais", "1", {"code": "a b"})
    edit(copy, lambda content: trial(content, "indices")["mappings"]["properties"].update({"code": {"type": "text"}}))
    with pytest.raises(AssertionError, match="needs a reindex"):
        copy.pulumi("preview")
    edit(copy, lambda content: trial(content, "indices").update({"reindex": {"mode": "catch-up"}}))
    assert "reindex (catch-up) essais-000001 -> essais-000002: 1 document" in copy.pulumi("preview")
    copy.up()
    for site in SITES:
        assert list(site.get("es", "_alias/essais", 9200)) == ["essais-000002"]
        assert site.get("es", "essais/_search?q=code:b", 9200)["hits"]["total"]["value"] == 1, "analysed as text now"
    copy.pulumi("preview", "--expect-no-changes")


def test_what_has_lost_its_fragment_is_deleted_when_empty_or_confirmed(copy: Stack) -> None:
    def gone(content: dict[str, Any]) -> None:
        for block in ("topics", "indices"):
            content[block].remove(trial(content, block))

    edit(copy, gone)
    copy.up()
    for site in SITES:
        assert "essai.interne" not in kafka(site, "topics", "--list")
        assert "essais" in json.dumps(site.get("es", "_alias", 9200)), "it holds a document"
    assert "index essais of central is kept: its fragment is gone" in copy.pulumi("preview")
    confirmed = copy.changed(lambda config: config.update({"bus:confirmDelete": {"indices": ["essais"]}}))
    confirmed.up()
    for site in SITES:
        assert "essais" not in json.dumps(site.get("es", "_alias", 9200))
    assert "bus:confirmDelete.indices names essais, but no index of" in confirmed.pulumi("preview")


def test_every_optional_brick_runs_once_it_is_enabled() -> None:
    def enabled(config: dict[str, Any]) -> None:
        for site, bricks in OPTIONAL.items():
            config["bus:sites"][site]["enable"] = bricks
        config["bus:values"]["docker-registry"] = {"persistence": {"size": "1Gi"}}

    stack = Stack.local()
    try:
        stack.changed(enabled).up()  # Helm waits until every pod is ready
        for site, namespace in (("central", CENTRAL.namespace), ("cinecity", CINECITY.namespace)):
            running = kubectl("get", "pods", "-n", namespace, "-o", "name", "--field-selector", "status.phase=Running")
            for brick in OPTIONAL[site]:
                assert f"pod/{brick}-" in running, brick
        assert "repositories" in CENTRAL.get("docker-registry", "v2/_catalog")  # its volume may have some of before
        stack.changed(enabled).pulumi("preview", "--expect-no-changes")
    finally:
        stack.up()
    left = kubectl("get", "deployments,statefulsets", "-n", CENTRAL.namespace, "-o", "name")
    assert not [brick for brick in OPTIONAL["central"] if brick in left]
