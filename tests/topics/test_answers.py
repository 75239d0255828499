"""What is said of Kafka's errors."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from bus.topics.answers import failure


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (KafkaError._TIMED_OUT, True),
        (KafkaError.NOT_CONTROLLER, True),
        (KafkaError.INVALID_REPLICATION_FACTOR, False),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, False),
    ],
)
def test_where_nobody_answered_the_way_out_is_said(number: int, remedy: bool) -> None:
    said = failure(KafkaException(KafkaError(number, "the reason")))
    assert said.startswith("the reason (")
    assert ("run the same command again" in said) == remedy
