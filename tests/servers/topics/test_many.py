"""Very many topics in one set: a few calls, and no more in one than a controller takes."""

from typing import Any

import pytest

from bus.topics.admin import Admin
from bus.topics.applying import apply
from bus.topics.plan import Topic, plan
from tests.support.dynamic import Host
from tests.support.kafka import Cluster
from tests.support.topic_sets import props, topic

pytestmark = pytest.mark.servers


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
    assert calls.count("describe_cluster") <= 2, "which brokers there are, to ask each by itself"
    rest = {"create_topics", "describe_configs", "describe_cluster"}
    assert set(calls) - rest == {"list_topics"}, "until brokers show them"


def test_more_than_a_controller_takes_in_one_call_goes_in_several(admin: Admin) -> None:
    """Ten thousand records a call, partitions and configs counted: beyond that it refuses every topic of the call."""
    configs = {
        "delete.retention.ms": "1000",
        "file.delete.delay.ms": "1000",
        "flush.messages": "1000",
        "flush.ms": "1000",
        "index.interval.bytes": "1000",
        "max.compaction.lag.ms": "1000",
        "max.message.bytes": "1000",
        "min.cleanable.dirty.ratio": "0.5",
        "min.compaction.lag.ms": "1000",
        "retention.bytes": "1000",
        "retention.ms": "1000000",
        "segment.jitter.ms": "1000",
        "segment.ms": "1000000",
    }
    first = [Topic(f"m{number}", 1, 1, configs) for number in range(800)]
    changes = [plan(None, one, 1) for one in first]
    assert admin.refusals(changes) == {}
    assert apply(admin, changes, 1, 1_000_000, print).failed == {}
    live = admin.read([one.name for one in first])
    assert live == {one.name: one for one in first}
    bare = [plan(live[one.name], Topic(one.name, 1, 1), 1) for one in first]
    assert admin.refusals(bare) == {}
    assert apply(admin, bare, 1, 1_000_000, print).failed == {}
    many = [plan(None, Topic(f"p{number}", 1000, 1), 1) for number in range(11)]
    grown = [plan(one, Topic(one.name, 1000, 1), 1) for one in first[:11]]
    assert admin.refusals([*many, *grown]) == {}, "only asked: eleven thousand partitions would be slow"
    admin.delete(list(live))
    assert admin.names() == []
