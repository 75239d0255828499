"""Whether topics exist, as the controller knows it, and what each broker shows of them: brokers lag behind it."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from bus.cluster.access import Login
from bus.topics.answers import NOT_YET, code, errors_of
from bus.topics.batches import batches
from bus.topics.plan import Topic

HIDDEN = (
    "exists, but the brokers do not show it to this client: may it describe the topic? "
    "Beside a ZooKeeper a topic whose deletion waits for a broker that is down is not shown either"
)
# Answers of the controller that say that there is no such topic. The replication factor is judged after the name.
_ABSENT = (KafkaError.INVALID_REPLICATION_FACTOR, KafkaError.TOPIC_EXCEPTION, KafkaError.POLICY_VIOLATION)
_RECORDS = 2


def existing(client: AdminClient, names: Collection[str], seconds: float) -> tuple[set[str], set[str]]:
    """Those of `names` that exist, and those of which this client is not told; nothing is created.

    The controller is asked to validate their creation, which it forwards to nobody. A broker's metadata may lag
    behind it by seconds: up to 13 were seen. Asked again while the controller moves; raises KafkaException where it
    does not answer.
    """
    deadline = time.monotonic() + seconds
    found: set[str] = set()
    untold: set[str] = set()
    left = sorted(names)
    while left:
        errors: dict[str, KafkaException] = {}
        for batch in batches(dict.fromkeys(left, _RECORDS)):
            asked = [NewTopic(name, num_partitions=1, replication_factor=1) for name in batch]
            errors |= errors_of(client.create_topics(asked, validate_only=True))
        found |= {name for name, error in errors.items() if code(error) == KafkaError.TOPIC_ALREADY_EXISTS}
        left = [n for n, error in errors.items() if code(error) in NOT_YET and code(error) not in _ABSENT]
        untold |= {n for n, error in errors.items() if code(error) not in _ABSENT} - found - set(left)
        if left and time.monotonic() > deadline:
            raise errors[left[0]]
        time.sleep(0.5 if left else 0)
    return found, untold


@contextmanager
def each_broker(
    bootstrap: str, login: Login | None, brokers: Callable[[], Collection[int]]
) -> Iterator[Callable[[Collection[str]], list[Mapping[str, Topic]]]]:
    """A question to every broker by itself: what it shows of topics. One that does not answer now is left out.

    confluent-kafka asks whichever broker it is connected to, and so one that lags is easily never asked.
    """
    from bus.topics.replicas import connect  # kafka-python takes 0.3 s to import, and one broker needs none of it

    with connect(bootstrap, login) as replicas:

        def ask(names: Collection[str]) -> list[Mapping[str, Topic]]:
            answers: list[Any] = [replicas.shown_by(broker, names) for broker in sorted(brokers())]
            return [answer for answer in answers if answer is not None]

        yield ask
