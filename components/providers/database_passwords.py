"""Passwords of PostgreSQL's roles that nobody chose, made here and kept as secrets of the stack (docs/adr/0059)."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ResourceProvider, UpdateResult

from components.providers.guarding import guarded

_INPUTS = ("roles", "revision")
_OUTPUT = "passwords"
_BYTES = 24


@guarded("passwords of PostgreSQL")
class PostgresPasswordsProvider(ResourceProvider):
    """Talks to nobody: a password exists once the state has it, and only then do server and bricks get it."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compare inputs; the passwords themselves are no input."""
        return DiffResult(changes=any(_olds.get(key) != _news.get(key) for key in _INPUTS), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make all passwords."""
        return CreateResult(f"{len(props['roles'])} roles", _made({}, props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Make those of new roles, or all of them where the revision is another."""
        return UpdateResult(_made(_olds, _news))


def _made(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    kept = before.get(_OUTPUT) or {}
    if before and before["revision"] != wanted["revision"]:
        kept = {}
    found = {role: kept.get(role) or secrets.token_urlsafe(_BYTES) for role in wanted["roles"]}
    return {**wanted, _OUTPUT: found}


class PostgresPasswords(pulumi.dynamic.Resource, module="bus", name="PostgresPasswords"):
    """`passwords` maps a role to its password."""

    passwords: pulumi.Output[dict[str, str]]

    def __init__(
        self, name: str, *, roles: Sequence[str], revision: int, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props: dict[str, Any] = {"roles": sorted(roles), "revision": revision, _OUTPUT: None}
        hidden = pulumi.ResourceOptions(additional_secret_outputs=[_OUTPUT])
        super().__init__(PostgresPasswordsProvider(), name, props, pulumi.ResourceOptions.merge(opts, hidden))

    def of(self, role: str) -> pulumi.Output[str]:
        """Return the password of a role, a secret."""
        return self.passwords.apply(lambda found: found[role])
