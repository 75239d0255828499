"""Passwords of a site's Kafka users and brokers, made here and kept as secrets of the stack (docs/adr/0013)."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ResourceProvider, UpdateResult

from bus.users import passwords
from components.providers.guarding import guarded

_INPUTS = ("users", "revision")
_OUTPUTS = ("credentials", "brokers")
_BYTES = 24


@guarded("passwords of Kafka")
class KafkaPasswordsProvider(ResourceProvider):
    """Talks to nobody: a password exists once the state has it, and only then do brokers and bricks get it."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compares inputs; the passwords themselves are no input."""
        return DiffResult(changes=any(_olds.get(key) != _news.get(key) for key in _INPUTS), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Makes all passwords."""
        return CreateResult(f"{len(props['users'])} users", _made({}, props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Makes those of new users, or all of them where the revision is another."""
        return UpdateResult(_made(_olds, _news))


def _made(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    renewed = bool(before) and before["revision"] != wanted["revision"]
    credentials = passwords.of_users(before.get("credentials") or {}, wanted["users"], renewed, _password)
    brokers = passwords.of_brokers(before.get("brokers") or {}, renewed, _password)
    return {**wanted, "credentials": credentials, "brokers": brokers}


def _password() -> str:
    return secrets.token_urlsafe(_BYTES)


class KafkaPasswords(pulumi.dynamic.Resource, module="bus", name="KafkaPasswords"):
    """`credentials` maps a user to mechanism, username and password; `brokers` a user of theirs to its password."""

    credentials: pulumi.Output[dict[str, dict[str, str]]]
    brokers: pulumi.Output[dict[str, str]]

    def __init__(
        self, name: str, *, users: Sequence[str], revision: int, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props: dict[str, Any] = {"users": sorted(users), "revision": revision, **dict.fromkeys(_OUTPUTS)}
        hidden = pulumi.ResourceOptions(additional_secret_outputs=list(_OUTPUTS))
        super().__init__(KafkaPasswordsProvider(), name, props, pulumi.ResourceOptions.merge(opts, hidden))
