"""The type of each config of a topic, as brokers tell it (KIP-569): what decides which texts are the same value.

Asked of Kafka 4.3.1, 3.9.1 and 2.8.2, which agree; 1.0.2 tells no types and knows none that these do not.
tests/servers/topics/test_configs.py asks the brokers again and compares.
"""

from collections.abc import Mapping
from typing import Literal

ConfigType = Literal["boolean", "double", "int", "list", "long", "string"]

TYPES: Mapping[str, ConfigType] = {
    "cleanup.policy": "list",
    "compression.gzip.level": "int",
    "compression.lz4.level": "int",
    "compression.type": "string",
    "compression.zstd.level": "int",
    "delete.retention.ms": "long",
    "file.delete.delay.ms": "long",
    "flush.messages": "long",
    "flush.ms": "long",
    "follower.replication.throttled.replicas": "list",
    "index.interval.bytes": "int",
    "leader.replication.throttled.replicas": "list",
    "local.retention.bytes": "long",
    "local.retention.ms": "long",
    "max.compaction.lag.ms": "long",
    "max.message.bytes": "int",
    "message.downconversion.enable": "boolean",
    "message.format.version": "string",
    "message.timestamp.after.max.ms": "long",
    "message.timestamp.before.max.ms": "long",
    "message.timestamp.difference.max.ms": "long",
    "message.timestamp.type": "string",
    "min.cleanable.dirty.ratio": "double",
    "min.compaction.lag.ms": "long",
    "min.insync.replicas": "int",
    "preallocate": "boolean",
    "remote.log.copy.disable": "boolean",
    "remote.log.delete.on.disable": "boolean",
    "remote.storage.enable": "boolean",
    "retention.bytes": "long",
    "retention.ms": "long",
    "segment.bytes": "int",
    "segment.index.bytes": "int",
    "segment.jitter.ms": "long",
    "segment.ms": "long",
    "unclean.leader.election.enable": "boolean",
}
