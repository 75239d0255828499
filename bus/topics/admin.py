"""Changes to topics of a live cluster, any number of them in a few calls."""

import time
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, ResourceType

from bus.errors import PartialFailure, isolated
from bus.topics.answers import NOT_YET, Answers, code, errors_of, failure, is_away, text
from bus.topics.batches import batches
from bus.topics.connecting import CALL_SECONDS
from bus.topics.plan import Change, Topic
from bus.topics.reading import SEEN_SECONDS, SETTLE_SECONDS, Reader

Send = Callable[[list[str]], Answers]
# What brokers answer where it is done by now, or a read was old that did not show it.
_DONE = (KafkaError.TOPIC_ALREADY_EXISTS, KafkaError.INVALID_PARTITIONS)
Say = Callable[[str], None]
"""how a run tells of its progress"""


class Admin(Reader):
    """Acts on one cluster, beside the questions to it."""

    _increments: bool | None = None
    """whether configs can be changed one by one, once that is known"""

    def refusals(self, changes: Collection[Change]) -> dict[str, str]:
        """What the brokers would refuse of `changes`, asked by their own validation; nothing is changed.

        Raises Unreachable.
        """
        wrong: dict[str, KafkaException] = {}
        created = {change.wanted.name: change.wanted for change in changes if change.create}
        for names in batches({name: _records(topic) for name, topic in created.items()}):
            wrong |= errors_of(self._client.create_topics([_new(created[name]) for name in names], validate_only=True))
        grown = {change.wanted.name: change.grow_to for change in changes if change.grow_to}
        for names in batches(grown):
            larger = [NewPartitions(name, grown[name]) for name in names]
            wrong |= errors_of(self._client.create_partitions(larger, validate_only=True))
        altered = {change.wanted.name: change for change in changes if change.configs and not change.create}
        for names in batches({name: len(change.configs) for name, change in altered.items()}):
            wrong |= errors_of(self._alter([altered[name] for name in names], validate_only=True))
        for error in wrong.values():  # brokers that are lost meanwhile have refused nothing
            if is_away(error) and code(error) != KafkaError.INVALID_REPLICATION_FACTOR:
                raise self._unanswered(error) from error
        return {name: text(error) for name, error in wrong.items() if code(error) not in _DONE}

    def create(self, topics: Sequence[Topic]) -> tuple[set[str], dict[str, str]]:
        """Creates topics in one call; returns those that somebody else made meanwhile, and what failed.

        A topic that exists after an answer of ours was lost is ours.
        """
        wanted = {topic.name: topic for topic in topics}
        requests, unforeseen = isolated(wanted, _new, "its creation")
        tried: set[str] = set()

        def send(names: list[str]) -> Answers:
            return self._client.create_topics([requests[name] for name in names], operation_timeout=CALL_SECONDS)

        records = {name: _records(wanted[name]) for name in requests}
        errors = self._until_answered(records, send, tried)
        there, deadline = _existing(errors), time.monotonic() + SEEN_SECONDS
        # Beside a ZooKeeper, a topic that brokers no longer show may still be on its way out (seen with 2.8.2).
        while (hidden := there - tried - self._listed().keys() if there else set()) and time.monotonic() < deadline:
            time.sleep(0.5)
            answers = self._until_answered({name: records[name] for name in sorted(hidden)}, send, tried)
            errors = {name: error for name, error in errors.items() if name not in hidden} | answers
            there = _existing(errors)
        refused = {name: failure(error) for name, error in errors.items() if name not in there}
        return there - tried, unforeseen | refused

    def grow(self, partitions: Mapping[str, int]) -> dict[str, str]:
        """Adds partitions up to the given numbers; returns what failed."""

        def send(names: list[str]) -> Answers:
            return self._client.create_partitions([NewPartitions(name, partitions[name]) for name in names])

        return {name: failure(error) for name, error in self._until_answered(partitions, send).items()}

    def configure(self, changes: Sequence[Change]) -> dict[str, str]:
        """Sets and gives back configs of topics, incrementally; returns what failed.

        What is given back is first set to what brokers show: after a restart they show configs of a deleted topic of
        the same name, which the controller knows nothing of and so would not take away (seen with 4.3.1).
        """
        by_name = {change.wanted.name: change for change in changes}
        back = {name: [key for key, value in c.configs.items() if value is None] for name, c in by_name.items()}
        live = self.read([name for name, keys in back.items() if keys]) if self._takes_increments(changes) else {}
        shown = {n: {k: topic.configs[k] for k in back[n] if k in topic.configs} for n, topic in live.items()}
        if any(shown.values()):
            self._set(ResourceType.TOPIC, shown)

        def send(names: list[str]) -> Answers:
            return self._alter([by_name[name] for name in names])

        records = {name: len(change.configs) for name, change in by_name.items()}
        return {name: failure(error) for name, error in self._until_answered(records, send).items()}

    def _alter(self, changes: Sequence[Change], *, validate_only: bool = False) -> Answers:
        """Changes configs one by one, so that what somebody else sets meanwhile is left alone (KIP-339).

        Brokers before 2.3 take a topic's configs as a whole only.
        """
        if self._takes_increments(changes):
            asked = [_entries(ResourceType.TOPIC, change.wanted.name, change.configs) for change in changes]
            answers: Answers = self._client.incremental_alter_configs(asked, validate_only=validate_only)
            return answers
        whole = [ConfigResource(ResourceType.TOPIC, c.wanted.name, set_config=dict(c.wanted.configs)) for c in changes]
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            answers = self._client.alter_configs(whole, validate_only=validate_only)
        return answers

    def _takes_increments(self, changes: Sequence[Change]) -> bool:
        """Whether the brokers are of 2.3 or newer; asked once, by having them validate one of `changes`."""
        if self._increments is None and changes:
            asked = _entries(ResourceType.TOPIC, changes[0].wanted.name, changes[0].configs)
            errors = errors_of(self._client.incremental_alter_configs([asked], validate_only=True)).values()
            self._increments = all(code(error) != KafkaError._UNSUPPORTED_FEATURE for error in errors)
        return self._increments is not False

    def set_of_topic(self, values: Mapping[str, Mapping[str, str | None]]) -> None:
        """Sets configs by topic, None gives one back; raises PartialFailure."""
        self._set(ResourceType.TOPIC, values)

    def set_of_broker(self, values: Mapping[int, Mapping[str, str | None]]) -> None:
        """Sets dynamic configs by broker, None gives one back; raises PartialFailure."""
        for broker, configs in values.items():  # each broker is asked itself: librdkafka takes one a call
            self._set(ResourceType.BROKER, {str(broker): configs})

    def delete(self, names: Sequence[str]) -> None:
        """Deletes topics with their data and waits until no broker shows them any more. Raises PartialFailure.

        One that is gone already is fine.
        """

        def send(left: list[str]) -> Answers:
            return self._client.delete_topics(left, operation_timeout=CALL_SECONDS)

        errors = self._until_answered(dict.fromkeys(names, 1), send)
        wrong = {n: failure(e) for n, e in errors.items() if code(e) != KafkaError.UNKNOWN_TOPIC_OR_PART}
        if wrong:
            raise PartialFailure(wrong)
        if not names:
            return
        deadline = time.monotonic() + SETTLE_SECONDS
        with self._each_broker() as ask:
            while any(ask(names)) and time.monotonic() < deadline:
                time.sleep(0.05)

    def _set(self, kind: ResourceType, values: Mapping[str, Mapping[str, str | None]]) -> None:
        def send(names: list[str]) -> Answers:
            return self._client.incremental_alter_configs([_entries(kind, name, values[name]) for name in names])

        records = {name: len(configs) for name, configs in values.items() if configs}
        wrong = {name: failure(error) for name, error in self._until_answered(records, send).items()}
        if wrong:
            raise PartialFailure(wrong)

    def _until_answered(
        self, records: Mapping[str, int], send: Send, tried: set[str] | None = None
    ) -> dict[str, KafkaException]:
        """Sends for all names, and again for those that cannot be served yet; what failed in the end, by name.

        `records` maps each name to how many a controller writes for it: a call has no more than that takes.
        `tried` gets the names whose act may have been done although no answer said so.
        """
        deadline = time.monotonic() + SETTLE_SECONDS
        errors: dict[str, KafkaException] = {}
        names = list(records)
        while names:
            found: dict[str, KafkaException] = {}
            for batch in batches({name: records[name] for name in names}):
                found |= errors_of(send(batch))
            errors = {name: error for name, error in errors.items() if name not in names} | found
            names = [name for name, error in found.items() if code(error) in NOT_YET]
            if tried is not None:
                tried.update(n for n in names if code(found[n]) != KafkaError.INVALID_REPLICATION_FACTOR)
            if time.monotonic() > deadline:
                break
            time.sleep(1 if names else 0)
        return errors


def _existing(errors: Mapping[str, KafkaException]) -> set[str]:
    return {name for name, error in errors.items() if code(error) == KafkaError.TOPIC_ALREADY_EXISTS}


def _records(topic: Topic) -> int:
    """How many records a controller writes for a new topic."""
    return 1 + topic.partitions + len(topic.configs)


def _new(topic: Topic) -> NewTopic:
    return NewTopic(
        topic.name,
        num_partitions=topic.partitions,
        replication_factor=topic.replication_factor,
        config=dict(topic.configs),
    )


def _entries(kind: ResourceType, name: str, values: Mapping[str, str | None]) -> ConfigResource:
    entries = [
        ConfigEntry(
            key, value or "", incremental_operation=AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
        )
        for key, value in values.items()
    ]
    return ConfigResource(kind, name, incremental_configs=entries)
