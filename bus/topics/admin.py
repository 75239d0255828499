"""Topics of a live cluster, any number of them in a few calls; the only importer of confluent_kafka."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
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

from bus.access import Unreachable
from bus.errors import Failed
from bus.topics.configs import THROTTLED
from bus.topics.holdings import Log
from bus.topics.placement import Partition
from bus.topics.plan import Change, Topic
from bus.topics.replicas import connect

CALL_SECONDS = 30.0
_CONNECT_SECONDS = 20.0
# The controller answers before the brokers have applied: up to 13 s were seen after a large batch.
SETTLE_SECONDS = 60.0
# A read that differs counts once it has stayed the same for so long; a stale broker catches up meanwhile.
STEADY_SECONDS = 3.0
# A broker that has just started is not registered for a moment, a controller moves, an answer is lost on its way.
_NOT_YET = frozenset(
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

Send = Callable[[list[str]], Mapping[Any, "Future[Any]"]]


class Admin:
    """The admin calls of one cluster."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._client = AdminClient(
            {
                "bootstrap.servers": bootstrap,
                "socket.timeout.ms": int(CALL_SECONDS * 1000),
                "broker.address.family": "v4",
                "log_level": 0,
            }
        )
        try:
            self._metadata = self._client.list_topics(timeout=_CONNECT_SECONDS)
        except KafkaException as error:
            raise Unreachable(f"Kafka at {bootstrap} does not answer: {text(error)}") from error

    @property
    def cluster_id(self) -> str:
        """The id that the cluster gave itself when it was formatted."""
        return str(self._metadata.cluster_id)

    def racks(self) -> dict[int, str | None]:
        """The brokers that live, and the rack of each that has one."""
        with self._answered():
            found = self._client.describe_cluster(request_timeout=CALL_SECONDS).result()
        return {node.id: node.rack or None for node in found.nodes}

    def names(self) -> list[str]:
        """Every topic of the cluster but Kafka's internal ones."""
        return sorted(name for name in self._listed() if not name.startswith("__"))

    def layout(self) -> tuple[dict[Partition, tuple[int, ...]], dict[Partition, tuple[int, ...]]]:
        """Every partition of the cluster: its brokers, and those in sync."""
        brokers: dict[Partition, tuple[int, ...]] = {}
        in_sync: dict[Partition, tuple[int, ...]] = {}
        for name, topic in self._listed().items():
            for number, partition in topic.partitions.items():
                brokers[name, number] = tuple(partition.replicas)
                in_sync[name, number] = tuple(partition.isrs)
        return brokers, in_sync

    def read(self, names: Collection[str]) -> dict[str, Topic]:
        """Those of `names` that exist, as one broker answers; raises Failed where one exists and cannot be read."""
        listed = self._listed()
        found = [name for name in names if name in listed]
        if not found:
            return {}
        answers = self._client.describe_configs(
            [ConfigResource(ResourceType.TOPIC, name) for name in found], request_timeout=CALL_SECONDS
        )
        topics, wrong = {}, {}
        for resource, answer in answers.items():
            try:
                entries = answer.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    wrong[resource.name] = text(error)
                continue
            topics[resource.name] = _topic(resource.name, listed[resource.name], entries)
        if wrong:
            raise Failed(wrong)
        return topics

    def steady(self, names: Collection[str], expected: Mapping[str, Topic]) -> dict[str, Topic]:
        """As `read`; an answer that is not as expected counts only once it has stayed the same for some seconds.

        Brokers answer from metadata that lags behind the controller: a read that is merely old is no drift.
        """
        deadline = time.monotonic() + SETTLE_SECONDS
        last, since = self.read(names), time.monotonic()
        while not _all_as(last, expected) and time.monotonic() - since < STEADY_SECONDS:
            if time.monotonic() > deadline:
                break
            time.sleep(0.25)
            found = self.read(names)
            if found != last:
                last, since = found, time.monotonic()
        return last

    def logs(self, names: Collection[str], since_ms: Mapping[str, int] | None = None) -> dict[Partition, Log]:
        """Offsets of every partition of those of `names` that exist: first, last, that of a time, and the newest.

        `since_ms` maps a topic to a time; `Log.since` is the first record from then on.
        """
        listed = self._listed()
        parts = [TopicPartition(n, p) for n in names if n in listed for p in listed[n].partitions]
        times = since_ms or {}
        first = self._offsets(dict.fromkeys(parts, OffsetSpec.earliest()))
        last = self._offsets(dict.fromkeys(parts, OffsetSpec.latest()))
        newest = self._offsets(dict.fromkeys(parts, OffsetSpec.max_timestamp()))
        since = self._offsets({p: OffsetSpec.for_timestamp(times[p.topic]) for p in parts if p.topic in times})
        logs = {}
        for part in parts:
            at = since[part].offset if part in since else None
            logs[part.topic, part.partition] = Log(
                first=first[part].offset,
                last=last[part].offset,
                newest_ms=newest[part].timestamp if newest[part].timestamp > 0 else None,
                since=last[part].offset if at is not None and at < 0 else at,  # -1: no record is that young
            )
        return logs

    def readers(self, names: Collection[str]) -> dict[str, list[str]]:
        """The consumer groups that read each of `names` now."""
        readers: dict[str, set[str]] = {name: set() for name in names}
        with self._answered():
            groups = self._client.list_consumer_groups(request_timeout=CALL_SECONDS).result().valid
            ids = [group.group_id for group in groups]
            answers = self._client.describe_consumer_groups(ids, request_timeout=CALL_SECONDS) if ids else {}
            for group, answer in answers.items():
                for member in answer.result().members:
                    for part in member.assignment.topic_partitions if member.assignment else []:
                        if part.topic in readers:
                            readers[part.topic].add(group)
        return {name: sorted(found) for name, found in readers.items()}

    def sizes(self) -> dict[Partition, dict[int, int]]:
        """Bytes on disk of every partition: partition -> broker -> size of its replica there."""
        with connect(self.bootstrap) as replicas:
            return replicas.sizes(self.racks())

    def refusals(self, changes: Collection[Change]) -> dict[str, str]:
        """What the brokers would refuse of `changes`, asked by their own validation; nothing is changed."""
        wrong: dict[str, str] = {}
        if created := [change.wanted for change in changes if change.create]:
            answers = self._client.create_topics([_new(topic) for topic in created], validate_only=True)
            # The topic may be there by now, or a stale read has not shown it.
            wrong |= {
                name: text(e) for name, e in _errors(answers).items() if _code(e) != KafkaError.TOPIC_ALREADY_EXISTS
            }
        if altered := [change for change in changes if change.configs and not change.create]:
            said = self._client.incremental_alter_configs([_alter(change) for change in altered], validate_only=True)
            wrong |= {name: text(e) for name, e in _errors(said).items()}
        return wrong

    def create(self, topics: Sequence[Topic]) -> tuple[set[str], dict[str, str]]:
        """Creates topics in one call; returns those that somebody else made meanwhile, and what failed.

        A topic that exists after an answer of ours was lost is ours.
        """
        wanted = {topic.name: topic for topic in topics}
        tried: set[str] = set()

        def send(names: list[str]) -> Mapping[Any, "Future[Any]"]:
            return self._client.create_topics([_new(wanted[name]) for name in names], operation_timeout=CALL_SECONDS)

        errors = self._until_answered(list(wanted), send, tried)
        there = {name for name, error in errors.items() if _code(error) == KafkaError.TOPIC_ALREADY_EXISTS}
        return there - tried, {name: text(error) for name, error in errors.items() if name not in there}

    def grow(self, partitions: Mapping[str, int]) -> dict[str, str]:
        """Adds partitions up to the given numbers; returns what failed."""

        def send(names: list[str]) -> Mapping[Any, "Future[Any]"]:
            return self._client.create_partitions([NewPartitions(name, partitions[name]) for name in names])

        return {name: text(error) for name, error in self._until_answered(list(partitions), send).items()}

    def configure(self, changes: Sequence[Change]) -> dict[str, str]:
        """Sets and gives back configs of topics, incrementally; returns what failed."""
        by_name = {change.wanted.name: change for change in changes}

        def send(names: list[str]) -> Mapping[Any, "Future[Any]"]:
            return self._client.incremental_alter_configs([_alter(by_name[name]) for name in names])

        return {name: text(error) for name, error in self._until_answered(list(by_name), send).items()}

    def set_of_topic(self, values: Mapping[str, Mapping[str, str | None]]) -> None:
        """Sets configs by topic, None gives one back; raises Failed."""
        self._set(ResourceType.TOPIC, values)

    def set_of_broker(self, values: Mapping[int, Mapping[str, str | None]]) -> None:
        """Sets dynamic configs by broker, None gives one back; raises Failed."""
        for broker, configs in values.items():  # each broker is asked itself: librdkafka takes one a call
            self._set(ResourceType.BROKER, {str(broker): configs})

    def own_of_brokers(self, brokers: Collection[int]) -> dict[int, dict[str, str]]:
        """The dynamic configs that each broker has of its own."""
        own = {}
        for broker in brokers:
            asked = [ConfigResource(ResourceType.BROKER, str(broker))]
            with self._answered():
                (answer,) = self._client.describe_configs(asked, request_timeout=CALL_SECONDS).values()
                found = answer.result().items()
            own[broker] = {k: str(e.value) for k, e in found if e.source == ConfigSource.DYNAMIC_BROKER_CONFIG.value}
        return own

    def delete(self, names: Sequence[str]) -> None:
        """Deletes topics with their data and waits until brokers no longer show them. Raises Failed.

        One that is gone already is fine.
        """

        def send(left: list[str]) -> Mapping[Any, "Future[Any]"]:
            return self._client.delete_topics(left, operation_timeout=CALL_SECONDS)

        errors = self._until_answered(list(names), send)
        wrong = {n: text(e) for n, e in errors.items() if _code(e) != KafkaError.UNKNOWN_TOPIC_OR_PART}
        if wrong:
            raise Failed(wrong)
        deadline, unseen = time.monotonic() + SETTLE_SECONDS, 0
        while names and unseen < self._answers_needed() and time.monotonic() < deadline:
            unseen = 0 if self._listed().keys() & set(names) else unseen + 1
            time.sleep(0 if unseen else 0.05)

    def seen(self, partitions: Mapping[str, int]) -> dict[str, Topic]:
        """Topics once a broker shows them with at least so many partitions, or after a while as they are."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            live = self.read(partitions.keys())
            late = [n for n, count in partitions.items() if n not in live or live[n].partitions < count]
            if not late or time.monotonic() > deadline:
                return live
            time.sleep(0.1)

    def settle(self, wanted: Mapping[str, Topic]) -> dict[str, str]:
        """Waits until the brokers answer what was written; returns those that do not."""
        deadline, pause = time.monotonic() + SETTLE_SECONDS, 0.02
        needed, good = self._answers_needed(), 0
        while True:
            live = self.read(wanted.keys())
            late = {name: topic for name, topic in wanted.items() if name not in live or not live[name].is_as(topic)}
            good = 0 if late else good + 1
            if good == needed or (late and time.monotonic() > deadline):
                return {name: _late(live.get(name), topic) for name, topic in late.items()}
            if late:
                time.sleep(pause)
                pause = min(1, pause * 2)

    def _answers_needed(self) -> int:
        """How often the same is to be read in a row: several brokers answer in turn, each from metadata of its own."""
        return 1 if len(self._metadata.brokers) == 1 else 3

    def _set(self, kind: ResourceType, values: Mapping[str, Mapping[str, str | None]]) -> None:
        def send(names: list[str]) -> Mapping[Any, "Future[Any]"]:
            return self._client.incremental_alter_configs([_entries(kind, name, values[name]) for name in names])

        wrong = {n: text(e) for n, e in self._until_answered([n for n in values if values[n]], send).items()}
        if wrong:
            raise Failed(wrong)

    def _until_answered(self, names: list[str], send: Send, tried: set[str] | None = None) -> dict[str, KafkaException]:
        """Sends for all of `names`, and again for those that cannot be served yet; what failed in the end, by name.

        `tried` gets the names whose act may have been done although no answer said so.
        """
        deadline = time.monotonic() + SETTLE_SECONDS
        errors: dict[str, KafkaException] = {}
        while names:
            found = _errors(send(names))
            errors = {name: error for name, error in errors.items() if name not in names} | found
            names = [name for name, error in found.items() if _code(error) in _NOT_YET]
            if tried is not None:
                tried.update(n for n in names if _code(found[n]) != KafkaError.INVALID_REPLICATION_FACTOR)
            if time.monotonic() > deadline:
                break
            time.sleep(1 if names else 0)
        return errors

    def _listed(self) -> dict[str, Any]:
        with self._answered():
            topics = self._client.list_topics(timeout=CALL_SECONDS).topics
        return {name: topic for name, topic in topics.items() if not topic.error}

    def _offsets(self, asked: Mapping[TopicPartition, OffsetSpec]) -> dict[TopicPartition, Any]:
        if not asked:
            return {}
        with self._answered():
            answers = self._client.list_offsets(dict(asked), request_timeout=CALL_SECONDS)
            return {part: answer.result() for part, answer in answers.items()}

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """What a question about the whole cluster may end in: Unreachable, or Failed with the broker's reason."""
        try:
            yield
        except KafkaException as error:
            if _code(error) in _NOT_YET or _code(error) == KafkaError._ALL_BROKERS_DOWN:
                raise Unreachable(f"Kafka at {self.bootstrap} does not answer: {text(error)}") from error
            raise Failed({f"Kafka at {self.bootstrap}": text(error)}) from error


