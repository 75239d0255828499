"""Brokers that ask for a login, on both sites: rights, a renewal of all passwords, and no password in clear."""

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest

from bus.users.passwords import is_of_brokers
from tests.real.flows import CENTRAL, CINECITY, film_crosses, sale_comes_back
from tests.real.sandbox import Site, Stack, kafka, kubectl, operations
from tests.real.secrecy import backend_files, helm_records

pytestmark = pytest.mark.real
USERS = {
    "cineges-central-api",
    "cineges-central-jobs",
    "cineges-db2-jobs",
    "db2kafka",
    "kafka-notif",
    "kafka2kafka",
    "odoo2kafka-job",
}


@pytest.fixture(scope="module")
def renewing() -> Iterator[Stack]:
    """The stack with other passwords for all Kafka users; afterwards it is deployed as it was."""

    def edit(config: dict[str, Any]) -> None:
        for site in config["bus:sites"].values():
            site["kafka"]["passwordRevision"] = 2

    yield Stack.local().changed(edit)
    Stack.local().up()


def mechanisms(site: Site) -> dict[str, str]:
    """User -> mechanisms of its passwords, as the brokers have them."""
    lines = kafka(site, "kafka.admin.ConfigCommand", "--describe", "--entity-type", "users").splitlines()
    found = [line for line in lines if "user-principal '" in line]
    known = ("SCRAM-SHA-256", "SCRAM-SHA-512")
    return {line.split("'")[1]: " ".join(one for one in known if one in line) for line in found}


def passwords(site: Site) -> dict[str, str]:
    """Secret -> password, as the site's Secrets hold it."""
    items = json.loads(kubectl("get", "secrets", "-n", site.namespace, "-o", "json"))["items"]
    named = {item["metadata"]["name"]: item["data"] for item in items if item["metadata"]["name"].startswith("kafka-")}
    return {name: b64decode(data["password"]).decode() for name, data in named.items()}


def secrets(site: Site) -> dict[str, str]:
    """Secret -> its uid: another one if it was deleted and made anew."""
    items = json.loads(kubectl("get", "secrets", "-n", site.namespace, "-o", "json"))["items"]
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in items if item["type"] == "Opaque"}


def running(site: Site) -> dict[str, str]:
    """Brick -> id of its pod."""
    pods = json.loads(kubectl("get", "pods", "-n", site.namespace, "-o", "json"))["items"]
    return {pod["metadata"]["labels"].get("app.kubernetes.io/name", ""): pod["metadata"]["uid"] for pod in pods}


def test_a_brick_without_the_right_is_refused_by_the_broker() -> None:
    with pytest.raises(AssertionError, match="ended with 1"):
        CENTRAL.produce("cineges-db2-jobs", "cineges.film.data", "x", {})
    said = kubectl("logs", "-n", CENTRAL.namespace, "deployment/cineges-db2-jobs", "--tail=5")
    assert "TOPIC_AUTHORIZATION_FAILED" in said


def test_no_kafka_password_stands_in_clear_anywhere(renewing: Stack) -> None:
    found = passwords(CENTRAL) | passwords(CINECITY)
    assert len(found) >= len(USERS)
    looked = "cat /proc/*/cmdline /proc/*/environ /tmp/*.properties"
    texts = {
        **backend_files(),
        "preview of a renewal": renewing.pulumi("preview", "--diff"),
        "stack outputs": Stack.local().pulumi("stack", "output", "--json"),
        "exported state": Stack.local().pulumi("stack", "export"),
        "Helm's records": helm_records(),
        "config maps": kubectl("get", "configmaps", "-A", "-o", "json"),
        "pods": kubectl("get", "pods", "-A", "-o", "json"),
        "a broker's processes": kubectl("exec", "-n", CENTRAL.namespace, "kafka-0", "--", "sh", "-c", looked),
    }
    for place, text in texts.items():
        for name, password in found.items():
            assert password not in text, f"the password in Secret {name} stands in clear in {place}"


def test_a_preview_of_a_renewal_replaces_nothing(renewing: Stack) -> None:
    steps = json.loads(renewing.pulumi("preview", "--json"))["steps"]
    assert [step["urn"] for step in steps if step["op"] == "update"]
    assert not [step["urn"] for step in steps if "replace" in step["op"]]


def test_a_renewal_restarts_who_logs_in_and_takes_back_what_was_given_by_hand(renewing: Stack) -> None:
    given = ("--allow-principal", "User:db2kafka", "--operation", "Read", "--topic", "notifications")
    kafka(CENTRAL, "org.apache.kafka.tools.AclCommand", "--add", *given)
    before, old, uids = running(CENTRAL), passwords(CENTRAL), secrets(CENTRAL)
    was = mechanisms(CENTRAL)
    assert {user for user in was if not is_of_brokers(user)} == USERS
    changed = operations(renewing.up("--refresh"))
    for name in ("central-kafka-passwords", "central-kafka-users", "retired-central-kafka"):
        assert changed[name] == "update", name
    after, new = running(CENTRAL), passwords(CENTRAL)
    now = mechanisms(CENTRAL)
    assert {user for user in now if not is_of_brokers(user)} == USERS
    assert sorted(user for user in now if is_of_brokers(user)) == ["bus-1", "bus-2", "bus-3"], "brokers log in so too"
    assert not [user for user in USERS if now[user] == was[user] or " " in now[user]], "one password each, another one"
    assert not set(old.values()) & set(new.values()) - {old["kafka-brokers"]}
    assert {brick for brick in before if before[brick] == after.get(brick)}.isdisjoint({"kafka", *USERS - {"db2kafka"}})
    assert secrets(CENTRAL) == uids, "a Secret that is away for a moment keeps pods from starting"
    assert before["cineges-ui"] == after["cineges-ui"], "it names no topic, so it has no password"
    entries = kafka(CENTRAL, "org.apache.kafka.tools.AclCommand", "--list", "--principal", "User:db2kafka")
    assert "as400.film" in entries
    assert "notifications" not in entries
    film_crosses()
    sale_comes_back()
    renewing.pulumi("preview", "--expect-no-changes")
