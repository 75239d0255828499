"""Passwords of a site's Kafka users and brokers: who gets a new one, and for which mechanism."""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping

from bus.cluster.access import MECHANISMS, OF_BROKERS

# Twice Kafka's own 4096: a password that somebody set with Kafka's tools shows by its count.
ITERATIONS = 8192
Credential = Mapping[str, str]
"""mechanism, username, password"""


def of_users(
    before: Mapping[str, Credential], users: Collection[str], renewed: bool, make: Callable[[], str]
) -> dict[str, dict[str, str]]:
    """Who is there keeps a password, unless all are renewed: then for the mechanism that the old one is not for."""
    found = {}
    for user in sorted(users):
        old = before.get(user)
        if old and not renewed:
            found[user] = dict(old)
            continue
        mechanism = next(one for one in MECHANISMS if not old or one != old["mechanism"])
        found[user] = {"mechanism": mechanism, "username": user, "password": make()}
    return found


def fingerprint(credentials: Mapping[str, Credential]) -> str:
    """Another one for other passwords. They are long and random: it tells nothing of them."""
    known = json.dumps({user: dict(one) for user, one in credentials.items()}, sort_keys=True)
    return hashlib.sha256(known.encode()).hexdigest()[:16]


def of_brokers(before: Mapping[str, str], renewed: bool, make: Callable[[], str]) -> dict[str, str]:
    """user -> password of the brokers among each other and of bus: the last one, the present one, and the next.

    Every broker knows all three. So a broker that has restarted after a renewal logs in, with what was the next
    password, at one that has not.
    """
    if not before:
        return {"bus-1": make(), "bus-2": make()}
    if not renewed:
        return dict(before)
    newest = max(_number(user) for user in before)
    kept = {user: password for user, password in before.items() if _number(user) >= newest - 1}
    return {**kept, f"bus-{newest + 1}": make()}


def secret_of_brokers(users: Mapping[str, str]) -> dict[str, str]:
    """What Secret kafka-brokers holds: the present login, and what brokers read of it (charts/kafka)."""
    user = f"bus-{max(_number(one) for one in users) - 1}"
    known = " ".join(f'user_{one}="{password}"' for one, password in sorted(users.items()))
    modules = "org.apache.kafka.common.security"
    own = f'required username="{user}" password="{users[user]}"'
    return {
        "username": user,
        "password": users[user],
        "logins": json.dumps(dict(sorted(users.items()))),
        "jaas": f"{modules}.plain.PlainLoginModule {own} {known};",
        "scram": f"{modules}.scram.ScramLoginModule {own};",
        "format": "\n".join(f"--add-scram\n{_added(one, users[one])}" for one in sorted(users)),
        "super-users": ";".join(f"User:{one}" for one in sorted(users)),
    }


def is_of_brokers(user: str) -> bool:
    """Return whether a user is one of brokers and bus, of this or of an earlier renewal."""
    return re.fullmatch(r"bus-\d+", user) is not None


def _added(user: str, password: str) -> str:
    """A user as `kafka-storage format --add-scram` takes it."""
    return f"{OF_BROKERS}=[name={user},iterations={ITERATIONS},password={password}]"


def _number(user: str) -> int:
    return int(user.removeprefix("bus-"))
