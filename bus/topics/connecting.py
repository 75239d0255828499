"""A client of a site's brokers, with or without a login; says what is wrong where there is none to be had."""

import time
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from bus.cluster.access import Denied, Login, Unreachable
from bus.topics.answers import text

CALL_SECONDS = 30.0
CONNECT_SECONDS = 30.0
_ASK_SECONDS = 1.0


def connected(bootstrap: str, login: Login | None, seconds: float = CONNECT_SECONDS) -> tuple[AdminClient, Any]:
    """A client and the cluster's metadata; raises Unreachable, at once where the password is not taken."""
    denied: list[KafkaError] = []

    def heard(error: KafkaError) -> None:
        if error.code() == KafkaError._AUTHENTICATION:
            denied.append(error)

    settings: dict[str, Any] = {
        "bootstrap.servers": bootstrap,
        "socket.timeout.ms": int(CALL_SECONDS * 1000),
        "broker.address.family": "v4",
        "log_level": 0,
        "error_cb": heard,
    }
    client = AdminClient(settings | _sasl(login))
    deadline = time.monotonic() + seconds
    while True:
        try:
            return client, client.list_topics(timeout=min(seconds, _ASK_SECONDS if login else seconds))
        except KafkaException as error:
            client.poll(0)
            if denied and login:
                raise Denied(_denied(bootstrap, login, denied[0])) from error
            if time.monotonic() > deadline:
                raise Unreachable(f"Kafka at {bootstrap} does not answer: {text(error)}") from error


def _sasl(login: Login | None) -> dict[str, str]:
    if login is None:
        return {}
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": login.mechanism,
        "sasl.username": login.user,
        "sasl.password": login.password,
    }


def _denied(bootstrap: str, login: Login, error: KafkaError) -> str:
    remedy = "its brokers have not restarted since its Secret changed: run pulumi up (docs/topics.md)"
    return f"Kafka at {bootstrap} does not take the password of {login.user}: {error.str()}; {remedy}"
