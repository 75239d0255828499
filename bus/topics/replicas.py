"""What confluent-kafka has no call for: reassigning partitions, bytes on disk, one broker's own answer (docs/adr/0010).

The only importer of kafka-python.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResourceType
from kafka.errors import IncompatibleBrokerVersion, KafkaError
from kafka.protocol.admin import DescribeConfigsRequest
from kafka.protocol.metadata import MetadataRequest

from bus.cluster.access import Login, Unreachable
from bus.topics.placement import Partition
from bus.topics.plan import Topic, shown

_CALL_MS = 30_000
_RETRY_SECONDS = 60
_PREFERRED = 0  # of kafka.protocol's ElectionType
_OWN = 1  # of the protocol's ConfigSource: set on the topic itself
# Its warnings of lost connections would stand in Pulumi's diagnostics beside our own message of the same.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Move:
    """A partition on its way: `brokers` are all that hold it now, those that come and those that go included."""

    brokers: tuple[int, ...]
    coming: tuple[int, ...]
    going: tuple[int, ...]

    @property
    def target(self) -> tuple[int, ...]:
        """The brokers once it has arrived."""
        return tuple(broker for broker in self.brokers if broker not in self.going)


class TooOld(Exception):
    """Brokers that have no call for this."""


class Replicas:
    """Where the replicas of a cluster are, and are going."""

    def __init__(self, bootstrap: str, login: Login | None) -> None:
        self._bootstrap, self._login = bootstrap, login
        self._client = self._connected()

    def close(self) -> None:
        """Ends the connection."""
        self._client.close()

    def moving(self) -> dict[Partition, Move]:
        """Every partition of the cluster that is being reassigned, by whomever."""
        found = self._answer(lambda: self._client.list_partition_reassignments(timeout_ms=_CALL_MS))
        return {
            (partition.topic, partition.partition): Move(
                tuple(move["replicas"]), tuple(move["adding_replicas"]), tuple(move["removing_replicas"])
            )
            for partition, move in found.items()
        }

    def move(self, targets: Mapping[Partition, tuple[int, ...]]) -> dict[str, str]:
        """Starts to move partitions, all in one call; returns topic -> reason for those that may not."""
        asked = {TopicPartition(*partition): list(brokers) for partition, brokers in targets.items()}
        answers = self._answer(lambda: self._client.alter_partition_reassignments(asked, timeout_ms=_CALL_MS))
        wrong = {}
        for partition in asked:
            error = answers.get(partition, KafkaError)
            if error is not None:
                reason = f"{error.__name__}: {getattr(error, 'description', '') or 'no answer'}"
                wrong[partition.topic] = f"partition {partition.partition} may not be reassigned: {reason}"
        return wrong

    def elect(self, partitions: Collection[Partition]) -> None:
        """Has the preferred brokers lead; one that cannot yet does so when the controller next looks."""
        asked: dict[str, list[int]] = {}
        for topic, number in partitions:
            asked.setdefault(topic, []).append(number)
        if asked:
            self._answer(lambda: self._client.elect_leaders(_PREFERRED, asked, timeout_ms=_CALL_MS, raise_errors=False))

    def controller(self) -> int:
        """The node that leads the quorum of controllers (KIP-595)."""
        quorum = self._answer(lambda: self._client.describe_metadata_quorum())
        return int(quorum["topics"][0]["partitions"][0]["leader_id"])

    def shown_by(self, broker: int, names: Collection[str]) -> dict[str, Topic] | None:
        """What one broker shows of topics, its own configs included; None where it does not answer now.

        kafka-python has this call for a broker of one's choice only below its admin client.
        """
        wanted = [MetadataRequest.MetadataRequestTopic(name=name) for name in sorted(names)]
        metadata = MetadataRequest(topics=wanted, allow_auto_topic_creation=False)
        try:
            listed = {
                topic.name: {part.partition_index: tuple(part.replica_nodes) for part in topic.partitions}
                for topic in self._ask(broker, metadata).topics
                if topic.error_code == 0
            }
            if not listed:
                return {}
            asked = [(ConfigResourceType.TOPIC, name, None) for name in sorted(listed)]
            described = self._ask(broker, DescribeConfigsRequest(resources=asked, include_synonyms=False))
        except KafkaError:
            return None
        return {
            answer.resource_name: shown(answer.resource_name, listed[answer.resource_name], _own(answer.configs))
            for answer in described.results
            if answer.error_code == 0
        }

    def _ask(self, broker: int, request: Any) -> Any:
        manager = self._client._manager
        return manager.run(manager.send, request, broker)

    def features(self) -> dict[str, dict[str, tuple[int, int]]]:
        """Features of the brokers (KIP-584): name -> supported and finalized -> lowest and highest level.

        None of brokers before 2.4, which have no such call.
        """
        try:
            found = self._answer(lambda: self._client.describe_features())
        except TooOld:
            return {}
        return {
            name: {
                kind: (int(levels[kind][0]), int(levels[kind][1]))
                for kind in ("supported", "finalized")
                if kind in levels
            }
            for name, levels in found.items()
        }

    def sizes(self, brokers: Collection[int]) -> dict[Partition, dict[int, int]]:
        """Bytes on disk of the brokers given: partition -> broker -> size of its replica there."""
        answers = self._answer(lambda: self._client.describe_log_dirs(brokers=sorted(brokers)))
        sizes: dict[Partition, dict[int, int]] = {}
        for answer in answers:
            for folder in answer["log_dirs"]:
                for topic in folder["topics"]:
                    for partition in topic["partitions"]:
                        if partition["is_future_key"]:  # a copy on its way to another disk of the broker
                            continue
                        place = sizes.setdefault((topic["name"], partition["partition_index"]), {})
                        place[answer["broker"]] = int(partition["partition_size"])
        return sizes

    def _answer(self, ask: Callable[[], Any]) -> Any:
        """Asked again while a broker or the controller is away; each question of this module may be repeated.

        On a new connection: the client goes on asking a controller that is gone. Raises TooOld.
        """
        deadline = time.monotonic() + _RETRY_SECONDS
        while True:
            try:
                return ask()
            except IncompatibleBrokerVersion as error:
                remedy = "keep the replication factor, or use kafka-reassign-partitions.sh of that version"
                raise TooOld(
                    f"brokers before Kafka 2.4 have no call that moves replicas (KIP-455): {remedy}"
                ) from error
            except KafkaError as error:
                if time.monotonic() > deadline:
                    raise Unreachable(f"Kafka at {self._bootstrap} does not answer: {error}") from error
            time.sleep(1)
            self._client.close()
            self._client = self._connected()

    def _connected(self) -> Any:
        try:
            return KafkaAdminClient(
                bootstrap_servers=self._bootstrap.split(","),
                bootstrap_timeout_ms=_CALL_MS,
                request_timeout_ms=_CALL_MS,
                reconnect_backoff_max_ms=2000,
                **_sasl(self._login),
            )
        except (KafkaError, OSError) as error:
            raise Unreachable(f"Kafka at {self._bootstrap} does not answer: {error}") from error


def _own(entries: Collection[Any]) -> dict[str, str]:
    """The configs that are set on a topic itself; brokers before 1.1 tell only that one is not a default."""
    found = {}
    for entry in entries:
        told = entry.to_dict()
        is_own = told["config_source"] == _OWN if "config_source" in told else not told["is_default"]
        if is_own and not told["is_sensitive"]:
            found[told["name"]] = told["value"]
    return found


@contextmanager
def connect(bootstrap: str, login: Login | None = None) -> Iterator[Replicas]:
    """A connection for the calls of this module; raises Unreachable."""
    replicas = Replicas(bootstrap, login)
    try:
        yield replicas
    finally:
        replicas.close()


def _sasl(login: Login | None) -> dict[str, str]:
    if login is None:
        return {}
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": login.mechanism,
        "sasl_plain_username": login.user,
        "sasl_plain_password": login.password,
    }
