"""One bad user of a set stops no other: through pulumi's own provider process, on a real broker with logins."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bus.topics.admin import Admin as TopicAdmin
from bus.topics.plan import Topic
from bus.users.rights import Rights
from tests.support.dynamic import Broken, host
from tests.support.kafka import Cluster
from tests.support.secured import BUS, Brick, Users, logins, props, secured

pytestmark = pytest.mark.servers
READER: Rights = {"topics": {"films": "read"}, "groups": {"api": "read"}}
GOOD = {"api": READER, "jobs": READER}
REFUSED: dict[str, Rights] = {"m-refused": {"topics": {"": "read"}}}
SCRAM = "SCRAM-SHA-512"


@pytest.fixture(scope="module")
def kafka() -> Iterator[Cluster]:
    with secured() as running:
        assert TopicAdmin(running.bootstrap, BUS).create([Topic("films", 1, 1)]) == (set(), {})
        yield running


def provider_of(kafka: Cluster, mechanisms: dict[str, str]) -> tuple[Users, dict[str, dict[str, str]]]:
    """A provider that can be sent to a process: without the brokers' own processes."""
    place: Any = SimpleNamespace(bootstrap=kafka.bootstrap, admin=kafka.admin)
    credentials = {user: {"password": f"of {user}", "mechanism": how} for user, how in mechanisms.items()}
    return Users(cast(Cluster, place), credentials), credentials


def test_the_others_get_passwords_and_rights_and_each_bad_one_is_named(kafka: Cluster) -> None:
    """The broker refuses a right of one, and the client breaks on the password of another."""
    everybody = {**GOOD, **REFUSED, "n-unforeseen": READER}
    broken_provider, credentials = provider_of(kafka, {**dict.fromkeys(everybody, SCRAM), "n-unforeseen": "SCRAM-MD5"})
    with host(broken_provider) as process, pytest.raises(Broken) as broken:
        process.up(props(everybody))
    message = str(broken.value)
    assert "m-refused: " in message and "n-unforeseen: its password failed with KeyError" in message
    assert "running again is safe" in message
    assert "api: " not in message and "jobs: " not in message
    for user in GOOD:
        assert Brick(kafka.bootstrap, logins(credentials, [user])[user]).topics() == ["films"]
    right, credentials = provider_of(kafka, dict.fromkeys(everybody, SCRAM))
    mended = {**everybody, "m-refused": READER}
    with host(right) as process:
        assert process.up(props(mended))
        assert not process.up(props(mended))
    for user in mended:
        assert Brick(kafka.bootstrap, logins(credentials, [user])[user]).topics() == ["films"]
