"""Topics of a live cluster as its brokers show them, any number of them in a few calls; changes nothing."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import ConfigResource, ConfigSource, OffsetSpec, ResourceType

from bus.cluster.access import Login
from bus.errors import PartialFailure
from bus.topics import holdings
from bus.topics.answers import NO_LEADER, code, is_away, text, unanswered
from bus.topics.connecting import CALL_SECONDS, CONNECT_SECONDS, connected
from bus.topics.existence import HIDDEN, each_broker, existing
from bus.topics.holdings import Log
from bus.topics.placement import Partition
from bus.topics.plan import Topic, all_as, shown, unwritten

T = TypeVar("T")
_CONNECT_SECONDS = CONNECT_SECONDS
# The controller answers before the brokers have applied: up to 13 s were seen after a large batch.
SETTLE_SECONDS = 120.0
# A read that differs counts once it has stayed the same for so long; a stale broker catches up meanwhile.
STEADY_SECONDS = 3.0
SEEN_SECONDS = 20.0


class Reader:
    """The questions to one cluster."""

    def __init__(self, bootstrap: str, login: Login | None = None) -> None:
        self.bootstrap, self.login = bootstrap, login
        self._client, self._metadata = connected(bootstrap, login, _CONNECT_SECONDS)

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
        """Those of `names` that exist; raises PartialFailure where one exists and cannot be read.

        One that no broker shows is gone only if the controller says so, too.
        """
        return self._until_shown(names, lambda: self._described(names, self._listed()))

    def _until_shown(self, names: Collection[str], look: Callable[[], dict[str, T]]) -> dict[str, T]:
        """Return what `look` finds of `names`, looked for again while it does not find one that exists.

        Raises PartialFailure.
        """
        deadline = time.monotonic() + SEEN_SECONDS
        while True:
            found = look()
            hidden = self._hidden([name for name in names if name not in found])
            if not hidden:
                return found
            if time.monotonic() > deadline:
                raise PartialFailure(dict.fromkeys(hidden, HIDDEN))
            time.sleep(0.2)

    def _hidden(self, unseen: Collection[str]) -> set[str]:
        """Those of `unseen` that exist all the same: by the controller, or by any broker where it does not tell."""
        if not unseen:
            return set()
        with self._answered():
            hidden, untold = existing(self._client, unseen, SETTLE_SECONDS)
        if untold and len(self.racks()) > 1:
            with self._each_broker() as ask:
                hidden |= {name for answer in ask(untold) for name in answer}
        return hidden

    def _shown(self, names: Collection[str]) -> dict[str, Any]:
        """Return the metadata of those of `names` that exist.

        Raises PartialFailure where one exists and no broker shows it.
        """

        def look() -> dict[str, Any]:
            listed = self._listed()
            return {name: listed[name] for name in names if name in listed}

        return self._until_shown(names, look)

    @contextmanager
    def _each_broker(self) -> Iterator[Callable[[Collection[str]], list[Mapping[str, Topic]]]]:
        """A question to every broker: what it shows of topics."""
        if len(self.racks()) == 1:
            yield lambda names: [self._described(names, self._listed())]
            return
        with each_broker(self.bootstrap, self.login, self.racks) as ask:
            yield ask

    def _described(self, names: Collection[str], listed: Mapping[str, Any]) -> dict[str, Topic]:
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
                if is_away(error):
                    raise self._unanswered(error) from error
                if code(error) != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    wrong[resource.name] = text(error)
                continue
            topics[resource.name] = _topic(resource.name, listed[resource.name], entries)
        if wrong:
            raise PartialFailure(wrong)
        return topics

    def steady(self, names: Collection[str], expected: Mapping[str, Topic]) -> dict[str, Topic]:
        """As `read`; an answer that is not as expected counts only once it has stayed the same for some seconds.

        Brokers answer from metadata that lags behind the controller: a read that is merely old is no drift.
        """
        deadline = time.monotonic() + SETTLE_SECONDS
        last, since = self.read(names), time.monotonic()
        while not all_as(last, expected) and time.monotonic() - since < STEADY_SECONDS:
            if time.monotonic() > deadline:
                break
            time.sleep(0.25)
            found = self.read(names)
            if found != last:
                last, since = found, time.monotonic()
        return last

    def leaderless(self, names: Collection[str]) -> dict[str, str]:
        """Those of `names` of which a partition has no leader, so that nobody can tell what it holds; and why.

        None has for a moment where a broker has just gone.
        """
        deadline = time.monotonic() + STEADY_SECONDS
        while True:
            found = {n: [p for p in one.partitions.values() if p.leader < 0] for n, one in self._shown(names).items()}
            away = {name: parts for name, parts in found.items() if parts}
            if not away or time.monotonic() > deadline:
                break
            time.sleep(0.25)
        alive = self.racks().keys() if away else {}
        return {name: _leaderless(parts, alive) for name, parts in away.items()}

    def logs(self, names: Collection[str], since_ms: Mapping[str, int] | None = None) -> dict[Partition, Log]:
        """Offsets of every partition of those of `names` that exist: first, last, that of a time, and the newest.

        `since_ms` maps a topic to a time; `Log.since` is the first record from then on.
        """
        parts = [TopicPartition(name, number) for name, one in self._shown(names).items() for number in one.partitions]
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
        from bus.topics.replicas import connect  # kafka-python takes 0.3 s to import, and few runs need it

        with connect(self.bootstrap, self.login) as replicas:
            return replicas.sizes(self.racks())

    def immovable(self, names: Collection[str]) -> dict[str, str]:
        """Those of `names` whose replicas cannot be moved, all or none, and why."""
        if not names:
            return {}
        from bus.topics.replicas import TooOld, connect  # as in sizes

        try:
            with connect(self.bootstrap, self.login) as replicas:
                replicas.moving()
        except TooOld as error:
            return dict.fromkeys(names, str(error))
        return {}

    def own_of_brokers(self, brokers: Collection[int]) -> dict[int, dict[str, str]]:
        """The dynamic configs that each broker has of its own."""
        own = {}
        for broker in brokers:
            found = self._of_broker(broker).items()
            own[broker] = {k: str(e.value) for k, e in found if e.source == ConfigSource.DYNAMIC_BROKER_CONFIG.value}
        return own

    def defaults(self) -> dict[str, str]:
        """What decides how long a topic keeps records that says nothing of it, as configs of a topic."""
        broker = min(self.racks())
        return holdings.defaults({key: entry.value for key, entry in self._of_broker(broker).items()})

    def _of_broker(self, broker: int) -> Mapping[str, Any]:
        asked = [ConfigResource(ResourceType.BROKER, str(broker))]
        with self._answered():
            (answer,) = self._client.describe_configs(asked, request_timeout=CALL_SECONDS).values()
            found: Mapping[str, Any] = answer.result()
        return found

    def seen(self, partitions: Mapping[str, int], seconds: float = SEEN_SECONDS) -> dict[str, Topic]:
        """Topics once a broker shows them with at least so many partitions, or after a while as they are."""
        deadline, pause = time.monotonic() + seconds, 0.02
        while partitions:
            listed, over = self._listed(), time.monotonic() > deadline
            if over or all(n in listed and len(listed[n].partitions) >= count for n, count in partitions.items()):
                live = self._described(partitions.keys(), listed)
                if over or live.keys() == partitions.keys():
                    return live
            time.sleep(pause)
            pause = min(0.1, pause * 2)
        return {}

    def settle(self, wanted: Mapping[str, Topic], seen: Mapping[str, Topic]) -> dict[str, str]:
        """Waits until every broker that answers shows what was written; returns those topics that one does not.

        `seen` are topics read since they were last written: where those are all, one broker needs no other question.
        """
        if not wanted or (len(self.racks()) == 1 and all_as(seen, wanted)):
            return {}
        deadline, pause = time.monotonic() + SETTLE_SECONDS, 0.02
        with self._each_broker() as ask:
            while True:
                late = _late(wanted, ask(wanted.keys()))
                if not late:
                    return {}
                if time.monotonic() > deadline:
                    return {name: unwritten(live, wanted[name], SETTLE_SECONDS) for name, live in late.items()}
                time.sleep(pause)
                pause = min(1, pause * 2)

    def _listed(self) -> dict[str, Any]:
        with self._answered():
            topics = self._client.list_topics(timeout=CALL_SECONDS).topics
        return {name: topic for name, topic in topics.items() if not topic.error}

    def _offsets(self, asked: Mapping[TopicPartition, OffsetSpec]) -> dict[TopicPartition, Any]:
        """Offsets, asked again of partitions whose leader is not known yet: so it is for a moment after a creation."""
        deadline = time.monotonic() + CALL_SECONDS
        found: dict[TopicPartition, Any] = {}
        left = dict(asked)
        while left:
            answers = self._client.list_offsets(left, request_timeout=CALL_SECONDS)
            for part, answer in answers.items():
                try:
                    found[part] = answer.result()
                except KafkaException as error:
                    if code(error) not in NO_LEADER or time.monotonic() > deadline:
                        raise self._unanswered(error) from error
            left = {part: spec for part, spec in left.items() if part not in found}
            time.sleep(0.2 if left else 0)
        return found

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """Raise what a question about the whole cluster may end in.

        That is Unreachable, or PartialFailure with the broker's reason.
        """
        try:
            yield
        except KafkaException as error:
            raise self._unanswered(error) from error

    def _unanswered(self, error: KafkaException) -> Exception:
        advertised = [f"{broker.host}:{broker.port}" for broker in self._metadata.brokers.values()]
        return unanswered(self.bootstrap, error, advertised)


def _topic(name: str, listed: Any, entries: Mapping[str, Any]) -> Topic:
    told = {key: entry for key, entry in sorted(entries.items()) if not entry.is_sensitive}
    own = {key: e.value for key, e in told.items() if _is_own(e)}
    return shown(
        name,
        {number: tuple(partition.replicas) for number, partition in sorted(listed.partitions.items())},
        own,
        inherited={key: e.value for key, e in told.items() if key not in own and e.value is not None},
        is_led=all(partition.leader >= 0 for partition in listed.partitions.values()),
    )


def _late(wanted: Mapping[str, Topic], answers: Collection[Mapping[str, Topic]]) -> dict[str, Topic | None]:
    """The wanted topics that some broker does not show so, and how it shows them; all where none answers."""
    late: dict[str, Topic | None] = {} if answers else dict.fromkeys(wanted)
    for answer in answers:
        for name, topic in wanted.items():
            live = answer.get(name)
            if live is None or not live.is_as(topic):
                late[name] = live
    return late


def _leaderless(partitions: Collection[Any], alive: Collection[int]) -> str:
    numbers = ", ".join(str(partition.id) for partition in partitions)
    missing = sorted({broker for partition in partitions for broker in partition.replicas} - set(alive))
    remedy = f"bring broker {', '.join(map(str, missing))} back" if missing else "look into the brokers' logs"
    return f"partition {numbers} has no leader, {remedy}"


def _is_own(entry: Any) -> bool:
    """Whether a config is set on the topic itself; brokers before 1.1 tell only that it is not a default."""
    return entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value or (
        entry.source == ConfigSource.UNKNOWN_CONFIG.value and not entry.is_default
    )
