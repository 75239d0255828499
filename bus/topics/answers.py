"""What Kafka's answers mean: which of its errors are over in a moment, and how to say the others."""

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from bus.access import Unreachable
from bus.errors import Failed

# A broker that has just started is not registered for a moment, a controller moves, an answer is lost on its way.
NOT_YET = frozenset(
    {
        KafkaError.INVALID_REPLICATION_FACTOR,
        KafkaError.NOT_CONTROLLER,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.THROTTLING_QUOTA_EXCEEDED,
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
    }
)
# Nobody leads a partition for a moment after its creation, or while its leader changes.
NO_LEADER = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError._UNKNOWN_PARTITION,
    }
)

# What a call about several topics (or config resources) answers.
Answers = Mapping[Any, "Future[Any]"]


def errors_of(answers: Answers) -> dict[str, KafkaException]:
    """The error of each topic (or config resource) whose answer is one."""
    found = {}
    for key, answer in answers.items():
        try:
            answer.result()
        except KafkaException as error:
            found[key if isinstance(key, str) else str(key.name)] = error
    return found


def unanswered(bootstrap: str, error: KafkaException) -> Exception:
    """What a question about the whole cluster ends in: Unreachable, or Failed with the broker's reason."""
    if code(error) in NOT_YET | NO_LEADER or code(error) == KafkaError._ALL_BROKERS_DOWN:
        return Unreachable(f"Kafka at {bootstrap} does not answer: {text(error)}")
    return Failed({f"Kafka at {bootstrap}": text(error)})


def code(error: KafkaException) -> int:
    """The number that Kafka's protocol has for an error."""
    return int(error.args[0].code())


def text(error: KafkaException) -> str:
    """What the broker said, and the name that its documentation has for it."""
    reason = error.args[0]
    return f"{reason.str()} ({reason.name()})"
