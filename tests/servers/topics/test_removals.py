"""What becomes of a topic whose fragment is gone, on a real broker."""

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from bus.topics.admin import Admin
from bus.topics.plan import Topic
from tests.support.dynamic import Host
from tests.support.kafka import Cluster
from tests.support.topic_sets import eventually, produce, props, topic

pytestmark = pytest.mark.servers


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
        assert eventually(lambda: reader.poll(1) is not None)
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


def test_a_kept_topic_goes_once_it_is_empty(kafka: Cluster, provider: Host, admin: Admin) -> None:
    """Though no fragment changes any more: what a preview says of it, the next `up` does."""
    provider.up(props(kafka, {"t": topic(), "u": topic()}))
    produce(kafka, "t")
    after = props(kafka, {"u": topic()})
    provider.up(after)
    assert not provider.up(after)
    assert "still holds 5 messages" in provider.outputs["kept"]["t"]
    client = AdminClient({"bootstrap.servers": kafka.bootstrap})
    client.delete_records([TopicPartition("t", 0, 5)])[TopicPartition("t", 0)].result(30)
    assert not provider.refresh()
    assert provider.up(after)
    assert admin.names() == ["u"]
    assert not provider.up(after)


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
