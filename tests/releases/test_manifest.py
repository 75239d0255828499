"""What several revisions may have left: the union of their manifests."""

from typing import Any

import yaml

from bus.releases.manifest import union


def deployment(**spec: Any) -> str:
    return yaml.safe_dump({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"}, "spec": spec})


def merged(*manifests: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(union(manifests)))


def test_a_field_of_a_failed_revision_is_there_for_helm_to_take_away() -> None:
    failed = deployment(replicas=2, nodeSelector={"disk": "fast"})
    assert merged(deployment(replicas=1), failed)[0]["spec"] == {"replicas": 2, "nodeSelector": {"disk": "fast"}}


def test_a_field_that_only_the_deployed_revision_has_stays() -> None:
    assert merged(deployment(replicas=1, paused=True), deployment(replicas=2))[0]["spec"] == {
        "replicas": 2,
        "paused": True,
    }


def test_objects_of_both_are_there_once() -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: api}\n"
    assert [one["kind"] for one in merged(service, deployment(), f"{service}---\n{deployment()}")] == [
        "Service",
        "Deployment",
    ]


def test_containers_are_merged_by_name_and_other_lists_as_a_whole() -> None:
    one = deployment(containers=[{"name": "a", "image": "x:1", "args": ["1", "2"]}, {"name": "gone"}])
    other = deployment(containers=[{"name": "a", "image": "x:2", "args": ["3"], "tty": True}])
    assert merged(one, other)[0]["spec"]["containers"] == [
        {"name": "a", "image": "x:2", "args": ["3"], "tty": True},
        {"name": "gone"},
    ]


def test_a_null_is_a_value() -> None:
    assert merged(deployment(a=1), deployment(a=None))[0]["spec"] == {"a": None}


def test_the_union_of_a_union_is_the_same() -> None:
    one, other = deployment(a=1), deployment(b={"c": [1]})
    assert union([union([one, other]), other]) == union([one, other])


def test_nothing_is_nothing() -> None:
    assert union(["", "---\n"]) == ""
