"""Topics on brokers that customers still have, beside a ZooKeeper: what works, and what is refused at preview."""

from collections.abc import Iterator

import pytest

from bus.topics.admin import Admin
from bus.topics.plan import Change, Topic
from tests.support.dynamic import Host, Refused
from tests.support.kafka import Cluster
from tests.support.kafka_older import older
from tests.support.topic_sets import eventually, produce, props, topic

pytestmark = pytest.mark.servers
VERSIONS = ("3.9.1", "2.8.2", "1.0.2")


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def kafka(version: str) -> Iterator[Cluster]:
    with older(version, nodes=2) as running:
        yield running


def test_a_topics_life(kafka: Cluster, provider: Host, admin: Admin) -> None:
    """Made, changed, given back, grown, drifted, adopted, kept and deleted."""
    first = {"t": topic(2, retention_ms="600000"), "u": topic(), "v": topic()}
    assert provider.up(props(kafka, first))
    assert not provider.up(props(kafka, first))
    assert not provider.refresh()
    second = {**first, "t": topic(4, retention_ms="700000", cleanup_policy="compact")}
    assert provider.up(props(kafka, second))
    assert admin.read(["t"])["t"].is_as(Topic("t", 4, 1, {"retention.ms": "700000", "cleanup.policy": "compact"}))
    third = {**first, "t": topic(4, cleanup_policy="compact")}
    assert provider.up(props(kafka, third))
    assert admin.read(["t"])["t"].configs == {"cleanup.policy": "compact"}
    assert not provider.up(props(kafka, third))
    admin.configure([_by_hand("u", "segment.ms", "700000")])
    assert eventually(provider.refresh)
    assert provider.up(props(kafka, third))
    assert admin.read(["u"])["u"].configs == {}
    produce(kafka, "u")
    assert provider.up(props(kafka, {"t": topic(4, cleanup_policy="compact")}))
    assert admin.names() == ["t", "u"]
    assert provider.outputs["kept"]["u"].startswith("still holds 5 messages")
    assert provider.up(props(kafka, {"t": topic(4, cleanup_policy="compact")}, confirmDelete=["u"]))
    assert admin.names() == ["t"]


def test_what_a_broker_is_set_to_is_no_topics_own(kafka: Cluster, provider: Host, admin: Admin) -> None:
    """Brokers before 1.1 tell only that a config of a topic is not a default."""
    provider.up(props(kafka, {"t": topic()}))
    live = admin.read(["t"])["t"]
    assert (live.configs, live.inherited["segment.ms"]) == ({}, "86400000")
    assert not provider.refresh()


def test_a_value_that_the_broker_does_not_know_is_refused_at_preview(
    kafka: Cluster, version: str, provider: Host, admin: Admin
) -> None:
    """zstd came with 2.1 (KIP-110), for a topic that is new and for one that is there."""
    provider.up(props(kafka, {"t": topic()}))
    for name in ("t", "new"):
        wanted = props(kafka, {"t": topic(), name: topic(compression_type="zstd")})
        if version != "1.0.2":
            provider.check(wanted)
            continue
        with pytest.raises(Refused, match=r"the broker says: .*zstd") as refused:
            provider.check(wanted)
        assert [reason.split(" ")[0] for reason in refused.value.reasons] == [f"{name}:"]


def test_another_replication_factor(kafka: Cluster, version: str, provider: Host, admin: Admin) -> None:
    """By reassignment since 2.4 (KIP-455); refused at preview where brokers have no call for it."""
    provider.up(props(kafka, {"t": topic(3)}))
    produce(kafka, "t", 50)
    wanted = props(kafka, {"t": topic(3, factor=2)})
    if version == "1.0.2":
        with pytest.raises(Refused, match=r"brokers before Kafka 2\.4 have no call that moves replicas"):
            provider.check(wanted)
        return
    assert provider.up(wanted)
    live = admin.read(["t"])["t"]
    assert (live.factors, live.unfinished) == ((2, 2), False)
    assert sum(log.last - log.first for log in admin.logs(["t"]).values()) == 50
    assert not provider.up(wanted)


def _by_hand(name: str, key: str, value: str) -> Change:
    return Change(Topic(name, 1, 1, {key: value}), configs={key: value})
