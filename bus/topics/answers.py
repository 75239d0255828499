"""What Kafka's answers mean: which of its errors are over in a moment, and how to say the others."""

from collections.abc import Collection, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from bus.cluster.access import Unreachable
from bus.errors import PartialFailure

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
        KafkaError._NOENT,  # librdkafka, where no partition that is asked for has a leader
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


def unanswered(bootstrap: str, error: KafkaException, advertised: Collection[str] = ()) -> Exception:
    """What a question about the whole cluster ends in: Unreachable, or PartialFailure with the broker's reason.

    `advertised` are the addresses by which brokers say that they are reached.
    """
    if is_away(error) or code(error) in NO_LEADER:
        others = sorted(set(advertised) - set(bootstrap.split(",")))
        remedy = f"; its brokers are to be reached at {', '.join(others)}: are they, from here?" if others else ""
        return Unreachable(f"Kafka at {bootstrap} does not answer: {text(error)}{remedy}")
    return PartialFailure({f"Kafka at {bootstrap}": text(error)})


def is_away(error: KafkaException) -> bool:
    """Whether it is the brokers that do not answer, and nothing that they say of what was asked."""
    return code(error) in NOT_YET or code(error) == KafkaError._ALL_BROKERS_DOWN


def failure(error: KafkaException) -> str:
    """Why something was not done in the end, with the way out where nobody answered."""
    silent = is_away(error) and code(error) != KafkaError.INVALID_REPLICATION_FACTOR
    remedy = "; are the brokers up, and most of the controllers? Then run the same command again"
    return text(error) + (remedy if silent else "")


def code(error: KafkaException) -> int:
    """The number that Kafka's protocol has for an error."""
    return int(error.args[0].code())


def text(error: KafkaException) -> str:
    """What the broker said, and the name that its documentation has for it."""
    reason = error.args[0]
    return f"{reason.str()} ({reason.name()})"
