"""Who gets a new password, for which mechanism, and which passwords brokers know of each other."""

import json
from itertools import count

from bus.users.passwords import fingerprint, is_of_brokers, of_brokers, of_users, secret_of_brokers


def maker() -> "count[int]":
    return count(1)


def test_a_new_brick_gets_a_password_and_the_others_keep_theirs() -> None:
    numbers = maker()
    first = of_users({}, ["a"], False, lambda: f"p{next(numbers)}")
    second = of_users(first, ["b", "a"], False, lambda: f"p{next(numbers)}")
    assert first == {"a": {"mechanism": "SCRAM-SHA-512", "username": "a", "password": "p1"}}
    assert second == {**first, "b": {"mechanism": "SCRAM-SHA-512", "username": "b", "password": "p2"}}


def test_a_brick_that_is_gone_has_no_password_any_more() -> None:
    first = of_users({}, ["a", "b"], False, lambda: "p")
    assert of_users(first, ["a"], False, lambda: "q").keys() == {"a"}


def test_a_renewal_is_for_the_mechanism_that_the_old_password_is_not_for() -> None:
    numbers, seen = maker(), []
    found: dict[str, dict[str, str]] = {}
    for number in range(4):
        found = of_users(found, ["a"], number > 0, lambda: f"p{next(numbers)}")
        seen.append((found["a"]["mechanism"][-3:], found["a"]["password"]))
    assert seen == [("512", "p1"), ("256", "p2"), ("512", "p3"), ("256", "p4")]


def test_a_fingerprint_is_of_the_passwords_and_tells_none() -> None:
    first = of_users({}, ["b", "a"], False, lambda: "p")
    again = dict(reversed(first.items()))
    assert fingerprint(first) == fingerprint(again)
    assert len({fingerprint(one) for one in (first, of_users(first, ["a", "b"], True, lambda: "p"), {})}) == 3
    assert len(fingerprint(first)) == 16


def test_brokers_know_the_last_the_present_and_the_next_password() -> None:
    numbers = maker()

    def make() -> str:
        return f"p{next(numbers)}"

    first = of_brokers({}, False, make)
    assert of_brokers(first, False, make) == first
    second = of_brokers(first, True, make)
    third = of_brokers(second, True, make)
    assert [sorted(one) for one in (first, second, third)] == [
        ["bus-1", "bus-2"],
        ["bus-1", "bus-2", "bus-3"],
        ["bus-2", "bus-3", "bus-4"],
    ]
    for before, after in ((first, second), (second, third)):
        login = secret_of_brokers(after)["username"]
        assert before[login] == after[login], "a broker that has not restarted takes what one that has says"
        assert secret_of_brokers(before)["username"] in after, "and the other way round"


def test_what_brokers_read_names_every_login_that_they_take() -> None:
    found = secret_of_brokers({"bus-9": "c", "bus-10": "d", "bus-8": "b"})
    assert (found["username"], found["password"]) == ("bus-9", "c")
    assert 'username="bus-9" password="c" user_bus-10="d" user_bus-8="b" user_bus-9="c";' in found["jaas"]
    assert found["super-users"] == "User:bus-10;User:bus-8;User:bus-9"
    assert found["scram"].endswith('ScramLoginModule required username="bus-9" password="c";')
    assert found["format"].splitlines()[:2] == ["--add-scram", "SCRAM-SHA-512=[name=bus-10,iterations=8192,password=d]"]
    assert json.loads(found["logins"]) == {"bus-10": "d", "bus-8": "b", "bus-9": "c"}


def test_users_of_brokers_are_told_from_bricks() -> None:
    names = ("bus-1", "bus-12", "bus-", "bus-1a", "bus-api", "abus-1")
    assert [one for one in names if is_of_brokers(one)] == ["bus-1", "bus-12"]
