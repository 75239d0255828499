"""The configs that a topic may have, and what each takes: as text, as a check, and as JSON schema for editors."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Scalar = bool | int | float | str
# Of a topic too, but only for the time of a reassignment (KIP-73): bus sets them and takes them away.
THROTTLED = ("leader.replication.throttled.replicas", "follower.replication.throttled.replicas")
# As brokers read a number: Python would take other scripts' digits and _ too, and fails at 4300 digits.
_DIGITS = re.compile(r"-?[0-9]{1,20}")


@dataclass(frozen=True)
class Rule:
    """What a config takes."""

    says: str
    accepts: Callable[[str], bool]
    """whether a value is right, as text"""
    schema: Mapping[str, Any] = field(default_factory=dict)


def config_text(value: Scalar | list[str]) -> str:
    """A config value as a broker keeps it: booleans in lower case, lists joined by commas, 1e3 as 1000."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _whole(low: int, high: int = 2**63 - 1, says: str = "") -> Rule:
    bounds = f"{low} or more" if high >= 2**31 - 1 else f"{low} to {high}"
    limits = {"minimum": low} if high == 2**63 - 1 else {"minimum": low, "maximum": high}

    def accepts(text: str) -> bool:
        return _DIGITS.fullmatch(text) is not None and low <= int(text) <= high

    return Rule(
        f"a whole number, {says or bounds}", accepts, {"type": ["integer", "string"], "pattern": "^-?[0-9]+$", **limits}
    )


def _one_of(*allowed: str) -> Rule:
    values: list[object] = [_as_yaml(text) for text in allowed]
    both = list(dict.fromkeys([*values, *allowed]))
    return Rule(f"one of {', '.join(allowed)}", lambda text: text in allowed, {"enum": both})


def _as_yaml(text: str) -> object:
    """What an editor would have somebody write: true and 1, not "true" and "1"."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.removeprefix("-").isdigit() else text


def _is_ratio(text: str) -> bool:
    try:
        return "_" not in text and 0 <= float(text) <= 1
    except ValueError:
        return False


_BOOLEAN = _one_of("true", "false")
_FROM_ZERO = _whole(0)
_FROM_ONE = _whole(1)
_UNLIMITED = _whole(-1, says="-1 for no limit")
_TEXT = Rule("text", lambda text: True, {"type": "string"})
_RATIO = Rule(
    "a number from 0 to 1",
    _is_ratio,
    {"type": ["number", "string"], "pattern": "^[0-9.eE+-]+$", "minimum": 0, "maximum": 1},
)
_POLICY = ("delete", "compact")
_POLICIES = Rule(
    "delete, compact, or both",
    lambda text: bool(text) and set(text.split(",")) <= set(_POLICY),
    {
        "anyOf": [
            {"enum": [*_POLICY, ",".join(_POLICY), ",".join(reversed(_POLICY))]},
            {"type": "array", "items": {"enum": list(_POLICY)}, "minItems": 1},
        ]
    },
)

# Configs of a topic in Kafka 4.3, and two that older brokers have: https://kafka.apache.org/documentation/#topicconfigs
CONFIGS: Mapping[str, Rule] = {
    "cleanup.policy": _POLICIES,
    "compression.gzip.level": _one_of("-1", *"123456789"),
    "compression.lz4.level": _whole(1, 17),
    "compression.type": _one_of("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
    "compression.zstd.level": _whole(-131072, 22),
    "delete.retention.ms": _FROM_ZERO,
    "file.delete.delay.ms": _FROM_ZERO,
    "flush.messages": _FROM_ONE,
    "flush.ms": _FROM_ZERO,
    "index.interval.bytes": _FROM_ZERO,
    "local.retention.bytes": _whole(-2, says="-2 for that of retention.bytes"),
    "local.retention.ms": _whole(-2, says="-2 for that of retention.ms"),
    "max.compaction.lag.ms": _FROM_ONE,
    "max.message.bytes": _FROM_ZERO,
    "message.downconversion.enable": _BOOLEAN,
    "message.format.version": _TEXT,
    "message.timestamp.after.max.ms": _FROM_ZERO,
    "message.timestamp.before.max.ms": _FROM_ZERO,
    "message.timestamp.difference.max.ms": _FROM_ZERO,
    "message.timestamp.type": _one_of("CreateTime", "LogAppendTime"),
    "min.cleanable.dirty.ratio": _RATIO,
    "min.compaction.lag.ms": _FROM_ZERO,
    "min.insync.replicas": _FROM_ONE,
    "preallocate": _BOOLEAN,
    "remote.log.copy.disable": _BOOLEAN,
    "remote.log.delete.on.disable": _BOOLEAN,
    "remote.storage.enable": _BOOLEAN,
    "retention.bytes": _UNLIMITED,
    "retention.ms": _UNLIMITED,
    "segment.bytes": _whole(14, 2**31 - 1),
    "segment.index.bytes": _whole(4, 2**31 - 1),
    "segment.jitter.ms": _FROM_ZERO,
    "segment.ms": _FROM_ONE,
    "unclean.leader.election.enable": _BOOLEAN,
}
