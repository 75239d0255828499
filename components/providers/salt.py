"""The salt of a stack: the key of the digests that stand for secrets in Helm values (docs/adr/0060)."""

import secrets
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ResourceProvider

from components.providers.guarding import guarded

_BYTES = 32


@guarded("salt")
class SaltProvider(ResourceProvider):
    """Talks to nobody: a salt is made once and kept in the state."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Never another one: it would restart every pod that reads a secret."""
        return DiffResult(changes=False)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make the salt."""
        return CreateResult("salt", {**props, "salt": secrets.token_urlsafe(_BYTES)})


class Salt(pulumi.dynamic.Resource, module="bus", name="Salt"):
    """`salt` is a Pulumi secret; a preview knows it once a run has made it."""

    salt: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        hidden = pulumi.ResourceOptions(additional_secret_outputs=["salt"])
        super().__init__(SaltProvider(), name, {"salt": None}, pulumi.ResourceOptions.merge(opts, hidden))
