"""Brokers that ask for a login, set up as charts/kafka does it, and clients of bricks."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from bus.cluster.access import OF_BROKERS, Login, Unreachable
from bus.topics.connecting import connected
from bus.users.passwords import secret_of_brokers
from components.providers.users import KafkaUsersProvider, RetiredPasswordsProvider
from tests.support.kafka import Cluster, cluster
from tests.support.processes import free_port

BROKERS = {"bus-1": "one", "bus-2": "two"}
BUS = Login("bus-1", "one", OF_BROKERS)
OVER_ADMIN = Login("bus-1", "one")
"""how bus logs in through a port-forward"""
_PATIENCE_SECONDS = 120.0


@contextmanager
def secured(nodes: int = 1, *, of_before: bool = False) -> Iterator[Cluster]:
    """A cluster with an authorizer that knows BROKERS and nobody else.

    `of_before` has volumes that were formatted before brokers had users of SCRAM. Of one node, `admin` is its listener
    for port-forwards.
    """
    with tempfile.TemporaryDirectory(prefix="bus-login-") as folder:
        write_login(Path(folder), BROKERS)
        port = free_port() if nodes == 1 else 0
        given = () if of_before else (f"@{folder}/format",)
        settings = _settings(folder)
        with cluster(nodes, settings=settings, protocol="SASL_PLAINTEXT", formatted=given, admin=port) as running:
            running.login, running.admin = Path(folder), f"127.0.0.1:{port}"
            yield running


def write_login(folder: Path, users: Mapping[str, str]) -> None:
    """What a pod that starts from now on finds of Secret kafka-brokers."""
    for key, value in secret_of_brokers(users).items():
        (folder / key).write_text(value)


def _settings(folder: str) -> str:
    jaas = f"plain.sasl.jaas.config=${{dir:{folder}:jaas}}"
    scram = "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;"
    return "\n".join(
        [
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            f"super.users=${{dir:{folder}:super-users}}",
            "inter.broker.listener.name=PLAINTEXT",  # a name: its protocol is that of the map
            "sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512",
            "sasl.mechanism.controller.protocol=PLAIN",
            "listener.name.plaintext.sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256",
            "listener.name.controller.sasl.enabled.mechanisms=PLAIN",
            "listener.name.admin.sasl.enabled.mechanisms=PLAIN",
            *(f"listener.name.{listener}.{jaas}" for listener in ("admin", "controller")),
            f"listener.name.plaintext.scram-sha-512.sasl.jaas.config=${{dir:{folder}:scram}}",
            f"listener.name.plaintext.scram-sha-256.{scram}",
            "config.providers=dir",
            "config.providers.dir.class=org.apache.kafka.common.config.provider.DirectoryConfigProvider",
            f"config.providers.dir.param.allowed.paths={folder}",
        ]
    )


@dataclass
class Brick:
    """A brick's clients: each try connects anew, as one that has just started."""

    bootstrap: str
    login: Login

    def logs_in(self) -> bool:
        """Whether its password is taken."""
        try:
            connected(self.bootstrap, self.login, _PATIENCE_SECONDS)
        except Unreachable as error:
            assert "does not take the password" in str(error), error
            return False
        return True

    def topics(self) -> list[str]:
        """The topics that it may know of."""
        return sorted(AdminClient(self._settings()).list_topics(timeout=_PATIENCE_SECONDS).topics)

    def writes(self, topic: str, **settings: Any) -> str:
        """Writes one record; the name of what the broker answers, empty where it takes it."""
        answers: list[Any] = []
        producer = Producer(
            self._settings(
                **{"message.timeout.ms": int(_PATIENCE_SECONDS * 1000), "topic.metadata.refresh.sparse": True}
            )
        )
        producer.produce(topic, b"x", on_delivery=lambda error, _: answers.append(error))
        producer.flush(_PATIENCE_SECONDS + 10)
        return answers[0].name() if answers[0] else ""

    def reads(self, topic: str, group: str, seconds: float = _PATIENCE_SECONDS) -> str:
        """Reads a topic that holds a record; the name of what the broker answers, empty where it got the record."""
        deadline = time.monotonic() + seconds
        consumer = Consumer(self._settings(**{"group.id": group, "auto.offset.reset": "earliest"}))
        try:
            consumer.subscribe([topic])
            while time.monotonic() < deadline:
                found = consumer.poll(0.5)
                if found is not None:
                    error = found.error()
                    return error.name() if error else ""
            return "nothing"
        except KafkaException as error:
            return str(error.args[0].name())
        finally:
            consumer.close()

    def _settings(self, **more: Any) -> dict[str, Any]:
        login = {"sasl.username": self.login.user, "sasl.password": self.login.password}
        protocol = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": self.login.mechanism}
        return {"bootstrap.servers": self.bootstrap, "log_level": 0, **protocol, **login, **more}


class _OfATest(KafkaUsersProvider):
    """A provider with passwords of the test's own, where a stack has Secrets."""

    def __init__(self, kafka: Cluster, credentials: Mapping[str, Mapping[str, str]]) -> None:
        self._kafka, self._credentials = kafka, credentials

    def _logins(self, props: Mapping[str, Any]) -> dict[str, Login]:
        return logins(self._credentials, props["users"])

    def _brokers(self, props: Mapping[str, Any]) -> dict[str, Login]:
        return {user: Login(user, password, OF_BROKERS) for user, password in BROKERS.items()}

    @contextmanager
    def _admin(self, props: Mapping[str, Any]) -> Iterator[Any]:
        from bus.users.admin import Admin

        yield Admin(self._kafka.admin, OVER_ADMIN)


class Users(_OfATest):
    """The one that gives users their passwords and rights."""


class Retired(_OfATest, RetiredPasswordsProvider):
    """The one that comes after the bricks."""


def logins(credentials: Mapping[str, Mapping[str, str]], users: Any) -> dict[str, Login]:
    """As Secrets of bricks hold them."""
    return {user: Login(user, credentials[user]["password"], credentials[user]["mechanism"]) for user in users}


def props(users: Mapping[str, Any], revision: int = 1) -> dict[str, Any]:
    """The inputs of the resource, as components/bus.py gives them."""
    place = {"site": "central", "namespace": "central-test", "context": "", "mode": "direct", "adminPort": 9094}
    return {**place, "passwordRevision": revision, "users": dict(users), "mechanisms": None}
