"""Any sequence of specs on a real broker ends with live as wanted, or a refusal: nothing is ever lost."""

from typing import Any

import pytest
from confluent_kafka import Producer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.topics.admin import Admin
from tests.support.dynamic import Host, Refused
from tests.support.kafka import Cluster
from tests.support.topic_sets import emptied, props

pytestmark = pytest.mark.servers

NAMES = ("a", "b", "c")
_CONFIGS: dict[str, Any] = {
    "retention.ms": st.sampled_from(["-1", "600000", "86400000"]),
    "cleanup.policy": st.sampled_from(["delete", "compact", "compact,delete"]),
    "max.message.bytes": st.sampled_from(["1000012", "2000000"]),
}
_SPEC = st.fixed_dictionaries(
    {
        "partitions": st.integers(1, 4),
        "replicationFactor": st.sampled_from([1, 1, 1, 2]),
        "configs": st.fixed_dictionaries({}, optional=_CONFIGS),
    }
)
_STEP = st.fixed_dictionaries(
    {
        "topics": st.dictionaries(st.sampled_from(NAMES), _SPEC, max_size=3),
        "produce": st.booleans(),
        "by_hand": st.sampled_from([None, "grow", "configure", "delete_an_empty_one"]),
        "refresh": st.booleans(),
    }
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(_STEP, min_size=1, max_size=6))
def test_any_sequence_of_specs_converges_or_is_refused(
    kafka: Cluster, process: Host, steps: list[dict[str, Any]]
) -> None:
    admin = emptied(kafka)
    process.inputs, process.outputs, process.id, process.is_partial = {}, {}, "", False
    for step in steps:
        before = admin.read(NAMES)
        holding = held(admin)
        wanted = props(kafka, step["topics"])
        refused = False
        try:
            process.up(wanted)
        except Refused as refusal:
            refused = True
            assert all(
                reason.startswith(tuple(f"{name}: {key}" for name in NAMES for key in ("partitions", "replication")))
                for reason in refusal.reasons
            )
        after = admin.read(NAMES)
        for name, topic in before.items():
            gone = name not in after
            assert not gone or (not refused and name not in step["topics"] and not holding[name]), f"{name} is lost"
            assert gone or after[name].partitions >= topic.partitions, f"{name} lost a partition"
        assert {name: count for name, count in held(admin).items() if count} == {n: c for n, c in holding.items() if c}
        if refused:
            assert after == before, "a refused run touches nothing"
        else:
            assert {name: _as_props(after, name) for name in step["topics"]} == step["topics"]
            assert not process.up(wanted), "a second run has nothing to do"
        by_hand(admin, step["by_hand"])
        left = admin.read(NAMES)
        if step["produce"] and left:
            produce(kafka, min(left))
        if step["refresh"] and process.id:
            process.refresh()


def held(admin: Admin) -> dict[str, int]:
    """Records ever taken by each topic: compaction and retention may take them, we may not."""
    counts: dict[str, int] = {}
    for (name, _), log in admin.logs(NAMES).items():
        counts[name] = counts.get(name, 0) + log.last
    return counts


def by_hand(admin: Admin, what: str | None) -> None:
    """What somebody does behind our back."""
    live = admin.read(NAMES)
    if not live:
        return
    name = max(live)
    if what == "grow":
        assert admin.grow({name: live[name].partitions + 1}) == {}
        admin.seen({name: live[name].partitions + 1})
    elif what == "configure":
        admin.set_of_topic({name: {"segment.ms": "700000"}})
    elif what == "delete_an_empty_one" and not held(admin)[name]:
        admin.delete([name])


def produce(kafka: Cluster, name: str) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    failed: list[object] = []
    producer.produce(name, b"x", key=b"k", on_delivery=lambda error, _: failed.append(error) if error else None)
    assert producer.flush(30) == 0
    assert not failed


def _as_props(live: Any, name: str) -> dict[str, Any]:
    topic = live[name]
    return {
        "partitions": topic.partitions,
        "replicationFactor": topic.replication_factor,
        "configs": dict(topic.configs),
    }
