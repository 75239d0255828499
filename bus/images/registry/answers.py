"""Answers of registries: how much of one is read, what each status means, and what is no registry's answer at all."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bus.errors import UserError

# What registries themselves take at most (docker-registry: 4 MiB); an index names what may be hundreds of manifests.
MANIFEST_BYTES = 4 << 20
INDEX_BYTES = 8 << 20
TOKEN_BYTES = 1 << 20
# Enough of a refusal to be shown and to be told from another; what else is asked has no content.
SHORT_BYTES = 64 << 10


class RegistryError(UserError):
    """A registry that answers with an error; the message names image, registry and status."""


class NoAnswer(RegistryError):
    """A registry that cannot be reached, was cut off, or says that it is overloaded: worth another try."""


class Unreadable(NoAnswer):
    """A registry that fails over one thing it is asked for, as a full disk leaves it: an empty link to a blob."""


class Damaged(RegistryError):
    """A registry that takes a manifest and does not give it back: part of it is on its disk, and stays there."""


class Declined(RegistryError):
    """A registry that refuses a call, or does not know it."""


class MissingImage(Declined):
    """An image that its registry does not have."""


class Untrusted(RegistryError):
    """A registry that would have its login, or what is read from it, go to a host that nobody named."""


class NoRegistry(RegistryError):
    """An answer that no registry gives: a login page, a proxy's error, JSON of something else, more than is read."""


@dataclass(frozen=True)
class Answer:
    """A whole answer: `method` and `url` are what was asked last, `content` is as it was sent."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    method: str
    url: str

    @property
    def text(self) -> str:
        """Return the beginning of the content, for a message."""
        return self.content[:300].decode(errors="replace")

    @property
    def media_type(self) -> str:
        """Return the type of the content without its parameters, lower-case; empty where none is said."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def json(self, what: str) -> dict[str, Any]:
        """Return the content read as a JSON object; raise NoRegistry, which names `what` was asked for."""
        try:
            found = json.loads(self.content)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise not_a_registrys(what, self)
        return found


def most_bytes(status: int, wanted: int) -> int:
    """Return how much of an answer is read when `wanted` is the limit of a good one."""
    return wanted if status < 300 else SHORT_BYTES


def not_a_registrys(what: str, answer: Answer) -> NoRegistry:
    """Return the error for an answer of something else than a registry."""
    kind = answer.media_type or "content of no type"
    start = f" that begins with {answer.text[:60]!r}" if answer.content else ""
    return NoRegistry(
        f"{what}: {answer.url} answered {kind}{start}, as no registry does; is the host right, and is there a login "
        "page or a proxy before it?"
    )


def judge(answer: Answer, what: str) -> None:
    """Raise the error that a status stands for; `what` was asked for."""
    status = answer.status
    if status < 300:
        if answer.media_type in ("text/html", "application/xhtml+xml"):
            raise not_a_registrys(what, answer)
        return
    if status == 404:
        raise MissingImage(f"{what} does not exist")
    if status in (401, 403):
        remedy = "log in to it (docker login), or for a delivery set bus:delivery.username and .password"
        raise Declined(f"{what}: access refused ({status}); {remedy}")
    if status in (429, 500, 502, 503, 504):
        # ENOSPC, as docker-registry hands on what its disk says.
        full = "no space is left on the registry's disk; " if b'"Err":28}' in answer.content else ""
        kind = Unreadable if status == 500 and answer.method in ("HEAD", "GET") else NoAnswer
        raise kind(f"{what}: {full}status {status}: {answer.text}")
    raise Declined(f"{what}: status {status}: {answer.text}")
