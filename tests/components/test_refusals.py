"""What a check refuses: the reason alone, since the engine prints the value of a property that is named with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import pytest
from pulumi.dynamic import ConfigureRequest

from bus.cluster.access import NotDeployed, Unreachable
from bus.errors import PartialFailure
from bus.images.registry.lookup import Found
from components.providers import clusters, copies, indices, pins, roles, topics, users

PLACE = {"site": "central", "context": "", "namespace": "n", "mode": "direct"}


@pytest.mark.parametrize("module", [pins, copies])
def test_every_image_that_is_missing_is_said_without_all_the_others(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "look_up", lambda images, _: Found(missing=list(images)))
    props = {"images": {"isi/a:1": "", "isi/b:1": ""}, "mirror": "", "insecure": False}
    props |= {"sourceMirror": "", "sourceInsecure": False}
    provider = pins.ImagePinsProvider() if module is pins else copies.ImageCopiesProvider()
    failures = provider.check({}, props).failures
    assert [(failure.property, failure.reason.split()[0]) for failure in failures] == [("", "isi/a:1"), ("", "isi/b:1")]


def test_brokers_that_cannot_answer_are_said_without_all_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def admin(*_: object) -> Iterator[Any]:
        raise PartialFailure({"a": "no leader", "b": "no leader"})
        yield

    monkeypatch.setattr(topics.TopicSetProvider, "_admin", admin)
    props = {**PLACE, "brokers": 1, "topics": {"a": {"partitions": 1, "replicationFactor": 1, "configs": {}}}}
    failures = topics.TopicSetProvider().check({}, props).failures
    assert [(failure.property, failure.reason) for failure in failures] == [("", "a: no leader"), ("", "b: no leader")]


def test_another_namespace_is_refused_before_anything_starts_empty() -> None:
    props = {**PLACE, "indices": {}}
    check = indices.IndexSetProvider().check
    assert not check({}, props).failures and not check({**PLACE}, props).failures
    (failure,) = check({**PLACE, "namespace": "before"}, props).failures or []
    assert failure.reason.startswith("bus:sites.central.namespace before -> n: Kafka, Elasticsearch")
    assert failure.property == "" and "volumes stay" in failure.reason


@pytest.mark.parametrize(
    ("in_state", "in_stack_file", "found", "pinned", "refused"),
    [
        (None, None, "a", "a", False),
        ("a", None, "a", "a", False),
        ("a", None, "b", "a", True),
        ("a", None, None, "a", False),
        ("a", "b", "b", "b", False),
        ("a", "b", "a", "b", True),
        (None, "b", "c", "b", True),
        (None, None, None, None, False),
    ],
)
def test_another_cluster_is_refused_unless_the_stack_file_names_it(
    in_state: str | None,
    in_stack_file: str | None,
    found: str | None,
    pinned: str | None,
    refused: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clusters, "uid", lambda _: found)
    provider = clusters.ClusterPinProvider()
    provider.configure(ConfigureRequest(MappingProxyType({})))  # type: ignore[arg-type]
    result = provider.check({**PLACE, "clusterUid": in_state}, {**PLACE, "clusterUid": in_stack_file})
    assert result.inputs["clusterUid"] == pinned
    assert bool(result.failures) is refused


SETS: list[tuple[Any, dict[str, Any]]] = [
    (
        topics.TopicSetProvider,
        {"topics": {"a": {"partitions": 1, "replicationFactor": 1, "configs": {}}}, "brokers": 1},
    ),
    (indices.IndexSetProvider, {"indices": {"a": {}}}),
    (users.KafkaUsersProvider, {"users": {}}),
    (roles.PostgresRolesProvider, {"user": "odoo", "database": "d", "roles": {}, "passwords": {}}),
]


def _down(*_: object) -> Any:
    raise NotDeployed("StatefulSet kafka in n has no ready pod")


@pytest.mark.parametrize(("provider", "given"), SETS)
def test_servers_that_have_no_ready_pod_are_said_unless_they_were_never_there(
    provider: Any, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A preview that said nothing looked like one that had judged everything."""
    monkeypatch.setattr(provider, "_admin", _down)
    props = {**PLACE, **given}
    assert not provider().check({}, props).failures
    assert capsys.readouterr().err == ""
    assert not provider().check(props, props).failures
    assert "has no ready pod" in capsys.readouterr().err


def test_brokers_that_are_away_stop_no_destroy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(*_: object) -> Any:
        raise Unreachable("Kafka at b does not answer")

    monkeypatch.setattr(users.KafkaUsersProvider, "_admin", away)
    users.KafkaUsersProvider().delete("n/kafka-users", {**PLACE, "users": {}})
    assert "Kafka users of central stay as they are" in capsys.readouterr().err
