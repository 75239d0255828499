"""Topics of a live cluster, any number of them in a few calls; the only importer of confluent_kafka."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential

from bus.access import Unreachable
from bus.errors import Failed
from bus.topics.plan import Change, Topic

_CALL_SECONDS = 30.0
_CONNECT_SECONDS = 20.0
# The controller answers before the brokers have applied: up to 13 s were seen after a large batch.
_SETTLE_SECONDS = 60.0
# A broker that has just started is not registered for a moment, and brokers answer so.
_NOT_YET = (KafkaError.INVALID_REPLICATION_FACTOR, KafkaError._TIMED_OUT, KafkaError.NOT_CONTROLLER)


class _Late(Failed):
    """Brokers that do not yet answer what was written."""


class Admin:
    """The admin calls of one cluster."""

    def __init__(self, bootstrap: str) -> None:
        self._client = AdminClient(
            {
                "bootstrap.servers": bootstrap,
                "socket.timeout.ms": int(_CALL_SECONDS * 1000),
                "broker.address.family": "v4",
                "log_level": 0,
            }
        )
        try:
            self._metadata = self._client.list_topics(timeout=_CONNECT_SECONDS)
        except KafkaException as error:
            raise Unreachable(f"Kafka at {bootstrap} does not answer: {_text(error)}") from error

    @property
    def cluster_id(self) -> str:
        """The id that the cluster gave itself when it was formatted."""
        return str(self._metadata.cluster_id)

    def read(self, names: Collection[str]) -> dict[str, Topic]:
        """Those of `names` that exist; raises Failed where one exists and cannot be read."""
        listed = self._client.list_topics(timeout=_CALL_SECONDS).topics
        found = [name for name in names if name in listed and not listed[name].error]
        if not found:
            return {}
        answers = self._client.describe_configs(
            [ConfigResource(ResourceType.TOPIC, name) for name in found], request_timeout=_CALL_SECONDS
        )
        topics, wrong = {}, {}
        for resource, answer in answers.items():
            name = resource.name
            try:
                entries = answer.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    wrong[name] = _text(error)
                continue
            own = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
            configs = {key: e.value for key, e in sorted(entries.items()) if e.source == own and not e.is_sensitive}
            partitions = listed[name].partitions
            replicas = min((len(p.replicas) for p in partitions.values()), default=0)
            topics[name] = Topic(name, len(partitions), replicas, configs)
        if wrong:
            raise Failed(wrong)
        return topics

    def held(self, names: Collection[str]) -> dict[str, int]:
        """How many messages each existing topic of `names` holds, by its offsets; absent topics are left out."""
        listed = self._client.list_topics(timeout=_CALL_SECONDS).topics
        parts = [
            TopicPartition(name, number)
            for name in names
            if name in listed and not listed[name].error
            for number in listed[name].partitions
        ]
        if not parts:
            return {}
        first = self._client.list_offsets(
            {part: OffsetSpec.earliest() for part in parts}, request_timeout=_CALL_SECONDS
        )
        last = self._client.list_offsets({part: OffsetSpec.latest() for part in parts}, request_timeout=_CALL_SECONDS)
        counts = dict.fromkeys({part.topic for part in parts}, 0)
        for part in parts:
            counts[part.topic] += last[part].result().offset - first[part].result().offset
        return counts

    def refusals(self, changes: Collection[Change]) -> dict[str, str]:
        """What the brokers would refuse of `changes`, asked by their own validation; nothing is changed."""
        wrong: dict[str, str] = {}
        if created := [change.wanted for change in changes if change.create]:
            wrong |= _failures(
                self._client.create_topics([_new(topic) for topic in created], validate_only=True),
                lambda name: str(name),
            )
        if altered := [change for change in changes if change.configs and not change.create]:
            answers = self._client.incremental_alter_configs([_alter(change) for change in altered], validate_only=True)
            wrong |= _failures(answers, lambda resource: str(resource.name))
        return wrong

    def apply(self, changes: Sequence[Change]) -> None:
        """Makes `changes` and waits until every broker read shows them; raises Failed for those that could not be."""
        wrong = self._create([change.wanted for change in changes if change.create])
        grown = [NewPartitions(change.wanted.name, change.grow_to) for change in changes if change.grow_to]
        if grown:
            wrong |= _failures(self._client.create_partitions(grown), lambda name: str(name))
        altered = [_alter(change) for change in changes if change.configs and not change.create]
        if altered:
            wrong |= _failures(self._client.incremental_alter_configs(altered), lambda resource: str(resource.name))
        self._settle({c.wanted.name: c.wanted for c in changes if c.wanted.name not in wrong and not c.is_nothing})
        if wrong:
            raise Failed(wrong)

    def delete(self, names: Sequence[str]) -> None:
        """Deletes topics with their data; one that is gone already is fine. Raises Failed."""
        if not names:
            return
        answers = self._client.delete_topics(list(names), operation_timeout=_CALL_SECONDS)
        wrong = _failures(answers, lambda name: str(name), fine=(KafkaError.UNKNOWN_TOPIC_OR_PART,))
        if wrong:
            raise Failed(wrong)

    def _create(self, topics: list[Topic]) -> dict[str, str]:
        """Creates topics in one call; one that is there by now is fine: `_settle` says if it is not as wanted."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        wrong: dict[str, str] = {}
        while topics:
            answers = self._client.create_topics([_new(topic) for topic in topics], operation_timeout=_CALL_SECONDS)
            again = []
            for topic in topics:
                wrong.pop(topic.name, None)
                try:
                    answers[topic.name].result()
                except KafkaException as error:
                    code = error.args[0].code()
                    if code != KafkaError.TOPIC_ALREADY_EXISTS:
                        wrong[topic.name] = _text(error)
                    if code in _NOT_YET:
                        again.append(topic)
            if time.monotonic() > deadline:
                break
            topics = again
            time.sleep(1 if again else 0)
        return wrong

    @retry(
        retry=retry_if_exception_type(_Late),
        stop=stop_after_delay(_SETTLE_SECONDS),
        wait=wait_exponential(multiplier=0.05, max=1),
        reraise=True,
    )
    def _settle(self, wanted: Mapping[str, Topic]) -> None:
        """Returns once the brokers answer what was written."""
        live = self.read(wanted.keys())
        late = {name: _difference(live.get(name), topic) for name, topic in wanted.items() if live.get(name) != topic}
        if late:
            raise _Late({name: f"not as written after {_SETTLE_SECONDS:.0f} s: {what}" for name, what in late.items()})


def _new(topic: Topic) -> NewTopic:
    return NewTopic(
        topic.name,
        num_partitions=topic.partitions,
        replication_factor=topic.replication_factor,
        config=dict(topic.configs),
    )


def _alter(change: Change) -> ConfigResource:
    """Incremental (KIP-339), so that a config set by somebody else meanwhile is left alone."""
    entries = [
        ConfigEntry(
            key, value or "", incremental_operation=AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
        )
        for key, value in change.configs.items()
    ]
    return ConfigResource(ResourceType.TOPIC, change.wanted.name, incremental_configs=entries)


def _failures(
    answers: Mapping[Any, Future[Any]], name_of: Callable[[Any], str], fine: Collection[int] = ()
) -> dict[str, str]:
    wrong = {}
    for key, answer in answers.items():
        try:
            answer.result()
        except KafkaException as error:
            if error.args[0].code() not in fine:
                wrong[name_of(key)] = _text(error)
    return wrong


def _difference(live: Topic | None, wanted: Topic) -> str:
    return f"found {live}, wanted {wanted}" if live else "does not exist"


def _text(error: KafkaException) -> str:
    reason = error.args[0]
    return f"{reason.str()} ({reason.name()})"
