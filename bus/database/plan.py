"""Which statements turn the live roles of a server into the wanted ones."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bus.database import scram
from bus.database.roles import ATTRIBUTES, LiveRoles, Owned, Rights, Role, WantedRoles, to_text
from bus.database.sql import END_IDLE, identifier, literal

SERVICE = "postgres"
"""the database that every server has, in which roles are changed"""
_ADMINS = ("postgres", "bus_admin")
_SWAP = "bus_swap"
# Predefined roles for reading everything: https://www.postgresql.org/docs/14/predefined-roles.html
_READERS_SINCE, _READER = 140000, "pg_read_all_data"


@dataclass(frozen=True)
class Step:
    """One statement, or one transaction of several; each leaves a server on which all clients work."""

    database: str
    statement: str = field(repr=False)
    says: str
    """what a preview shows; never a password, nor what the server keeps of one"""


@dataclass(frozen=True)
class Plan:
    """What is done, in this order."""

    steps: tuple[Step, ...] = ()
    refused: str = ""
    """why nothing can be done"""
    remarks: tuple[str, ...] = ()

    @property
    def says(self) -> list[str]:
        """What a preview shows, each once."""
        return list(dict.fromkeys(step.says for step in self.steps))


def plan(live: LiveRoles, wanted: WantedRoles) -> Plan:
    """Return the statements that are missing; none where a server is as wanted.

    Old databases have one role that initdb made, Odoo's own: a superuser for ever. It takes the name of an
    administrator, and another role takes its name, its password and all that it owns (docs/adr/0058).
    """
    if live.in_recovery:
        return Plan(refused="the server is a standby, which takes no changes; roles are changed on its primary")
    if refused := _of_another(live, wanted):
        return Plan(refused=refused)
    found = live.roles.get(wanted.user)
    takes_over = found is not None and found.bootstrap
    steps = list(_takeover(live, wanted)) if takes_over else list(_moves(live, wanted))
    if found and takes_over:
        # What it is from then on.
        live = _after_takeover(live, wanted, found)
    for name in sorted(wanted.roles):
        steps += _role(live, wanted, name)
    steps += _logouts(live, wanted)
    remarks = []
    if takes_over or _has_no_password(live):
        if live.idle:
            said = f"{live.idle} idle session(s) with rights of a superuser are ended: their clients connect again"
            steps.append(Step(SERVICE, END_IDLE, said))
        if live.busy:
            remarks.append(f"{live.busy} busy session(s) keep the rights of a superuser until their client restarts")
    return Plan(tuple(steps), remarks=tuple(remarks))


def rights_of(live: LiveRoles, wanted: WantedRoles, name: str) -> Rights:
    """Return the rights of a wanted role that this version of the server can give."""
    rights = wanted.roles[name]
    if _READER in rights and live.version < _READERS_SINCE:
        return (rights - {_READER}) | {wanted.user}  # what the owner may read, and write
    return rights


def _of_another(live: LiveRoles, wanted: WantedRoles) -> str:
    """Return why a database of another ordinary role is left alone."""
    owner = live.databases.get(wanted.database)
    if owner is None or owner in (wanted.user, live.bootstrap):
        return ""
    return (
        f"database {wanted.database} belongs to role {owner}, and postgres.user of the stack file is {wanted.user}; "
        f"set postgres.user to {owner}, or give the database and all that is in it away by hand: "
        f"REASSIGN OWNED BY {identifier(owner)} TO {identifier(wanted.user)}"
    )


def _takeover(live: LiveRoles, wanted: WantedRoles) -> Iterator[Step]:
    """Give all that the bootstrap role owns to a successor, and swap their names in one transaction."""
    successor = f"{wanted.user}-next"
    if successor not in live.roles:
        says = f"role {wanted.user}, made by initdb, gets a successor that is no superuser"
        yield Step(SERVICE, f"CREATE ROLE {identifier(successor)} NOLOGIN", says)
    for database, objects in sorted(live.owned.items()):
        yield from _given(database, objects, successor, wanted.user)
    taken = {wanted.user, *live.roles}
    admin = next((name for name in _ADMINS if name not in taken), f"{wanted.user}-admin")
    old = live.roles[wanted.user]
    password = f" PASSWORD {literal(old.verifier)}" if old.verifier else ""
    given = [
        f"ALTER DATABASE {identifier(database)} OWNER TO {identifier(wanted.user)};"
        for database, owner in sorted(live.databases.items())
        if owner == wanted.user and database != SERVICE
    ]
    # The role of a session cannot be renamed, so the session takes another one, which never shows outside of this.
    swap = [
        "BEGIN;",
        f"CREATE ROLE {_SWAP} SUPERUSER;",
        f"SET SESSION AUTHORIZATION {_SWAP};",
        f"ALTER ROLE {identifier(wanted.user)} RENAME TO {identifier(admin)};",
        f"ALTER ROLE {identifier(admin)} PASSWORD NULL;",
        f"ALTER ROLE {identifier(successor)} RENAME TO {identifier(wanted.user)};",
        f"ALTER ROLE {identifier(wanted.user)} LOGIN{password};",
        *given,
        "RESET SESSION AUTHORIZATION;",
        f"DROP ROLE {_SWAP};",
        "COMMIT",
    ]
    says = f"role {wanted.user} is no superuser any more: the one of initdb is {admin}, for the server's pod alone"
    yield Step(SERVICE, "\n".join(swap), says)


def _after_takeover(live: LiveRoles, wanted: WantedRoles, old: Role) -> LiveRoles:
    roles = {**live.roles, wanted.user: Role(frozenset({"login"}), old.verifier)}
    return LiveRoles(live.version, roles, live.databases, idle=live.idle, busy=live.busy)


def _moves(live: LiveRoles, wanted: WantedRoles) -> Iterator[Step]:
    """Give Odoo its database, and what a superuser made in it."""
    if wanted.user not in live.roles:
        yield Step(SERVICE, f"CREATE ROLE {identifier(wanted.user)}", f"role {wanted.user} is made")
    yield from _given(wanted.database, live.owned.get(wanted.database, ()), wanted.user, wanted.user)
    if live.databases.get(wanted.database, wanted.user) != wanted.user:
        statement = f"ALTER DATABASE {identifier(wanted.database)} OWNER TO {identifier(wanted.user)}"
        yield Step(SERVICE, statement, f"database {wanted.database} goes to role {wanted.user}")


def _given(database: str, objects: tuple[Owned, ...], role: str, user: str) -> Iterator[Step]:
    says = f"{len(objects)} object(s) in database {database} go to role {user}"
    for one in objects:
        kind = "STATISTICS" if one.kind == "statistics object" else one.kind.upper()
        yield Step(database, f"ALTER {kind} {one.identity} OWNER TO {identifier(role)}", says)


def _role(live: LiveRoles, wanted: WantedRoles, name: str) -> Iterator[Step]:
    """Make a role, or bring its rights and its password to what is wanted."""
    role, rights, quoted = live.roles.get(name), rights_of(live, wanted, name), identifier(name)
    password = wanted.passwords.get(name)
    if role is None and name != wanted.user:
        yield Step(SERVICE, f"CREATE ROLE {quoted}", f"role {name} is made: {to_text(rights)}")
    have = role.rights if role else frozenset()
    if have != rights:
        says = f"role {name}: {to_text(have) or 'no rights'} -> {to_text(rights)}"
        for group in sorted(rights - have - {*ATTRIBUTES}):
            yield Step(SERVICE, f"GRANT {identifier(group)} TO {quoted}", says)
        for group in sorted(have - rights - {*ATTRIBUTES}):
            yield Step(SERVICE, f"REVOKE {identifier(group)} FROM {quoted}", says)
        changed = [word for word in ATTRIBUTES if (word in have) != (word in rights)]
        if changed:
            words = " ".join(word.upper() if word in rights else f"NO{word.upper()}" for word in changed)
            yield Step(SERVICE, f"ALTER ROLE {quoted} {words}", says)
    if role and role.expires:
        statement = f"ALTER ROLE {quoted} VALID UNTIL 'infinity'"
        yield Step(SERVICE, statement, f"role {name}: its password does not end any more")
    if password is not None and not scram.matches(role.verifier if role else None, password):
        statement = f"ALTER ROLE {quoted} PASSWORD {literal(scram.verifier(password))}"
        yield Step(SERVICE, statement, f"role {name} gets the password of the stack, and loses the one it has")


def _logouts(live: LiveRoles, wanted: WantedRoles) -> Iterator[Step]:
    for name in wanted.gone:
        role = live.roles.get(name)
        if role and not role.bootstrap and (role.verifier or "login" in role.rights):
            statement = f"ALTER ROLE {identifier(name)} NOLOGIN PASSWORD NULL"
            yield Step(SERVICE, statement, f"role {name} is not wanted any more: it may not log in")


def _has_no_password(live: LiveRoles) -> bool:
    """Tell whether nobody can log in as the bootstrap role over the network: sessions of it are from before that."""
    return live.roles[live.bootstrap].verifier is None
