"""Users of bricks on a real broker that asks for a login: rights, renewals, what others did, and what is refused."""

import secrets
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from bus.cluster.access import OF_BROKERS, Denied, Login, Unreachable
from bus.cluster.access import Cluster as Reached
from bus.cluster.endpoints import kafka_servers
from bus.topics.admin import Admin as TopicAdmin
from bus.topics.applying import apply
from bus.topics.batches import batches
from bus.topics.plan import Topic, plan
from bus.topics.replicas import connect as replicas
from bus.users.admin import Admin
from bus.users.passwords import fingerprint, of_users, secret_of_brokers
from bus.users.plan import Acl, Plan
from bus.users.plan import plan as user_plan
from bus.users.rights import Rights
from tests.support.kafka import Cluster
from tests.support.recording import recorded
from tests.support.secured import BROKERS, BUS, OVER_ADMIN, Brick, Retired, Users, logins, props, secured

pytestmark = pytest.mark.servers
WRITER: Rights = {"topics": {"films": "read, write"}, "groups": {"jobs": "read"}, "transactionalIds": {"jobs": "write"}}
READER: Rights = {"topics": {"films": "read"}, "groups": {"api": "read", "api-*": "read"}}
STREAMS: Rights = {"topics": {"films": "read", "flow-*": "all"}, "groups": {"flow": "read"}}
USERS = {"jobs": WRITER, "api": READER, "flow": STREAMS}


@pytest.fixture(scope="module")
def kafka() -> Iterator[Cluster]:
    with secured() as running:
        admin = TopicAdmin(running.bootstrap, BUS)
        assert apply(admin, [plan(None, Topic(n, 1, 1), 1) for n in ("films", "secret")], 1, 10**6, print).failed == {}
        yield running


@pytest.fixture
def admin(kafka: Cluster) -> Iterator[Admin]:
    """Nobody is there before a test, and nobody after it."""
    admin = Admin(kafka.bootstrap, BUS)
    yield admin
    live = admin.read()
    everybody = {acl.user for acl in live.acls} | live.credentials.keys()
    bricks = live.credentials.keys() - BROKERS.keys()
    logout = tuple((user, one) for user in bricks for one in live.credentials[user])
    assert admin.apply(Plan(remove=tuple(live.acls), logout=logout), {}) == {}, everybody


@pytest.fixture
def credentials() -> dict[str, dict[str, str]]:
    return made({})