def _topic(name: str, listed: Any, entries: Mapping[str, Any]) -> Topic:
    replicas = {number: tuple(partition.replicas) for number, partition in sorted(listed.partitions.items())}
    shown = {key: entry for key, entry in sorted(entries.items()) if not entry.is_sensitive}
    own = {key: e.value for key, e in shown.items() if e.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value}
    return Topic(
        name,
        len(replicas),
        min((len(brokers) for brokers in replicas.values()), default=0),
        {key: value for key, value in own.items() if key not in THROTTLED},
        replicas=replicas,
        inherited={key: e.value for key, e in shown.items() if key not in own and e.value is not None},
        unfinished=any(own.get(key) for key in THROTTLED),
    )


def _all_as(live: Mapping[str, Topic], expected: Mapping[str, Topic]) -> bool:
    return all(name in live and live[name].is_as(topic) for name, topic in expected.items())


def _new(topic: Topic) -> NewTopic:
    return NewTopic(
        topic.name,
        num_partitions=topic.partitions,
        replication_factor=topic.replication_factor,
        config=dict(topic.configs),
    )


def _alter(change: Change) -> ConfigResource:
    return _entries(ResourceType.TOPIC, change.wanted.name, change.configs)


def _entries(kind: ResourceType, name: str, values: Mapping[str, str | None]) -> ConfigResource:
    """Incremental (KIP-339), so that a config set by somebody else meanwhile is left alone."""
    entries = [
        ConfigEntry(
            key, value or "", incremental_operation=AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
        )
        for key, value in values.items()
    ]
    return ConfigResource(kind, name, incremental_configs=entries)


def _errors(answers: Mapping[Any, "Future[Any]"]) -> dict[str, KafkaException]:
    """The error of each topic (or config resource) whose answer is one."""
    found = {}
    for key, answer in answers.items():
        try:
            answer.result()
        except KafkaException as error:
            found[key if isinstance(key, str) else str(key.name)] = error
    return found


def _late(live: Topic | None, wanted: Topic) -> str:
    what = f"found {live}, wanted {wanted}" if live else "does not exist"
    return f"not as written after {SETTLE_SECONDS:.0f} s: {what}; run the same command again"


def _code(error: KafkaException) -> int:
    return int(error.args[0].code())


def text(error: KafkaException) -> str:
    """What the broker said, and the name that its documentation has for it."""
    reason = error.args[0]
    return f"{reason.str()} ({reason.name()})"
