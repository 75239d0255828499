"""What a new manifest changes, each case a file in changes/; and how it is written."""

from pathlib import Path

import pytest
import yaml

from bus.notes.sets import changed_sets
from bus.notes.steps import uninstalled
from bus.releases.compare.changes import HIDDEN, FieldChange, ObjectChange, changes
from bus.releases.compare.preview import ReleasePreview, text, with_revisions_of
from bus.releases.objects import key_of
from bus.releases.render.rendering import RECORD_LIMIT, too_large

CASES = sorted((Path(__file__).parent / "changes").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_changes_of_objects(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    old, new = ({key_of(spec): spec for spec in given[side]} for side in ("old", "new"))
    found = [
        {"object": one.object, "op": one.op, "fields": [[f.path, f.old, f.new] for f in one.fields]}
        for one in changes(old, new)
    ]
    assert found == given["expect"]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_the_way_back_changes_the_same_objects(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    old, new = ({key_of(spec): spec for spec in given[side]} for side in ("old", "new"))
    assert {one.object for one in changes(old, new)} == {one.object for one in changes(new, old)}
    assert not [secret for secret in ("YQ==", "Yg==") for one in changes(new, old) if secret in str(one)]


IMAGE = FieldChange("spec.template.spec.containers[api].image", "r/api:1", "r/api:2")
BRICKS = ReleasePreview(
    "central",
    "central",
    False,
    (
        ObjectChange("Deployment/api", "changed", (IMAGE, FieldChange("data.password", HIDDEN, HIDDEN))),
        ObjectChange("Deployment/jobs", "restarted"),
        ObjectChange("Service/old", "removed"),
    ),
)


def test_a_terminal_sees_a_line_per_object_and_field() -> None:
    assert text(BRICKS).splitlines() == [
        "central: release central changes: 1 changed, 1 removed, 2 restarted",
        "~ Deployment/api (its pods restart)",
        "    spec.template.spec.containers[api].image: r/api:1 -> r/api:2",
        "    data.password: (hidden) -> (hidden)",
        "r Deployment/jobs",
        "- Service/old",
    ]


def test_the_secret_s_revision_is_no_change() -> None:
    values = {"global": {"configRevisions": {"a": "1"}}, "x": 1}
    deployed = {"global": {"configRevisions": {"a": "1"}, "secretRevisions": {"p": "42"}}, "x": 1}
    assert with_revisions_of(deployed, values, {"p"}) == deployed
    assert with_revisions_of({}, values, {"p"}) == values
    assert with_revisions_of(deployed, values, set()) == values, "one that is read no more"


def test_a_record_that_its_secret_would_not_hold_is_refused_with_the_way_out() -> None:
    assert too_large("central", RECORD_LIMIT) == ""
    said = too_large("central", RECORD_LIMIT + 1024)
    assert "release central: its record would take 1025 KiB, and a Secret holds 1024" in said
    assert "split the umbrella" in said


def test_topics_and_indices_of_a_preview_are_read_from_its_steps() -> None:
    kind = "pulumi-python:dynamic/bus:TopicSet"

    def step(op: str, old: dict[str, object] | None, new: dict[str, object] | None) -> dict[str, object]:
        states = [None if topics is None else {"type": kind, "inputs": {"topics": topics}} for topics in (old, new)]
        urn = "urn:pulumi:prod::bus::bus:index:Bus$pulumi-python:dynamic/bus:TopicSet::central-topics"
        return {"op": op, "urn": urn, "oldState": states[0], "newState": states[1]}

    six, twelve = {"partitions": 6}, {"partitions": 12}
    assert changed_sets([step("update", {"a": six, "b": six, "c": six}, {"a": six, "b": twelve, "d": six})]) == {
        "central-topics": ["+ d", "~ b: partitions 6 -> 12", "- c (its fragment is gone)"]
    }
    assert changed_sets([step("create", None, {"a": six})]) == {"central-topics": ["+ a"]}
    gone = "2 no longer managed; they stay as they are, with the volumes of their servers"
    assert changed_sets([step("delete", {"a": six, "b": six}, None)]) == {"central-topics": [gone]}
    assert changed_sets([step("same", {"a": six}, {"a": six}), {"op": "create", "urn": "x::y"}]) == {}


def test_of_a_mapping_the_fields_that_differ_are_shown() -> None:
    def state(**fields: str) -> dict[str, object]:
        properties = {name: {"type": kind} for name, kind in fields.items()}
        films = {"mappings": {"properties": properties}, "settings": {"number_of_shards": 1}}
        return {"type": "pulumi-python:dynamic/bus:IndexSet", "inputs": {"indices": {"films": films}}}

    states = {
        "oldState": state(title="text", code="keyword"),
        "newState": state(title="text", code="text", year="long"),
    }
    assert changed_sets([{"urn": "u::central-indices", "op": "update", **states}]) == {
        "central-indices": [
            '~ films: mappings.properties.code.type "keyword" -> "text", '
            'mappings.properties.year null -> {"type": "long"}'
        ]
    }


def test_releases_of_a_site_that_is_gone_are_said_with_what_stays() -> None:
    def step(op: str, kind: str, name: str, namespace: str) -> dict[str, object]:
        state = {"type": kind, "inputs": {"name": name, "namespace": namespace}}
        return {"op": op, "urn": f"u::{name}", "oldState": state}

    release = "kubernetes:helm.sh/v3:Release"
    steps = [
        step("delete", release, "kone", "hicksonkone"),
        step("delete", release, "basekone", "hicksonkone"),
        step("delete", release, "kafka2kafka", "hicksoncentral"),
        step("delete", "kubernetes:core/v1:Secret", "s", "hicksonkone"),
        step("same", release, "central", "hicksoncentral"),
    ]
    assert uninstalled(steps, ["hicksoncentral"]) == {
        "namespace hicksoncentral": ["- release kafka2kafka is uninstalled"],
        "namespace hicksonkone": [
            "- release kone is uninstalled",
            "- release basekone is uninstalled",
            "the namespace and its volumes stay: kubectl delete namespace hicksonkone removes them",
        ],
    }


def test_kafka_users_are_shown_by_what_they_may_do() -> None:
    may = {"topics": {"films": "read"}}
    more = {"topics": {"films": "read, write"}}
    states = {
        "oldState": {"type": "pulumi-python:dynamic/bus:KafkaUsers", "inputs": {"users": {"api": may, "web": may}}},
        "newState": {"type": "pulumi-python:dynamic/bus:KafkaUsers", "inputs": {"users": {"api": more}}},
    }
    assert changed_sets([{"urn": "u::central-kafka-users", "op": "update", **states}]) == {
        "central-kafka-users": [
            '~ api: topics.films "read" -> "read, write"',
            "- web (nobody logs in as it any more)",
        ]
    }


@pytest.mark.parametrize(
    ("kind", "old", "new", "restarts"),
    [
        ("Deployment", {"template": {"env": "a"}}, {"template": {"env": "b"}}, True),
        ("StatefulSet", {"template": {"image": "a"}}, {"template": {"image": "b"}}, True),
        ("Deployment", {"replicas": 1}, {"replicas": 2}, False),
        ("CronJob", {"jobTemplate": {"x": 1}}, {"jobTemplate": {"x": 2}}, False),
        (
            "Deployment",
            {"template": {"metadata": {"labels": {"helm.sh/chart": "api-1"}}}},
            {"template": {"metadata": {"labels": {"helm.sh/chart": "api-2"}}}},
            True,
        ),
        (
            "Deployment",
            {"template": {"metadata": {"annotations": {"checksum/secret": "1"}}}},
            {"template": {"metadata": {"annotations": {"checksum/secret": "2"}}}},
            True,
        ),
        (
            "StatefulSet",
            {"template": {"image": "a"}, "updateStrategy": {"type": "OnDelete"}},
            {"template": {"image": "b"}, "updateStrategy": {"type": "OnDelete"}},
            False,
        ),
        ("Deployment", {"template": {"x": 1}, "replicas": 0}, {"template": {"x": 2}, "replicas": 0}, False),
    ],
)
def test_whether_pods_restart(kind: str, old: dict[str, object], new: dict[str, object], restarts: bool) -> None:
    specs = [{"kind": kind, "apiVersion": "v1", "metadata": {"name": "x"}, "spec": spec} for spec in (old, new)]
    (found,) = changes(*({key_of(spec): spec} for spec in specs))
    assert found.restarts is restarts
    assert ReleasePreview("central", "r", False, (found,)).restarts == int(restarts)