def made(before: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Passwords of the users; new ones where there were any."""
    return of_users(before, USERS, bool(before), secrets.token_urlsafe)


def brick(kafka: Cluster, credentials: Mapping[str, Mapping[str, str]], user: str) -> Brick:
    return Brick(kafka.bootstrap, logins(credentials, [user])[user])


def test_a_brick_may_do_what_its_fragment_says_and_nothing_else(
    kafka: Cluster, admin: Admin, credentials: dict[str, dict[str, str]]
) -> None:
    Users(kafka, credentials).create(props(USERS))
    jobs, api, flow = (brick(kafka, credentials, user) for user in ("jobs", "api", "flow"))
    assert jobs.topics() == api.topics() == ["films"], "what a brick does not use, it does not see"
    assert jobs.writes("films") == ""
    assert jobs.writes("secret") == "TOPIC_AUTHORIZATION_FAILED"
    assert jobs.reads("films", "jobs") == ""
    assert jobs.reads("films", "api") == "GROUP_AUTHORIZATION_FAILED"
    assert api.reads("films", "api-of-tuesday") == ""
    assert api.writes("films") == "TOPIC_AUTHORIZATION_FAILED"
    assert api.reads("secret", "api") in ("TOPIC_AUTHORIZATION_FAILED", "UNKNOWN_TOPIC_OR_PART")
    made_by_flow = TopicAdmin(kafka.bootstrap, flow.login).create([Topic("flow-changelog", 1, 1)])
    assert made_by_flow == (set(), {})
    assert flow.writes("flow-changelog") == ""
    with pytest.raises(AssertionError):
        assert TopicAdmin(kafka.bootstrap, api.login).create([Topic("api-x", 1, 1)])[1] == {}
    assert not Brick(kafka.bootstrap, Login("api", "guessed", "SCRAM-SHA-512")).logs_in()


def test_at_no_moment_of_a_renewal_does_a_brick_have_no_password_that_works(
    kafka: Cluster, admin: Admin, credentials: dict[str, dict[str, str]]
) -> None:
    users, first = Users(kafka, credentials), props(USERS)
    state = users.create(first).outs
    renewed = made(credentials)
    old, new = brick(kafka, credentials, "api"), brick(kafka, renewed, "api")
    assert {one["mechanism"] for one in renewed.values()} == {"SCRAM-SHA-256"}
    wrong: list[str] = []
    ended = threading.Event()

    def connect() -> None:
        while not ended.is_set():
            if not old.logs_in():
                wrong.append("the old password was refused before the bricks had restarted")

    client = threading.Thread(target=connect)
    client.start()
    try:
        after = Users(kafka, renewed).update("id", state or {}, props(USERS, 2)).outs
        assert new.logs_in()
        assert old.logs_in()
    finally:
        ended.set()
        client.join(300)
    assert wrong == []
    Retired(kafka, renewed).create({**props(USERS, 2), "users": sorted(USERS)})
    assert not old.logs_in(), "what was renewed because somebody knew it must not work for ever"
    assert new.logs_in()
    assert after and after["mechanisms"]["api"] == "SCRAM-SHA-256"
    assert new.reads("films", "api", 15) in ("", "nothing"), "the rights are still there"


def test_passwords_that_were_made_anew_though_nothing_else_changed_reach_the_brokers(
    kafka: Cluster, admin: Admin, credentials: dict[str, dict[str, str]]
) -> None:
    """Their resource was lost or replaced: bricks got the new ones, and brokers were never told of them."""
    state = Users(kafka, credentials).create({**props(USERS), "passwordFingerprint": fingerprint(credentials)}).outs
    anew = made({})
    users, wanted = Users(kafka, anew), {**props(USERS), "passwordFingerprint": fingerprint(anew)}
    assert not brick(kafka, anew, "api").logs_in()
    assert users.diff("id", state or {}, wanted).changes
    users.update("id", state or {}, wanted)
    assert brick(kafka, anew, "api").logs_in()


def test_a_password_is_retired_only_for_who_has_a_newer_one(
    kafka: Cluster, admin: Admin, credentials: dict[str, dict[str, str]]
) -> None:
    Users(kafka, credentials).create(props(USERS))
    Retired(kafka, made(credentials)).create({**props(USERS, 2), "users": sorted(USERS)})
    assert brick(kafka, credentials, "api").logs_in()


def test_users_and_rights_of_others_are_left_alone_and_named(
    kafka: Cluster, admin: Admin, credentials: dict[str, dict[str, str]], capfd: pytest.CaptureFixture[str]
) -> None:
    theirs = Acl("alice", "topics", "secret", "read")
    assert admin.apply(Plan(login=("tool",), add=(theirs,)), {"tool": Login("tool", "t", "SCRAM-SHA-512")}) == {}
    users = Users(kafka, credentials)
    users.check({}, props(USERS))
    assert "Kafka of central: users of others are left alone: alice, tool" in capfd.readouterr().err
    users.create(props(USERS))
    live = admin.read()
    assert theirs in live.acls
    assert "tool" in live.credentials


def test_a_brick_that_is_gone_loses_password_and_rights(
    kafka: Cluster, admin: Admin, credentials: dict[str, dict[str, str]]
) -> None:
    users = Users(kafka, credentials)
    state = users.create(props(USERS)).outs or {}
    users.update("id", state, props({"jobs": WRITER}))
    live = admin.read()
    assert live.credentials.keys() == {"jobs", *BROKERS}
    assert {acl.user for acl in live.acls} == {"jobs"}
    assert not brick(kafka, credentials, "api").logs_in()


def test_what_somebody_did_by_hand_is_seen_by_refresh_and_put_back(
    kafka: Cluster, admin: Admin, credentials: dict[str, dict[str, str]]
) -> None:
    users = Users(kafka, credentials)
    state = users.create(props(USERS)).outs or {}
    assert (users.read("id", state).outs or {})["users"] == USERS, "right after, nothing differs"
    more = Acl("api", "topics", "secret", "write")
    less = Acl("api", "topics", "films", "read")
    by_hand = Plan(add=(more, Acl("api", "topics", "films", "write", deny=True)), remove=(less,))
    assert admin.apply(by_hand, {}) == {}
    assert admin.apply(Plan(logout=(("jobs", "SCRAM-SHA-512"),)), {}) == {}
    found = users.read("id", state).outs or {}
    assert found["users"]["api"]["topics"] == {"films": "deny write", "secret": "write"}
    assert "jobs" not in found["users"], "who cannot log in is not there"
    assert users.diff("id", found, props(USERS)).changes
    users.update("id", found, props(USERS))
    assert (users.read("id", state).outs or {})["users"] == USERS
    assert brick(kafka, credentials, "jobs").writes("films") == ""


def test_a_run_that_was_killed_is_repeated(
    kafka: Cluster, admin: Admin, credentials: dict[str, dict[str, str]]
) -> None:
    """Half of it was done, and no state says so."""
    half = Plan(login=("api",), add=(Acl("api", "topics", "films", "read"),))
    assert admin.apply(half, logins(credentials, ["api"])) == {}
    users = Users(kafka, credentials)
    state = users.create(props(USERS)).outs or {}
    assert (users.read("id", state).outs or {})["users"] == USERS


def test_rights_go_in_calls_that_a_controller_takes(
    kafka: Cluster, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand a call (tried with 10200: all refused); here three, so that it takes no minute."""
    calls: list[int] = []

    class Counted:
        def __getattr__(self, name: str) -> Any:
            call = getattr(client, name)

            def counted(acls: list[Any], **more: Any) -> Any:
                calls.append(len(acls))
                return call(acls, **more)

            return counted if name in ("create_acls", "delete_acls") else call

    client = admin._client
    monkeypatch.setattr(admin, "_client", Counted())
    monkeypatch.setattr("bus.users.admin.batches", partial(batches, most=3))
    one = made({})
    assert admin.apply(user_plan(admin.read(), {"jobs": WRITER, "api": READER}, []), logins(one, ["api", "jobs"])) == {}
    assert admin.apply(user_plan(admin.read(), {}, ["jobs", "api"]), {}) == {}
    assert calls == [3, 3, 1, 3, 3, 1]
    assert admin.read().acls == frozenset()


def test_a_removed_resource_takes_its_users_with_it(
    kafka: Cluster, admin: Admin, credentials: dict[str, dict[str, str]]
) -> None:
    users = Users(kafka, credentials)
    users.delete("id", users.create(props(USERS)).outs or {})
    live = admin.read()
    assert (live.acls, live.credentials.keys()) == (frozenset(), BROKERS.keys())


def test_no_password_stands_in_what_the_state_keeps(
    kafka: Cluster, admin: Admin, credentials: dict[str, dict[str, str]]
) -> None:
    users = Users(kafka, credentials)
    state = users.create(props(USERS)).outs or {}
    text = f"{state} {users.read('id', state).outs} {logins(credentials, USERS)}"
    assert not [user for user, one in credentials.items() if one["password"] in text]


def test_brokers_take_the_next_password_before_they_know_that_it_is_the_present_one(kafka: Cluster) -> None:
    assert Admin(kafka.bootstrap, Login("bus-2", "two", OF_BROKERS)).read() is not None


def test_topics_move_and_are_measured_on_brokers_that_ask(kafka: Cluster) -> None:
    admin = TopicAdmin(kafka.bootstrap, BUS)
    assert admin.sizes()["films", 0].keys() == {1}


def test_who_does_not_log_in_gets_no_answer(kafka: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bus.topics.reading._CONNECT_SECONDS", 3.0)
    with pytest.raises(Unreachable, match="does not answer"):
        TopicAdmin(kafka.bootstrap)


def test_a_wrong_password_is_said_at_once_and_not_as_a_broker_that_is_away(kafka: Cluster) -> None:
    with pytest.raises(Unreachable, match="does not take the password of bus-1") as refused:
        TopicAdmin(kafka.bootstrap, Login("bus-1", "wr0ng", OF_BROKERS))
    assert "wr0ng" not in str(refused.value)


def test_plain_is_taken_on_the_admin_listener_alone(kafka: Cluster) -> None:
    """Of all that can be reached over a network, nobody asks for a password in clear."""
    assert Admin(kafka.admin, OVER_ADMIN).read() is not None
    with pytest.raises(Unreachable, match="does not take the password of bus-1"):
        TopicAdmin(kafka.bootstrap, OVER_ADMIN)


def test_brokers_whose_volumes_know_no_user_of_theirs_are_told_of_them() -> None:
    """A site of before: bus reaches it by the admin listener, and afterwards over the network too."""
    with secured(of_before=True) as kafka:
        with pytest.raises(Denied):
            Admin(kafka.bootstrap, BUS)
        stale = {"bus-0": Login("bus-0", "zero", OF_BROKERS)}
        assert Admin(kafka.admin, OVER_ADMIN).apply(Plan(login=("bus-0",)), stale) == {}
        users, credentials = Users(kafka, made({})), made({})
        before = {**props(USERS), "brokerLogins": None}
        state = Users(kafka, credentials).create(before).outs or {}
        assert users.diff("id", state, {**props(USERS), "brokerLogins": OF_BROKERS}).changes
        assert Admin(kafka.bootstrap, BUS).read().credentials.keys() == {*USERS, *BROKERS}, "bus-0 is of long ago"


def test_no_password_goes_over_the_line_in_clear(kafka: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """What bus says to a broker that it reaches directly, recorded on its way: of both clients."""
    held = secret_of_brokers(BROKERS)
    workload = type("", (), {"raw": {"metadata": {"annotations": {"bus/broker-logins": "scram"}}}})
    monkeypatch.setattr("bus.cluster.kube.ready_pods", lambda *_: (workload, []))
    monkeypatch.setattr("bus.cluster.kube.is_secured", lambda _: True)
    monkeypatch.setattr("bus.cluster.kube.secret", lambda *_: held)
    with kafka_servers(Reached(mode="direct"), 0) as servers:
        assert servers.bootstrap == "kafka.default:9092"
        assert servers.login
        with recorded(kafka.bootstrap) as (bootstrap, said):
            assert TopicAdmin(bootstrap, servers.login).read(["films"])
            with replicas(bootstrap, servers.login) as found:
                assert found.moving() == {}
        text = b"".join(said)
        assert b"SCRAM-SHA-512" in text and b"n=bus-1" in text
        assert not [one for one in BROKERS.values() if b"\0" + one.encode() in text]
        assert b"\0bus-1\0one" not in text
