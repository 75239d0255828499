"""Roles of a PostgreSQL server as they are and as they are wanted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Rights = frozenset[str]
"""words of ATTRIBUTES, and names of roles that a role is a member of"""

ATTRIBUTES = ("login", "superuser", "createdb", "createrole", "replication", "bypassrls")
"""attributes of CREATE ROLE; each has an opposite that begins with NO"""


ODOO2KAFKA, PGADMIN = "odoo2kafka", "pgadmin"
OWN_ROLES = (ODOO2KAFKA, PGADMIN)
"""roles that a stack makes beside Odoo's"""


@dataclass(frozen=True)
class Role:
    """One live role."""

    rights: Rights = frozenset()
    verifier: str | None = field(default=None, repr=False)
    """what the server keeps of the password; None where there is none"""
    bootstrap: bool = False
    """whether initdb made it: such a role stays a superuser for ever"""
    expires: bool = False
    """whether the password has an end (VALID UNTIL)"""


@dataclass(frozen=True)
class Owned:
    """An object of a database that belongs to the bootstrap role, as ALTER ... OWNER TO calls it."""

    kind: str
    identity: str


@dataclass(frozen=True)
class LiveRoles:
    """What a server has."""

    version: int
    """server_version_num: 170005 for 17.5"""
    roles: Mapping[str, Role]
    databases: Mapping[str, str]
    """database -> its owner; templates left out"""
    owned: Mapping[str, tuple[Owned, ...]] = field(default_factory=dict)
    """database -> objects that the bootstrap role owns there, of the databases that were looked into"""
    idle: int = 0
    """sessions over the network with the bootstrap role's rights that do nothing at this moment"""
    busy: int = 0
    """the same, in the middle of something"""
    in_recovery: bool = False
    """whether it is a standby, which takes no changes"""

    @property
    def bootstrap(self) -> str:
        """The name of the role that initdb made."""
        return next(name for name, role in self.roles.items() if role.bootstrap)


@dataclass(frozen=True)
class WantedRoles:
    """What a site's server must have."""

    user: str
    """the role that Odoo uses, owner of the database"""
    database: str
    roles: Mapping[str, Rights]
    passwords: Mapping[str, str] = field(repr=False)
    """role -> password in clear; a role without one here keeps what it has"""
    gone: tuple[str, ...] = ()
    """roles that an earlier run wanted: they may not log in any more"""


@dataclass(frozen=True)
class SiteRoles:
    """The roles of a site, without their passwords."""

    user: str
    database: str
    roles: Mapping[str, Rights]
    passwords: Mapping[str, str]
    """role -> key of cineges-secret that holds its password"""
    made: tuple[str, ...] = ()
    """roles whose password the stack makes"""


def to_text(rights: Rights) -> str:
    """Return rights as a resource's properties hold them, attributes first."""
    known = [word for word in ATTRIBUTES if word in rights]
    return ", ".join([*known, *sorted(rights - set(known))])


def from_text(text: str) -> Rights:
    """Return the rights that `to_text` wrote."""
    return frozenset(word for word in text.split(", ") if word)


def from_answer(answer: Mapping[str, Any]) -> LiveRoles:
    """Return what the server's answer to `sql.READ` says."""
    roles = {
        name: Role(
            frozenset([word for word in ATTRIBUTES if one[word]] + one["memberOf"]),
            one["password"],
            one["bootstrap"],
            one["expires"],
        )
        for name, one in answer["roles"].items()
    }
    return LiveRoles(
        version=answer["version"],
        roles=roles,
        databases=answer["databases"],
        idle=answer["idle"],
        busy=answer["busy"],
        in_recovery=answer["inRecovery"],
    )
