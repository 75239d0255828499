"""The two logins of a customer's registry: the one that pushes, and the one that every namespace gets."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bus.errors import Problem

_PULL = "bus:delivery.pullUsername"
REMEDY = "pulumi config set --secret bus:delivery.pullUsername, and bus:delivery.pullPassword: a user that only pulls"
_WHY = "whoever reads a pull secret on a node could push and replace images of every site"


@dataclass(frozen=True)
class Logins:
    """What the stack has of both; None where a key is not there, empty where a secret was not read."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    pull_username: str | None = None
    pull_password: str | None = field(default=None, repr=False)

    @property
    def pushes(self) -> bool:
        """Tell whether there is a login that pushes."""
        return self.username is not None

    @property
    def pulls(self) -> bool:
        """Tell whether there is one of its own for the nodes."""
        return self.pull_username is not None

    @property
    def shared(self) -> str:
        """Return what both logins have in common; empty where that is nothing, or was not read."""
        if self.username and self.username == self.pull_username:
            return f"is the user of bus:delivery.username too: {_WHY}"
        if self.password and self.password == self.pull_password:
            return f"has the password of bus:delivery.password: {_WHY}"
        return ""


def read(own: Mapping[str, str]) -> Logins:
    """Return both logins from a stack's flat config, its keys without the namespace."""
    return Logins(
        own.get("delivery.username"),
        own.get("delivery.password"),
        own.get("delivery.pullUsername"),
        own.get("delivery.pullPassword"),
    )


def hosted(file: str, host: str, logins: Logins) -> list[Problem]:
    """Return why the registry that site `host` of the stack runs would give its pushing login to nodes."""
    if logins.pushes and not logins.pulls:
        allowed = f"is required: nodes pull from the registry of {host}, and {_WHY}"
        return [Problem(file, _PULL, None, allowed, REMEDY)]
    return [Problem(file, _PULL, None, logins.shared, REMEDY)] if logins.shared else []


def warnings(logins: Logins) -> list[str]:
    """Return what is to be said of the logins of a registry that somebody else runs."""
    if logins.shared:
        return [f"{_PULL} {logins.shared}; {REMEDY}"]
    if logins.pushes and not logins.pulls:
        return [f"every namespace gets bus:delivery.username, the login that pushes: {_WHY}; {REMEDY}"]
    return []
