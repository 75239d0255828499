"""The configs that a topic may have, and what each takes: as text, as a check, and as JSON schema for editors."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

# Of a topic too, but only for the time of a reassignment (KIP-73): bus sets them and takes them away.
THROTTLED = ("leader.replication.throttled.replicas", "follower.replication.throttled.replicas")
# As brokers read a number: Python would take other scripts' digits and _ too, and fails at 4300 digits.
_DIGITS = re.compile(r"-?[0-9]{1,20}")
_NUMBER = re.compile(r"[0-9]+\.[0-9]+(E-?[0-9]+)?")


@dataclass(frozen=True)
class Rule:
    """What a config takes."""

    says: str
    accepts: Callable[[str], bool]
    """whether a value is right, as brokers spell it (bus.topics.spelling)"""
    schema: Mapping[str, Any] = field(default_factory=dict)


def _whole(low: int, high: int = 2**63 - 1, says: str = "") -> Rule:
    bounds = f"{low} or more" if high == 2**63 - 1 else f"{low} to {high}"
    limits = {"minimum": low} if high == 2**63 - 1 else {"minimum": low, "maximum": high}

    def accepts(text: str) -> bool:
        return _DIGITS.fullmatch(text) is not None and low <= int(text) <= high

    return Rule(
        f"a whole number, {says or bounds}",
        accepts,
        {"type": ["integer", "string"], "pattern": r"^\s*[+-]?[0-9]+\s*$", **limits},
    )


def _one_of(*allowed: str) -> Rule:
    return Rule(f"one of {', '.join(allowed)}", lambda text: text in allowed, {"enum": list(allowed)})


def _is_ratio(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None and 0 <= float(text) <= 1


_BOOLEAN = Rule(
    "one of true, false",
    lambda text: text in ("true", "false"),
    {"anyOf": [{"type": "boolean"}, {"pattern": r"^\s*([tT][rR][uU][eE]|[fF][aA][lL][sS][eE])\s*$", "type": "string"}]},
)
_GZIP = Rule(
    "-1 for that of the codec, or 1 to 9",
    lambda text: text == "-1" or (len(text) == 1 and text in "123456789"),
    {"anyOf": [{"enum": [-1, *range(1, 10)]}, {"pattern": r"^\s*(-0*1|[+]?0*[1-9])\s*$", "type": "string"}]},
)
_LARGEST_INT = 2**31 - 1
_FROM_ZERO = _whole(0)
_FROM_ONE = _whole(1)
_INT_FROM_ZERO = _whole(0, _LARGEST_INT)
_UNLIMITED = _whole(-1, says="-1 for no limit")
_TEXT = Rule("text", lambda text: True, {"type": ["string", "number"]})
_RATIO = Rule(
    "a number from 0 to 1",
    _is_ratio,
    {
        "type": ["number", "string"],
        "pattern": r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\s*$",
        "minimum": 0,
        "maximum": 1,
    },
)
_POLICY = ("delete", "compact")
_POLICIES = Rule(
    "delete, compact, or both; empty to keep all records (Kafka 4.2 or newer)",
    lambda text: not text or set(text.split(",")) <= set(_POLICY),
    {
        "anyOf": [
            {"type": "string", "pattern": r"^\s*((delete|compact)\s*(,\s*(delete|compact)\s*)*)?$"},
            {"type": "array", "items": {"enum": list(_POLICY)}},
        ]
    },
)

# Configs of a topic in Kafka 4.3, and two that older brokers have: https://kafka.apache.org/documentation/#topicconfigs
CONFIGS: Mapping[str, Rule] = {
    "cleanup.policy": _POLICIES,
    "compression.gzip.level": _GZIP,
    "compression.lz4.level": _whole(1, 17),
    "compression.type": _one_of("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
    "compression.zstd.level": _whole(-131072, 22),
    "delete.retention.ms": _FROM_ZERO,
    "file.delete.delay.ms": _FROM_ZERO,
    "flush.messages": _FROM_ONE,
    "flush.ms": _FROM_ZERO,
    "index.interval.bytes": _INT_FROM_ZERO,
    "local.retention.bytes": _whole(-2, says="-2 for the value of retention.bytes"),
    "local.retention.ms": _whole(-2, says="-2 for the value of retention.ms"),
    "max.compaction.lag.ms": _FROM_ONE,
    "max.message.bytes": _INT_FROM_ZERO,
    "message.downconversion.enable": _BOOLEAN,
    "message.format.version": _TEXT,
    "message.timestamp.after.max.ms": _FROM_ZERO,
    "message.timestamp.before.max.ms": _FROM_ZERO,
    "message.timestamp.difference.max.ms": _FROM_ZERO,
    "message.timestamp.type": _one_of("CreateTime", "LogAppendTime"),
    "min.cleanable.dirty.ratio": _RATIO,
    "min.compaction.lag.ms": _FROM_ZERO,
    "min.insync.replicas": _whole(1, _LARGEST_INT),
    "preallocate": _BOOLEAN,
    "remote.log.copy.disable": _BOOLEAN,
    "remote.log.delete.on.disable": _BOOLEAN,
    "remote.storage.enable": _BOOLEAN,
    "retention.bytes": _UNLIMITED,
    "retention.ms": _UNLIMITED,
    "segment.bytes": _whole(14, _LARGEST_INT),
    "segment.index.bytes": _whole(4, _LARGEST_INT),
    "segment.jitter.ms": _FROM_ZERO,
    "segment.ms": _FROM_ONE,
    "unclean.leader.election.enable": _BOOLEAN,
}
