"""What brokers do not let us do: a right that is missing, an operation that is switched off; and what is theirs alone.

An ACL is effective a moment after its call has been answered. Who may create or delete topics of the whole cluster may
do so with each, whatever is denied for it: both are taken away.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from bus.topics.admin import Admin
from bus.topics.plan import Topic, from_props, plan
from tests.support.dynamic import Broken, Host, Refused
from tests.support.kafka import Cluster, cluster
from tests.support.topic_sets import eventually, inside, is_done, produce, props, topic

pytestmark = pytest.mark.servers
# Everybody may do what no ACL speaks of, so that a test can take a right away.
_ACLS = """authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
"""
_WE = "User:ANONYMOUS"
_CLUSTER = (ResourceType.BROKER, "kafka-cluster")


@pytest.fixture(scope="module")
def kafka() -> Iterator[Cluster]:
    with cluster(1, settings=_ACLS) as running:
        yield running


@contextmanager
def without(kafka: Cluster, place: tuple[Any, str], *operations: Any) -> Iterator[None]:
    """Takes rights away; once an ACL speaks of a place, what none allows is denied, so the rest is allowed by one."""
    rights = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    given = [(AclOperation.ALL, AclPermissionType.ALLOW), *((one, AclPermissionType.DENY) for one in operations)]
    bindings = [AclBinding(*place, ResourcePatternType.LITERAL, _WE, "*", *one) for one in given]
    for answer in rights.create_acls(bindings).values():
        answer.result()
    try:
        yield
    finally:
        anything = (AclOperation.ANY, AclPermissionType.ANY)
        ours = AclBindingFilter(*place, ResourcePatternType.LITERAL, _WE, "*", *anything)
        for gone in rights.delete_acls([ours]).values():
            gone.result()


def is_forbidden(admin: Admin, topics: Sequence[Topic]) -> bool:
    """Whether the brokers would refuse to make or to configure each of `topics`: their ACLs are effective."""
    live = admin.read([one.name for one in topics])
    said = admin.refusals([plan(live.get(one.name), one, 1) for one in topics])
    return all("AUTHORIZATION" in said.get(one.name, "") for one in topics)


def _wanted(name: str, props: dict[str, Any]) -> Topic:
    return from_props({name: props})[name]


@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        (AclOperation.ALTER, topic(5)),
        (AclOperation.ALTER_CONFIGS, topic(1, retention_ms="5")),
    ],
)
def test_a_right_that_is_missing_is_said_at_preview_and_fails_that_topic_only(
    kafka: Cluster, provider: Host, admin: Admin, operation: Any, wanted: dict[str, Any]
) -> None:
    """shouldFailAlterConfigIfNoTopicAuthz, shouldFailAddPartitionsIfNoTopicAuthz"""
    provider.up(props(kafka, {"t": topic(), "u": topic()}))
    after = props(kafka, {"t": wanted, "u": topic(3)})
    inputs = provider.check(after)
    with without(kafka, (ResourceType.TOPIC, "t"), operation):
        assert eventually(lambda: is_forbidden(admin, [_wanted("t", wanted)]))
        with pytest.raises(Refused, match=r"t: the broker says: .*AUTHORIZATION"):
            provider.check(after)
        with pytest.raises(Broken) as broken:
            eventually(lambda: not provider.step(inputs))
        assert [reason for reason in broken.value.reasons if reason.startswith("t: ") and "AUTHORIZATION" in reason]
        assert len(broken.value.reasons) == 1
        assert admin.read(["u"])["u"].partitions == 3
        assert provider.outputs["topics"] == {"t": topic(), "u": topic(3)}
    assert eventually(lambda: is_done(provider, after))
    assert provider.outputs["topics"] == after["topics"]


def test_a_topic_that_may_not_be_made_is_refused_at_preview_and_does_not_stop_the_others(
    kafka: Cluster, provider: Host, admin: Admin
) -> None:
    """shouldFailCreationIfNoTopicAuthz: refused at preview; where the right goes after it, the others are made."""
    wanted = props(kafka, {"t": topic(2), "u": topic(2)})
    inputs = provider.check(wanted)
    with without(kafka, _CLUSTER, AclOperation.CREATE), without(kafka, (ResourceType.TOPIC, "t"), AclOperation.CREATE):
        assert eventually(lambda: is_forbidden(admin, [Topic("t", 1, 1)]))
        with pytest.raises(Refused, match="AUTHORIZATION") as refused:
            provider.check(wanted)
        assert [reason.split(" ")[0] for reason in refused.value.reasons] == ["t:"]
        assert admin.names() == []
        with pytest.raises(Broken) as broken:
            provider.step(inputs)
        assert [reason for reason in broken.value.reasons if reason.startswith("t: ") and "AUTHORIZATION" in reason]
        assert len(broken.value.reasons) == 1
        assert admin.names() == ["u"]
        assert (provider.outputs["topics"], provider.outputs["created"]) == ({"u": topic(2)}, ["u"])
    assert eventually(lambda: is_done(provider, wanted))
    assert provider.outputs["created"] == ["t", "u"]


def test_a_topic_that_may_not_be_deleted_is_kept_and_deleted_once_it_may(
    kafka: Cluster, provider: Host, admin: Admin
) -> None:
    """shouldFailDeleteIfNoTopicAuthz"""
    provider.up(props(kafka, {"t": topic(), "u": topic()}))
    without_t = props(kafka, {"u": topic()})
    inputs = provider.check(without_t)
    both = AclOperation.DELETE, AclOperation.ALTER_CONFIGS  # whether the latter is in force can be asked
    with without(kafka, _CLUSTER, AclOperation.DELETE), without(kafka, (ResourceType.TOPIC, "t"), *both):
        assert eventually(lambda: is_forbidden(admin, [Topic("t", 1, 1, {"retention.ms": "5"})]))
        with pytest.raises(Broken) as broken:
            provider.step(inputs)
        assert [reason for reason in broken.value.reasons if "could not be deleted" in reason]
        assert "AUTHORIZATION" in provider.outputs["kept"]["t"]
        assert admin.names() == ["t", "u"]
    assert provider.outputs["created"] == ["t", "u"], "still ours: the next run may delete it"
    assert not provider.refresh(), "after which the engine knows of no failed step any more"
    assert eventually(lambda: is_done(provider, without_t) and admin.names() == ["u"])
    assert provider.outputs["kept"] == {}


def test_what_a_topic_inherits_is_neither_a_difference_nor_taken_away(
    kafka: Cluster, provider: Host, admin: Admin
) -> None:
    """shouldNotRemoveInheritedConfigs: a broker's own setting reaches its topics and is never unset."""
    admin.set_of_broker({1: {"compression.type": "snappy"}})
    try:
        wanted = props(kafka, {"t": topic(1, compression_type="zstd"), "u": topic()})
        provider.up(wanted)
        assert eventually(lambda: admin.read(["u"])["u"].inherited["compression.type"] == "snappy")
        assert not provider.refresh()
        assert not provider.up(wanted)
        assert provider.up(props(kafka, {"t": topic(), "u": topic()}))
        live = admin.read(["t", "u"])
        assert [(one.configs, one.inherited["compression.type"]) for one in live.values()] == [({}, "snappy")] * 2
        assert not provider.refresh()
        assert admin.own_of_brokers([1]) == {1: {"compression.type": "snappy"}}
    finally:
        admin.set_of_broker({1: {"compression.type": None}})


