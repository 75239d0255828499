"""What of a live object is not as deployed, and whose field it is."""

from typing import Any

import pytest

from bus.releases.compare.drift import drift, owner
from bus.releases.objects import key_of


def deployment(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"}, "spec": spec}


def container(**fields: Any) -> dict[str, Any]:
    return {"template": {"spec": {"containers": [{"name": "api", **fields}]}}}


def said(wanted: dict[str, Any], live: dict[str, Any]) -> list[str]:
    return [str(one) for one in drift({key_of(wanted): wanted}, {key_of(live): live})]


@pytest.mark.parametrize(
    ("wanted", "live"),
    [
        ({"replicas": 1}, {"replicas": 1, "revisionHistoryLimit": 10}),
        (container(resources={"limits": {"cpu": "1000m"}}), container(resources={"limits": {"cpu": "1"}})),
        (container(resources={"limits": {"memory": "1024Mi"}}), container(resources={"limits": {"memory": "1Gi"}})),
        (container(resources={"limits": {"cpu": 0.5}}), container(resources={"limits": {"cpu": "500m"}})),
        (container(securityContext={}), container()),
        (container(env=[]), container()),
        (container(args=None), container()),
        (container(env=[{"name": "A", "value": ""}]), container(env=[{"name": "A"}])),
        ({"port": "80"}, {"port": 80}),
        (
            container(env=[{"name": "A", "value": "1"}]),
            container(env=[{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]),
        ),
    ],
)
def test_what_the_api_server_writes_otherwise_is_no_drift(wanted: dict[str, Any], live: dict[str, Any]) -> None:
    assert said(deployment(**wanted), deployment(**live)) == []


@pytest.mark.parametrize(
    ("wanted", "live", "line"),
    [
        ({"replicas": 3}, {"replicas": 1}, "Deployment/api spec.replicas: 3 -> 1"),
        (
            container(image="r/api:1"),
            container(image="r/api:2"),
            "Deployment/api spec.template.spec.containers[api].image: r/api:1 -> r/api:2",
        ),
        (
            container(env=[{"name": "DB_PASSWORD", "value": "a"}]),
            container(env=[{"name": "DB_PASSWORD", "value": "b"}]),
            "Deployment/api spec.template.spec.containers[api].env[DB_PASSWORD].value: (hidden) -> (hidden)",
        ),
        ({"paused": True}, {}, "Deployment/api spec.paused: true -> (none)"),
    ],
)
def test_a_field_that_differs_is_said(wanted: dict[str, Any], live: dict[str, Any], line: str) -> None:
    assert said(deployment(**wanted), deployment(**live)) == [line]


def test_an_object_that_is_gone_is_said() -> None:
    assert [str(one) for one in drift({key_of(deployment()): deployment()}, {})] == ["Deployment/api: is gone"]


MANAGED: list[dict[str, Any]] = [
    {
        "manager": "helm",
        "time": "2026-11-24T20:00:00Z",
        "fieldsV1": {
            "f:spec": {
                "f:replicas": {},
                "f:template": {"f:spec": {"f:containers": {'k:{"name":"api"}': {"f:args": {}}}}},
            }
        },
    },
    {
        "manager": "kubectl-edit",
        "time": "2026-11-24T22:00:00Z",
        "fieldsV1": {
            "f:metadata": {"f:annotations": {"f:example.com/note": {}}},
            "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"api"}': {"f:image": {}}}}}},
        },
    },
    {"manager": "kubectl-scale", "time": "2026-11-24T21:00:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
]


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("spec.replicas", "kubectl-scale at 2026-11-24T21:00:00Z"),
        ("spec.template.spec.containers[api].image", "kubectl-edit at 2026-11-24T22:00:00Z"),
        ("spec.template.spec.containers[api].args[0]", "helm at 2026-11-24T20:00:00Z"),
        ("metadata.annotations.example.com/note", "kubectl-edit at 2026-11-24T22:00:00Z"),
        ("data.x", ""),
    ],
)
def test_the_owner_is_who_reaches_farthest_and_wrote_last(path: str, who: str) -> None:
    assert owner(MANAGED, path) == who


def test_the_owner_stands_in_the_line() -> None:
    live = deployment(replicas=1)
    live["metadata"]["managedFields"] = MANAGED
    assert said(deployment(replicas=3), live) == [
        "Deployment/api spec.replicas: 3 -> 1 (by kubectl-scale at 2026-11-24T21:00:00Z)"
    ]
