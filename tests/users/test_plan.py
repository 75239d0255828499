"""Live and wanted users -> what is done; each case a file in plans/."""

from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given as holds
from hypothesis import strategies as st

from bus.users.plan import Acl, LiveUsers, Plan, from_props, plan, retirement, strangers, to_props, with_brokers

CASES = sorted((Path(__file__).parent / "plans").glob("*.yaml"))


def acl(text: str) -> Acl:
    """user kind name [deny] operation [from host]"""
    user, kind, name, *rest = text.split()
    deny, rest = rest[0] == "deny", rest[rest[0] == "deny" :]
    return Acl(user, kind, name, rest[0], deny, rest[2] if len(rest) > 1 else "*")


def live_of(case: dict[str, Any]) -> LiveUsers:
    return LiveUsers(frozenset(acl(text) for text in case.get("acls", [])), case.get("credentials", {}))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_what_is_done(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    live, wanted, gone = live_of(given["live"]), given["wanted"], given.get("gone", [])
    found = plan(live, wanted, gone)
    expected = given["plan"]
    assert list(found.login) == expected.get("login", [])
    assert list(found.add) == [acl(text) for text in expected.get("add", [])]
    assert list(found.remove) == sorted(acl(text) for text in expected.get("remove", []))
    assert [" ".join(one) for one in found.logout] == expected.get("logout", [])
    assert strangers(live, {*wanted, *gone}) == given.get("strangers", [])
    retired = retirement(live, given.get("retired", {}))
    assert [" ".join(one) for one in retired.logout] == given.get("retirement", [])


_NAMES = st.sampled_from(["a", "b", "a-*", "films"])
_RIGHTS = st.dictionaries(
    st.sampled_from(["topics", "groups", "transactionalIds"]),
    st.dictionaries(_NAMES, st.sampled_from(["read", "write", "all", "read, write"]), min_size=1),
)
_USERS = st.dictionaries(st.sampled_from(["jobs", "api", "web"]), _RIGHTS)


@holds(before=_USERS, wanted=_USERS)
def test_whatever_was_there_a_plan_ends_in_what_is_wanted(before: Any, wanted: Any) -> None:
    theirs = Acl("alice", "topics", "films", "all")
    acls = frozenset(one for user, rights in before.items() for one in from_props(user, rights)) | {theirs}
    live = LiveUsers(acls, {user: {"SCRAM-SHA-512": 8192} for user in before})
    made = plan(live, wanted, before.keys() - wanted.keys())
    left = {user: found for user, found in live.credentials.items() if (user, "SCRAM-SHA-512") not in made.logout}
    after = LiveUsers(
        (acls | set(made.add)) - set(made.remove), left | {user: {"SCRAM-SHA-512": 8192} for user in made.login}
    )
    assert to_props(after, dict.fromkeys(wanted, "SCRAM-SHA-512")) == wanted
    assert after.credentials.keys() == wanted.keys()
    assert theirs in after.acls
    again = plan(after, wanted, ())
    assert (again.add, again.remove, again.logout) == ((), (), ())


def test_who_cannot_log_in_as_it_was_left_is_not_there() -> None:
    live = LiveUsers(frozenset(from_props("a", {"topics": {"t": "read"}})), {"a": {"SCRAM-SHA-512": 4096}})
    assert to_props(live, {"a": "SCRAM-SHA-512"}) == {}, "4096 is not the count that bus writes"


def test_what_bus_never_writes_stands_out_in_a_preview() -> None:
    texts = [Acl(*astuple(acl(f"a topics t {text}"))).text for text in ("deny read", "read from 10.0.0.1", "read")]
    assert texts == ["deny read", "read from 10.0.0.1", "read"]


def test_users_of_brokers_get_their_passwords_and_those_of_older_renewals_go() -> None:
    live = LiveUsers(credentials={"bus-1": {"SCRAM-SHA-512": 8192}, "bus-2": {"SCRAM-SHA-512": 8192}, "bus": {"X": 1}})
    made = with_brokers(Plan(login=("api",)), live, ["bus-2", "bus-3"])
    assert made == Plan(login=("api", "bus-2", "bus-3"), logout=(("bus-1", "SCRAM-SHA-512"),))
    assert with_brokers(Plan(), live, []) == Plan(), "a Secret of before names none"
    assert strangers(live, []) == ["bus"]
