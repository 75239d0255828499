"""What a set of topics does on a real broker, after the behaviours that Strimzi's Topic Operator is tested for.

Names in the docstrings are those of Strimzi's CoreFeaturesIT and AlterableTopicConfigIT.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from bus.access import Unreachable
from bus.topics.admin import Admin
from bus.topics.applying import Applied, apply
from bus.topics.plan import Topic, plan
from components.providers.topics import TopicSetProvider
from tests.servers.dynamic import Broken, Host, Refused, host, resumed
from tests.servers.kafka import Cluster, cluster
from tests.servers.topic_sets import emptied, props, topic

pytestmark = pytest.mark.servers
# Everybody may do what no ACL speaks of, so that a test can take a right away.
_ACLS = """authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
"""
_WE = "User:ANONYMOUS"


@pytest.fixture(scope="module")
def kafka() -> Iterator[Cluster]:
    with cluster(1, settings=_ACLS) as running:
        yield running


@pytest.fixture
def admin(kafka: Cluster) -> Admin:
    return emptied(kafka)


@pytest.fixture(scope="module")
def process() -> Iterator[Host]:
    with host(TopicSetProvider()) as running:
        yield running


@pytest.fixture
def provider(process: Host, admin: Admin) -> Host:
    process.inputs, process.outputs, process.id = {}, {}, ""
    return process


def produce(kafka: Cluster, name: str, count: int = 5) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    failed: list[object] = []
    for number in range(count):
        producer.produce(name, b"x", key=str(number), on_delivery=lambda e, _: failed.append(e) if e else None)
    assert producer.flush(30) == 0
    assert not failed


def test_a_declared_topic_is_created(kafka: Cluster, provider: Host, admin: Admin) -> None:
    """shouldCreateTopicInKafkaWhenManagedTopicCreatedInKube"""
    assert provider.up(props(kafka, {"t": topic(3, cleanup_policy="compact")}))
    assert admin.read(["t"])["t"].is_as(Topic("t", 3, 1, {"cleanup.policy": "compact"}))
    assert provider.outputs["created"] == ["t"]
    assert provider.outputs["clusterId"] == admin.cluster_id


def test_a_second_run_does_nothing(kafka: Cluster, provider: Host) -> None:
    """shouldNotUpdateTopicInKafkaWhenNothingChanged"""
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
    """shouldUpdateTopicInKafkaWhen{Int,String,List,Boolean,Double}ConfigChangedInKube"""
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
    """shouldIncreasePartitionsInKafkaWhenPartitionsIncreasedInKube"""
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
    assert list(refused.value.failures) == ['topics["t"].partitions']
    assert admin.read(["t", "other"]) == {"t": Topic("t", 4, 1)}


def test_what_only_the_broker_knows_is_refused_at_preview(kafka: Cluster, provider: Host) -> None:
    """shouldFailCreateWhenInvalidConfig: brokers since 4.0 want segments of a megabyte (KIP-1030)."""
    with pytest.raises(Refused, match=r"the broker says: .*segment\.bytes") as refused:
        provider.up(props(kafka, {"t": topic(segment_bytes="2000"), "good": topic()}))
    assert list(refused.value.failures) == ['topics["t"]']


def test_a_topic_that_is_there_is_adopted(kafka: Cluster, provider: Host, admin: Admin) -> None:
    """shouldAdoptExistingTopic: with the differences made, and no right to delete it later."""
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
    """shouldRecreateTopicWhenDeletedInKafka"""
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
    """shouldRevertTopicConfigChangedInKafka"""
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


def test_an_empty_topic_of_ours_goes_with_its_fragment(kafka: Cluster, provider: Host, admin: Admin) -> None:
    """shouldDeleteTopicFromKafkaWhenManagedTopicDeletedFromKube"""
    provider.up(props(kafka, {"t": topic(), "u": topic()}))
    assert provider.up(props(kafka, {"u": topic()}))
    assert admin.names() == ["u"]
    assert provider.outputs["kept"] == {}


def test_a_topic_with_data_is_kept_until_its_deletion_is_confirmed(
    kafka: Cluster, provider: Host, admin: Admin
) -> None:
    provider.up(props(kafka, {"t": topic(), "u": topic()}))
    produce(kafka, "t")
    reader = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "web", "auto.offset.reset": "earliest"})
    try:
        reader.subscribe(["t"])
        assert _eventually(lambda: reader.poll(1) is not None)
        provider.up(props(kafka, {"u": topic()}))
        reason = provider.outputs["kept"]["t"]
        assert reason.startswith("still holds 5 messages (")
        assert "bytes without its copies, newest record" in reason
        assert "read by web); to delete it with its data, add t to bus:confirmDelete.topics" in reason
    finally:
        reader.close()
    assert admin.names() == ["t", "u"]
    assert provider.up(props(kafka, {"u": topic()}, confirmDelete=["t"]))
    assert admin.names() == ["u"]


def test_a_topic_of_others_is_kept_though_empty(kafka: Cluster, provider: Host, admin: Admin) -> None:
    """shouldNotDeleteTopicFromKafkaWhenUnmanagedTopicDeletedFromKube"""
    admin.create([Topic("t", 1, 1)])
    provider.up(props(kafka, {"t": topic(), "u": topic()}))
    provider.up(props(kafka, {"u": topic()}))
    assert "was not created by this stack" in provider.outputs["kept"]["t"]
    assert admin.names() == ["t", "u"]


def test_a_fragment_that_comes_back_takes_its_topic_back(kafka: Cluster, provider: Host) -> None:
    provider.up(props(kafka, {"t": topic(), "u": topic()}))
    produce(kafka, "t")
    provider.up(props(kafka, {"u": topic()}))
    assert provider.up(props(kafka, {"t": topic(), "u": topic()}))
    assert provider.outputs["created"] == ["t", "u"]
    assert provider.outputs["kept"] == {}


def test_a_mirrored_topic_is_not_deleted_on_the_side_that_the_mirror_writes(
    kafka: Cluster, provider: Host, admin: Admin
) -> None:
    into = {"mirrored": {"cineges.*.data": "central"}, "site": "cinecity"}
    provider.up(props(kafka, {"cineges.film.data": topic(), "u": topic()}, **into))
    provider.up(props(kafka, {"u": topic()}, confirmDelete=["cineges.film.data"], **into))
    assert (
        "is mirrored from central: the mirror would make it again, empty"
        in (provider.outputs["kept"]["cineges.film.data"])
    )
    assert "cineges.film.data" in admin.names()
    provider.up(props(kafka, {"u": topic()}, confirmDelete=["cinecity/cineges.film.data"], **into))
    assert admin.names() == ["u"]


def test_a_topic_that_moves_to_the_other_set_is_not_deleted(kafka: Cluster, provider: Host, admin: Admin) -> None:
    provider.up(props(kafka, {"t": topic(), "u": topic()}))
    provider.up(props(kafka, {"u": topic()}, elsewhere=["t"]))
    assert admin.names() == ["t", "u"]
    assert provider.outputs["kept"] == {}


@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        (AclOperation.ALTER, topic(5)),
        (AclOperation.ALTER_CONFIGS, topic(1, retention_ms="5")),
    ],
)
def test_a_right_that_is_missing_fails_that_topic_only(
    kafka: Cluster, provider: Host, admin: Admin, operation: Any, wanted: dict[str, Any]
) -> None:
    """shouldFailAlterConfigIfNoTopicAuthz, shouldFailAddPartitionsIfNoTopicAuthz"""
    provider.up(props(kafka, {"t": topic(), "u": topic()}))
    after = props(kafka, {"t": wanted, "u": topic(3)})
    inputs = provider.check(after)
    rights = AdminClient({"bootstrap.servers": kafka.bootstrap})
    # Once an ACL speaks of a topic, all that none allows is denied: so allow everything first.
    bindings = [_right("t", AclOperation.ALL, AclPermissionType.ALLOW), _right("t", operation, AclPermissionType.DENY)]
    for answer in rights.create_acls(bindings).values():
        answer.result()
    try:
        with pytest.raises(Broken) as broken:
            _eventually(lambda: not provider.step(inputs), 60)
        assert [reason for reason in broken.value.reasons if reason.startswith("t: ") and "AUTHORIZATION" in reason]
        assert len(broken.value.reasons) == 1
        assert admin.read(["u"])["u"].partitions == 3
        assert provider.outputs["topics"] == {"t": topic(), "u": topic(3)}
    finally:
        for gone in rights.delete_acls([_everything("t")]).values():
            gone.result()
    assert _eventually(lambda: _is_done(provider, after))
    assert provider.outputs["topics"] == after["topics"]


def test_two_runs_at_once_both_end_well(kafka: Cluster, admin: Admin) -> None:
    wanted = [Topic(f"t{number}", 1 + number % 3, 1, {"retention.ms": "5000"}) for number in range(60)]
    results: list[Applied] = []

    def run() -> None:
        mine = Admin(kafka.bootstrap)
        live = mine.read([one.name for one in wanted])
        results.append(apply(mine, [plan(live.get(t.name), t, 1) for t in wanted], 1, 1_000_000, print))

    runs = [threading.Thread(target=run) for _ in range(2)]
    for one in runs:
        one.start()
    for one in runs:
        one.join(120)
    assert [result.failed for result in results] == [{}, {}]
    assert results[0].created.isdisjoint(results[1].created)
    assert results[0].created | results[1].created == {t.name for t in wanted}
    assert all(topic.is_as(t) for t in wanted for topic in [admin.read([t.name])[t.name]])


def test_five_hundred_topics_converge_and_stay(kafka: Cluster, provider: Host, admin: Admin) -> None:
    wanted = props(kafka, {f"t{number}": topic(2) for number in range(500)})
    assert provider.up(wanted)
    changed = props(kafka, {f"t{number}": topic(2, retention_ms="600000") for number in range(500)})
    assert provider.up(changed)
    assert not provider.up(changed)
    assert not provider.refresh()
    assert len(admin.names()) == 500


def test_five_hundred_topics_take_a_few_calls(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, since times depend on the machine: bench/topics.py has those."""
    calls: list[str] = []
    client = admin._client

    class Counted:
        def __getattr__(self, name: str) -> Any:
            calls.append(name)
            return getattr(client, name)

    monkeypatch.setattr(admin, "_client", Counted())
    wanted = [Topic(f"n{number}", 2, 1, {"retention.ms": "700000000"}) for number in range(500)]
    assert apply(admin, [plan(None, one, 1) for one in wanted], 1, 1_000_000, print).failed == {}
    assert calls.count("create_topics") == 1
    assert calls.count("describe_configs") == 1, "the read that looks for left-over configs is the last one, too"
    assert set(calls) == {"create_topics", "describe_configs", "list_topics"}, "the last until brokers show them"


