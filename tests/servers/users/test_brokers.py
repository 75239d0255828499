"""Three brokers that log in at each other, and a renewal of their passwords that restarts one after the other."""

import secrets
import time

import pytest

from bus.cluster.access import OF_BROKERS, Login, Unreachable
from bus.topics.admin import Admin
from bus.topics.plan import Topic
from bus.users.passwords import of_brokers, secret_of_brokers
from tests.support.kafka import Cluster
from tests.support.secured import BROKERS, BUS, secured, write_login

pytestmark = pytest.mark.servers
_TOPIC = Topic("films", 3, 3, {"min.insync.replicas": "2"})


def test_brokers_are_renewed_one_by_one_and_never_lose_each_other() -> None:
    with secured(3) as kafka:
        admin = registered(kafka, BUS)
        assert admin.create([_TOPIC]) == (set(), {})
        renewed = of_brokers(BROKERS, True, secrets.token_urlsafe)
        found = secret_of_brokers(renewed)
        present = Login(found["username"], found["password"], OF_BROKERS)
        write_login(kafka.login, renewed)
        for node in (1, 2):  # the new at the old, the old at the new, the new at the new
            kafka.kill(node)
            kafka.start(node)
            again = registered(kafka, present)
            assert in_sync(again), f"after broker {node}"
        with pytest.raises(Unreachable, match="does not take the password of bus-0"):
            Admin(kafka.bootstrap, Login("bus-0", "never was", OF_BROKERS))
        assert registered(kafka, BUS), "a bus that has read the Secret before the renewal goes on"


def registered(kafka: Cluster, login: Login) -> Admin:
    """A client once all three brokers are there."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            admin = Admin(kafka.bootstrap, login)
            if len(admin.racks()) == 3:
                return admin
        except Unreachable as error:
            if "password" in str(error):
                raise
        time.sleep(0.3)
    raise AssertionError("three brokers did not come together")


def in_sync(admin: Admin) -> bool:
    """Whether every replica has caught up, which takes a login at its leader."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        brokers, current = admin.layout()
        if all(set(brokers[part]) == set(current[part]) for part in brokers if part[0] == _TOPIC.name):
            return True
        time.sleep(0.3)
    return False
