"""The scripts that make Kafka logins on the customer's side: calls in a fixed order, quoted, few."""

import shlex
import subprocess

from bus.bundle import logins

RIGHTS = {
    "b-job": {
        "topics": {"b-job-*": "all", "films": "read", "seats": "read", "sales": "read, write"},
        "groups": {"b-job": "read", "b-job-*": "read"},
    },
    "a-ui": {"transactionalIds": {"a-ui": "write"}, "topics": {"films": "describeConfigs"}},
}


def calls(text: str, *names: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.partition(" ")[0] in names]
    return [shlex.split(line) for line in lines]


def test_names_with_the_same_rights_go_in_one_call() -> None:
    found = calls(logins.users("central", RIGHTS), "login", "grant")
    assert found == [
        ["login", "a-ui"],
        ["grant", "a-ui", "--operation", "DescribeConfigs", "--topic", "films"],
        ["grant", "a-ui", "--operation", "Write", "--transactional-id", "a-ui"],
        ["login", "b-job"],
        ["grant", "b-job", "--operation", "All", "--topic", "b-job-", "--resource-pattern-type", "prefixed"],
        ["grant", "b-job", "--operation", "Read", "--group", "b-job"],
        ["grant", "b-job", "--operation", "Read", "--group", "b-job-", "--resource-pattern-type", "prefixed"],
        ["grant", "b-job", "--operation", "Read", "--topic", "films", "--topic", "seats"],
        ["grant", "b-job", "--operation", "Read", "--operation", "Write", "--topic", "sales"],
    ]


def test_each_user_and_each_login_of_the_mirror_gets_a_secret() -> None:
    text = logins.secrets("central", "ns", ["b-job", "a-ui"], {"kone": "kafka2kafka", "cinecity": "kafka2kafka"})
    assert calls(text, "login") == [
        ["login", "kafka-a-ui", "a-ui", "central"],
        ["login", "kafka-b-job", "b-job", "central"],
        ["login", "kafka-kafka2kafka-cinecity", "kafka2kafka", "cinecity"],
        ["login", "kafka-kafka2kafka-kone", "kafka2kafka", "kone"],
    ]
    assert calls(text, "secret") == [["secret", "kafka-brokers"]]


def test_brokers_that_ask_nobody_get_no_login() -> None:
    text = logins.secrets("central", "ns", None, {"kone": "kafka2kafka"})
    assert "kafka-brokers" not in text
    assert calls(text, "login") == [["login", "kafka-kafka2kafka-kone", "kafka2kafka", "kone"]]


def test_scripts_are_ones_and_have_no_password() -> None:
    for text in (logins.secrets("central", "ns", ["a"], {}), logins.users("central", RIGHTS)):
        subprocess.run(["sh", "-n", "-c", text], check=True)
        assert "password=%s" in text or "openssl rand" in text
