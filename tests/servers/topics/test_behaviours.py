"""What a set of topics does on a real broker, after the behaviours that Strimzi's Topic Operator is tested for.

Names in the docstrings are those of Strimzi's CoreFeaturesIT and AlterableTopicConfigIT.
"""

from typing import Any

import pytest

from bus.topics.admin import Admin
from bus.topics.applying import Applied, apply
from bus.topics.plan import Topic, plan
from tests.support.dynamic import Host, Refused
from tests.support.kafka import Cluster
from tests.support.topic_sets import props, topic

pytestmark = pytest.mark.servers


def test_a_declared_topic_is_created(kafka: Cluster, provider: Host, admin: Admin) -> None:
    """shouldCreateTopicInKafkaWhenManagedTopicCreatedInKube"""
    assert provider.up(props(kafka, {"t": topic(3, cleanup_policy="compact")}))
    assert admin.read(["t"])["t"].is_as(Topic("t", 3, 1, {"cleanup.policy": "compact"}))
    assert provider.outputs["created"] == ["t"]
    assert provider.outputs["clusterId"] == admin.cluster_id


def test_a_second_run_does_nothing(kafka: Cluster, provider: Host) -> None:
    wanted = props(kafka, {"t": topic(2, retention_ms="100")})
    assert provider.up(wanted)
    assert not provider.up(wanted)
    assert not provider.refresh()
    assert not provider.up(wanted)


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("max_compaction_lag_ms", "5000", "6000"),
        ("cleanup_policy", "compact", "delete"),
        ("cleanup_policy", "compact", "compact,delete"),
        ("compression_type", "snappy", "producer"),
        ("preallocate", "true", "false"),
        ("min_cleanable_dirty_ratio", "0.2", "0.6"),
        ("message_timestamp_type", "CreateTime", "LogAppendTime"),
    ],
)
def test_a_config_changes(kafka: Cluster, provider: Host, admin: Admin, key: str, before: Any, after: Any) -> None:
    """shouldUpdateTopicInKafkaWhenIntConfigChangedInKube, and so for String, Long, Double, Boolean and List"""
    provider.up(props(kafka, {"t": topic(1, **{key: before})}))
    assert provider.up(props(kafka, {"t": topic(1, **{key: after})}))
    assert admin.read(["t"])["t"].configs == {key.replace("_", "."): after}


def test_a_removed_config_goes_back_to_the_brokers_default(kafka: Cluster, provider: Host, admin: Admin) -> None:
    """shouldUpdateTopicInKafkaWhenConfigRemovedInKube"""
    provider.up(props(kafka, {"t": topic(cleanup_policy="compact", segment_bytes="2097152")}))
    assert provider.up(props(kafka, {"t": topic(segment_bytes="2097152")}))
    live = admin.read(["t"])["t"]
    assert live.configs == {"segment.bytes": "2097152"}
    assert live.inherited["cleanup.policy"] == "delete"


def test_a_topic_grows(kafka: Cluster, provider: Host, admin: Admin) -> None:
    """shouldUpdateTopicInKafkaWhenPartitionsIncreasedInKube"""
    provider.up(props(kafka, {"t": topic(1)}))
    assert provider.up(props(kafka, {"t": topic(4)}))
    assert admin.read(["t"])["t"].partitions == 4


@pytest.mark.parametrize("configs", [{}, {"cleanup_policy": "compact"}])
def test_fewer_partitions_are_refused_and_nothing_else_is_done(
    kafka: Cluster, provider: Host, admin: Admin, configs: dict[str, Any]
) -> None:
    """shouldFailDecreaseInPartitions, shouldFailDecreaseInPartitionsWithConfigChange"""
    provider.up(props(kafka, {"t": topic(4)}))
    with pytest.raises(Refused, match="partitions 4 -> 2, a topic can only grow") as refused:
        provider.up(props(kafka, {"t": topic(2, **configs), "other": topic()}))
    assert [reason.split(" ")[:2] for reason in refused.value.reasons] == [["t:", "partitions"]]
    assert admin.read(["t", "other"]) == {"t": Topic("t", 4, 1)}


def test_what_only_the_broker_knows_is_refused_at_preview(kafka: Cluster, provider: Host) -> None:
    """Brokers since 4.0 want segments of a megabyte (KIP-1030)."""
    with pytest.raises(Refused, match=r"the broker says: .*segment\.bytes") as refused:
        provider.up(props(kafka, {"t": topic(segment_bytes="2000"), "good": topic()}))
    assert [reason.split(" ")[0] for reason in refused.value.reasons] == ["t:"]


def test_a_topic_that_is_there_is_adopted(kafka: Cluster, provider: Host, admin: Admin) -> None:
    """With the differences made, and no right to delete it later."""
    admin.create([Topic("t", 1, 1, {"retention.ms": "5000"})])
    assert provider.up(props(kafka, {"t": topic(3)}))
    assert admin.read(["t"])["t"].is_as(Topic("t", 3, 1))
    assert provider.outputs["created"] == []


def test_a_topic_made_between_the_read_and_the_act_is_adopted(kafka: Cluster, admin: Admin) -> None:
    """shouldReconcileOnTopicExistsException"""
    admin.create([Topic("t", 1, 1)])
    applied = apply(admin, [plan(None, Topic("t", 2, 1, {"retention.ms": "7"}), 1)], 1, 1_000_000, print)
    assert applied == Applied(frozenset(), {})
    assert admin.read(["t"])["t"].is_as(Topic("t", 2, 1, {"retention.ms": "7"}))


def test_a_topic_deleted_by_hand_is_seen_and_made_again(kafka: Cluster, provider: Host, admin: Admin) -> None:
    """shouldUpdateTopicIdIfDeletedWhileUnmanaged"""
    wanted = props(kafka, {"t": topic(2), "u": topic()})
    provider.up(wanted)
    admin.delete(["t"])
    assert provider.refresh()
    assert provider.outputs["topics"].keys() == {"u"}
    assert provider.up(wanted)
    assert admin.read(["t"])["t"].partitions == 2


@pytest.mark.parametrize("configs", [{"retention.ms": "9"}, {"segment.ms": "70000"}])
def test_a_config_changed_by_hand_is_seen_and_put_back(
    kafka: Cluster, provider: Host, admin: Admin, configs: dict[str, str]
) -> None:
    wanted = props(kafka, {"t": topic(retention_ms="100000")})
    provider.up(wanted)
    admin.set_of_topic({"t": dict(configs)})
    assert provider.refresh()
    assert provider.up(wanted)
    assert admin.read(["t"])["t"].configs == {"retention.ms": "100000"}


def test_partitions_added_by_hand_are_seen_and_not_lost(kafka: Cluster, provider: Host, admin: Admin) -> None:
    """shouldFailIfNumPartitionsDivergedWithConfigChange"""
    wanted = props(kafka, {"t": topic(1)})
    provider.up(wanted)
    admin.grow({"t": 3})
    assert provider.refresh()
    with pytest.raises(Refused, match="partitions 3 -> 1"):
        provider.up(wanted)
    assert admin.read(["t"])["t"].partitions == 3
