"""Each config of a topic in every spelling that a fragment may have, on brokers of each version: nothing differs."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from bus.topics.admin import Admin
from bus.topics.config_types import TYPES
from bus.topics.configs import CONFIGS, THROTTLED
from bus.topics.model import merge_fragments
from bus.topics.plan import Topic
from tests.support.dynamic import Host
from tests.support.kafka import Cluster, cluster
from tests.support.kafka_older import older
from tests.support.topic_sets import props

pytestmark = pytest.mark.servers
NEWEST = "4.3.1"
VERSIONS = (NEWEST, "3.9.1", "2.8.2", "1.0.2")
TELLS_NO_TYPES = ("1.0.2",)
# Only where brokers have a tier for old segments.
_TIERED = ("remote.storage.enable", "remote.log.copy.disable", "remote.log.delete.on.disable")
_RATIOS = [1, 0, 1.0, 0.5, 0.25, 1e-5, "1", "0", "-0", "1.", ".5", "0.50", "0.10", "1e-2", "1E-3", "0.00001", "00.7"]
_POLICIES = ["", [], "compact", "delete", "compact,compact", "delete,compact", "compact, delete", ["compact", "delete"],
             ["delete", "delete"]]  # fmt: skip
_OWN: dict[str, list[Any]] = {
    "min.insync.replicas": [1, "1", "01"],
    "message.format.version": [1.0, "1.0", "0.11.0"],
    "compression.gzip.level": [-1, 9, "09"],
    "compression.lz4.level": [1, 17, "01"],
    "compression.zstd.level": [-131072, 22, 0, "-0", "007"],
    "compression.type": ["uncompressed", "lz4", "snappy", "gzip", "producer"],
    "message.timestamp.type": ["CreateTime", "LogAppendTime"],
    "segment.bytes": [1048576, "01048576", 1048576.0],
    "segment.index.bytes": [1048576, "0010485760"],
    "max.message.bytes": [1000012, "01000012", 1e6],
}
_WHOLE = [600000, "0600000", "00600000", 6e5]


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def kafka(version: str) -> Iterator[Cluster]:
    started: AbstractContextManager[Cluster] = cluster(1) if version == NEWEST else older(version)
    with started as running:
        yield running


def types(kafka: Cluster, admin: Admin) -> dict[str, str]:
    """Config -> type, of all that these brokers know."""
    admin.create([Topic("plain", 1, 1)])
    admin.seen({"plain": 1})
    client = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    try:
        told = client.describe_configs([ConfigResource("TOPIC", "plain")], config_filter="all")["topic"]["plain"]
    finally:
        client.close()
    return {key: str(entry.get("config_type", "")).lower() for key, entry in told.items()}


def spellings(key: str) -> list[Any]:
    """Values as a fragment may have them, several of which are the same."""
    if key in _OWN:
        return _OWN[key]
    if TYPES[key] == "boolean":
        return [True, False, "true", "False", "TRUE"]
    if key == "min.cleanable.dirty.ratio":
        return _RATIOS
    if key == "cleanup.policy":
        return _POLICIES
    unlimited = [-1, "-01", "-1"] if CONFIGS[key].accepts("-1") else []
    return [*_WHOLE, *unlimited]


def test_the_table_of_types_is_what_brokers_tell(kafka: Cluster, admin: Admin, version: str) -> None:
    told = types(kafka, admin)
    if version in TELLS_NO_TYPES:
        assert told.keys() <= TYPES.keys()
    else:
        assert told == {key: TYPES[key] for key in told}, "renew bus/topics/config_types.py"
    if version == NEWEST:
        gone = {"message.downconversion.enable", "message.format.version", "message.timestamp.difference.max.ms"}
        assert TYPES.keys() - told.keys() == gone, "of older brokers only"


def test_each_config_in_each_spelling_is_made_and_read_back_without_a_difference(
    kafka: Cluster, provider: Host, admin: Admin
) -> None:
    known = sorted(types(kafka, admin).keys() - {*THROTTLED, *_TIERED})
    entries = [
        {"name": f"{key}-{number}", "configs": {key: value}}
        for key in known
        for number, value in enumerate(spellings(key))
    ]
    merged, problems = merge_fragments({"values/a.yml": ("a", entries)})
    assert not problems, [str(problem) for problem in problems]
    wanted = props(kafka, {one.name: one.wanted(1) for one in merged})
    assert provider.up(wanted)
    live = admin.read(wanted["topics"])
    assert {name: dict(one.configs) for name, one in live.items()} == {
        name: one["configs"] for name, one in wanted["topics"].items()
    }
    assert not provider.refresh(), "what brokers answer is what the state has"
    assert not provider.up(wanted)
    print(f"{len(entries)} topics of {len(known)} configs")


def test_a_value_that_is_set_by_hand_in_another_spelling_is_no_drift(
    kafka: Cluster, provider: Host, admin: Admin, version: str
) -> None:
    if version in TELLS_NO_TYPES:
        return  # brokers before 2.3 take all configs of a topic at once, which no tool does by hand
    wanted = {"t": {"partitions": 1, "replicationFactor": 1, "configs": {"min.cleanable.dirty.ratio": "0.5"}}}
    provider.up(props(kafka, wanted))
    admin.set_of_topic({"t": {"min.cleanable.dirty.ratio": "5e-1"}})
    assert not provider.refresh()
    assert not provider.up(props(kafka, wanted))