def test_a_retention_that_is_given_back_is_that_of_the_brokers(
    kafka: Cluster, admin: Admin, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second, which a topic with a retention of its own does not show; a preview took it for Kafka's seven days."""
    admin.set_of_broker({1: {"log.retention.ms": "1000"}})
    try:
        admin.create([Topic("t", 1, 1, {"retention.ms": "86400000"})])
        assert eventually(lambda: admin.names() == ["t"])
        produce(kafka, "t")
        time.sleep(1.2)
        assert eventually(lambda: admin.defaults()["retention.ms"] == "1000")
        here = inside()
        here.check(props(kafka, {"t": topic(retention_ms="86400000")}), props(kafka, {"t": topic()}, clusterId=None))
        assert "t: retention down to 1 seconds: up to" in capsys.readouterr().err
    finally:
        admin.set_of_broker({1: {"log.retention.ms": None}})


def test_brokers_that_delete_nothing_keep_a_topic_that_has_lost_its_fragment(kafka: Cluster, provider: Host) -> None:
    """shouldNotDeleteTopicWhenTopicDeletionDisabledInKafka: said on each run until it is allowed."""
    with cluster(1, settings="delete.topic.enable=false") as keeping:
        provider.up(props(keeping, {"t": topic(), "u": topic()}))
        for _ in range(2):
            with pytest.raises(Broken) as broken:
                provider.up(props(keeping, {"u": topic()}))
            assert [reason for reason in broken.value.reasons if "t: could not be deleted" in reason]
            assert Admin(keeping.bootstrap).names() == ["t", "u"]
        assert "TOPIC_DELETION_DISABLED" in provider.outputs["kept"]["t"]
        provider.up(props(keeping, {"t": topic(), "u": topic()}))
        assert (provider.outputs["created"], provider.outputs["kept"]) == (["t", "u"], {})
