"""What a change to users and their rights does, decided from what is live and what is wanted."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from bus.users.passwords import ITERATIONS, is_of_brokers
from bus.users.rights import Rights


@dataclass(frozen=True, order=True)
class Acl:
    """One entry of the brokers' list: what a user may do (or may not) on things of a kind."""

    user: str
    kind: str
    """topics, groups, transactionalIds, cluster, ..."""
    name: str
    """one that ends in * stands for all that begin so"""
    operation: str
    deny: bool = False
    host: str = "*"

    @property
    def text(self) -> str:
        """The operation as a preview shows it; what bus never writes stands out."""
        place = "" if self.host == "*" else f" from {self.host}"
        return f"{'deny ' if self.deny else ''}{self.operation}{place}"


@dataclass(frozen=True)
class LiveUsers:
    """What the brokers have; credentials: user -> mechanism -> iterations."""

    acls: frozenset[Acl] = frozenset()
    credentials: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def has_login(self, user: str, mechanism: str) -> bool:
        """Whether a user has a password of bus for a mechanism; whose it is, brokers do not tell."""
        return self.credentials.get(user, {}).get(mechanism) == ITERATIONS


@dataclass(frozen=True)
class Plan:
    """What turns the live users into the wanted ones."""

    login: tuple[str, ...] = ()
    """users that get their password"""
    add: tuple[Acl, ...] = ()
    remove: tuple[Acl, ...] = ()
    logout: tuple[tuple[str, str], ...] = ()
    """(user, mechanism): passwords that are taken away"""


def plan(live: LiveUsers, wanted: Mapping[str, Rights], gone: Collection[str]) -> Plan:
    """Rights exactly as wanted, for users that are wanted and those that are `gone`; everybody else is left alone.

    Each wanted user gets its password in any case: whether it is the right one, brokers do not tell. An older one that
    a user has for another mechanism stays: `retirement` takes it away once nobody uses it.
    """
    entries = {acl for user, rights in wanted.items() for acl in from_props(user, rights)}
    ours = {acl for acl in live.acls if acl.user in wanted or acl.user in gone}
    return Plan(
        login=tuple(sorted(wanted)),
        add=tuple(sorted(entries - ours)),
        remove=tuple(sorted(ours - entries)),
        logout=tuple((user, one) for user in sorted(set(gone) - wanted.keys()) for one in _mechanisms(live, user)),
    )


def with_brokers(made: Plan, live: LiveUsers, brokers: Collection[str]) -> Plan:
    """The plan with the users of brokers and bus, who have no rights of their own; those of older renewals go."""
    older = [user for user in sorted(live.credentials) if is_of_brokers(user) and user not in brokers]
    logout = [(user, one) for user in older for one in _mechanisms(live, user)] if brokers else []
    return replace(made, login=(*made.login, *sorted(brokers)), logout=(*made.logout, *logout))


def retirement(live: LiveUsers, mechanisms: Mapping[str, str]) -> Plan:
    """The passwords of a revision before; `mechanisms` has that of each user's newest one."""
    return Plan(
        logout=tuple(
            (user, one)
            for user, newest in sorted(mechanisms.items())
            for one in _mechanisms(live, user)
            # Without the newest one, the older is all that the user has.
            if one != newest and live.has_login(user, newest)
        )
    )


def strangers(live: LiveUsers, known: Collection[str]) -> list[str]:
    """Users that bus knows nothing of: it leaves them, their passwords and their rights alone."""
    there = {acl.user for acl in live.acls} | live.credentials.keys()
    return sorted(user for user in there - set(known) if not is_of_brokers(user))


def from_props(user: str, rights: Mapping[str, Mapping[str, str]]) -> Iterable[Acl]:
    """The entries that a user's rights stand for."""
    for kind, names in rights.items():
        for name, operations in names.items():
            for operation in operations.split(", "):
                yield Acl(user, kind, name, operation)


def to_props(live: LiveUsers, mechanisms: Mapping[str, str]) -> dict[str, Rights]:
    """The reverse, for the users of `mechanisms`; one that cannot log in with that mechanism is not there."""
    found: dict[str, Rights] = {user: {} for user, one in mechanisms.items() if live.has_login(user, one)}
    for acl in sorted(live.acls):
        if acl.user in found:
            names = found[acl.user].setdefault(acl.kind, {})
            names[acl.name] = f"{names[acl.name]}, {acl.text}" if acl.name in names else acl.text
    return found


def _mechanisms(live: LiveUsers, user: str) -> list[str]:
    return sorted(live.credentials.get(user, {}))