def test_a_broker_that_is_down_before_is_said_with_its_address(kafka: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bus.topics.reading._CONNECT_SECONDS", 2.0)
    with pytest.raises(Unreachable, match=r"Kafka at 127\.0\.0\.1:1 does not answer"):
        Admin("127.0.0.1:1")


def test_a_broker_that_dies_during_a_run_is_waited_for(kafka: Cluster, provider: Host, admin: Admin) -> None:
    wanted = props(kafka, {f"d{number}": topic(2) for number in range(300)})
    inputs = provider.check(wanted)
    worker = threading.Thread(target=lambda: _tried(lambda: provider.step(inputs)))
    worker.start()
    time.sleep(0.1)
    kafka.kill(1)
    time.sleep(2)
    kafka.start(1)
    worker.join(200)
    assert not worker.is_alive()
    with host(TopicSetProvider()) as after:
        again = resumed(provider, after)
        again.up(wanted)
        assert again.outputs["topics"] == wanted["topics"]
        assert not again.up(wanted)
    assert len(Admin(kafka.bootstrap).names()) == 300


def test_a_broker_that_restarts_after_a_run_shows_no_drift(kafka: Cluster, provider: Host) -> None:
    wanted = props(kafka, {f"r{number}": topic(2, retention_ms="5000") for number in range(100)})
    provider.up(wanted)
    kafka.kill(1)
    kafka.start(1)
    assert not provider.refresh()
    assert not provider.up(wanted)


def test_a_config_that_a_restart_brings_back_from_a_deleted_topic_is_taken_away(
    kafka: Cluster, provider: Host, admin: Admin
) -> None:
    """Kafka 4.3.1 does so, and an unset alone changes nothing: the controller knows of no such config."""
    _made_and_deleted(admin, "again")
    wanted = props(kafka, {"again": topic()})
    provider.up(wanted)
    kafka.kill(1)
    kafka.start(1)
    assert _eventually(lambda: provider.refresh() or bool(provider.outputs["topics"]))
    provider.up(wanted)
    assert Admin(kafka.bootstrap).read(["again"])["again"].configs == {}
    assert not provider.refresh()


def test_a_topic_made_again_after_a_restart_bears_no_config_of_the_deleted_one(
    kafka: Cluster, provider: Host, admin: Admin
) -> None:
    """Seen on the sandbox: the new topic had the retention that a trial of that name once had (docs/adr/0012)."""
    _made_and_deleted(admin, "trial")
    kafka.kill(1)
    kafka.start(1)
    assert _eventually(lambda: _is_done(provider, props(kafka, {"trial": topic()})))
    assert Admin(kafka.bootstrap).read(["trial"])["trial"].configs == {}


def test_a_new_topic_counts_as_made_though_a_left_over_config_could_not_be_given_back(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = admin.seen

    def left_over(partitions: dict[str, int]) -> dict[str, Topic]:
        real(partitions)
        admin.set_of_topic({"t": {"retention.ms": "600000"}})
        assert _eventually(lambda: bool(admin.read(["t"])["t"].configs))
        return admin.read(["t"])

    monkeypatch.setattr(admin, "seen", left_over)
    monkeypatch.setattr(admin, "configure", lambda changes: {"t": "not allowed"})
    applied = apply(admin, [plan(None, Topic("t", 1, 1), 1)], 1, 1_000_000, print)
    assert applied == Applied(frozenset({"t"}), {"t": "not allowed"})


def _made_and_deleted(admin: Admin, name: str) -> None:
    """A topic with a config of its own, as a restarted broker may remember it."""
    admin.create([Topic(name, 1, 1, {"retention.ms": "600000"})])
    admin.seen({name: 1})
    admin.delete([name])


def _is_done(provider: Host, wanted: dict[str, Any]) -> bool:
    try:
        provider.up(wanted)
    except (Broken, Refused):
        return False
    return True


def _tried(act: Callable[[], object]) -> None:
    """A run that may or may not survive what is done to its broker."""
    try:
        act()
    except Broken as broken:
        print(broken)


def _eventually(look: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if look():
            return True
        time.sleep(0.2)
    return False


def _right(name: str, operation: Any, permission: Any) -> Any:
    return AclBinding(ResourceType.TOPIC, name, ResourcePatternType.LITERAL, _WE, "*", operation, permission)


def _everything(name: str) -> Any:
    anything = (AclOperation.ANY, AclPermissionType.ANY)
    return AclBindingFilter(ResourceType.TOPIC, name, ResourcePatternType.LITERAL, _WE, "*", *anything)
