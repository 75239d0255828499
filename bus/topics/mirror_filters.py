"""Topics that MirrorMaker 2 leaves out, renames, or copies unasked, whatever the patterns say.

MirrorSourceConnector.shouldReplicateTopic, DefaultTopicFilter (`topics.exclude`), ReplicationPolicy and
IdentityReplicationPolicy decide it. tests/servers/topics/test_mirror_filters.py asks those classes themselves.
https://issues.apache.org/jira/browse/KAFKA-17200 changed it in Kafka 4.0.
"""

from collections.abc import Sequence

Numbers = Sequence[int]
# IdentityReplicationPolicy, which keeps the names of topics (KAFKA-9726).
OLDEST = (3, 0)
_INTERNAL_UNTIL = (4, 0)
_HEARTBEATS = "heartbeats"


def dropped(topic: str, version: Numbers | None) -> str:
    """Return why MirrorMaker never copies a topic that a pattern takes; empty where it does.

    `version` are the numbers of its Kafka. None stands for any version from 3.0 on.
    """
    if topic.startswith(("__", ".")):
        return "names that begin with '__' or '.' are Kafka's own to it"
    if topic.endswith(".replica"):
        return "names that end in '.replica' are other tools' copies to it"
    if topic.startswith("mm2") and topic.endswith(".internal"):
        return "names mm2*.internal are its own"
    if topic.endswith(".checkpoints.internal"):
        return "names that end in '.checkpoints.internal' are its own"
    before = version is None or is_older(version, _INTERNAL_UNTIL)
    if topic.endswith((".internal", "-internal")) and before:
        return "names that end in '.internal' or '-internal' are Kafka Connect's to it before Kafka 4.0"
    return ""


def is_older(version: Numbers, other: Numbers) -> bool:
    """Tell whether a version is older; where it has a major number alone, that stands for its first release."""
    return (*version, 0)[:2] < tuple(other)


def renamed(topic: str, source: str) -> str:
    """Return the other name that a copy of a topic of side `source` has; empty where it has the same one."""
    return f"{source}.{topic}" if topic.endswith(_HEARTBEATS) else ""


def copied_unasked(topic: str) -> bool:
    """Tell whether MirrorMaker copies a topic, under another name, also where no pattern takes it."""
    return topic == _HEARTBEATS or topic.endswith(f".{_HEARTBEATS}")
