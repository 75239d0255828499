"""What a server says of a call that it refused."""

from collections.abc import Mapping
from typing import Any

from elasticsearch import ApiError, ConnectionError, ConnectionTimeout, TransportError


class Silent(TransportError):
    """Some shards of an index that do not answer, of a node that restarts, say."""


def text(error: ApiError | TransportError) -> str:
    """The reason and its cause, without the envelope; all of the error where it has none."""
    body = error.body if isinstance(error, ApiError) else None
    reason = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(reason, Mapping):
        return str(error)
    return said(reason)


def said(error: Mapping[str, Any]) -> str:
    """An error's reason and its causes, each once; those of a search are in its shards."""
    causes = [error.get("caused_by"), *(shard.get("reason") for shard in error.get("failed_shards") or [])]
    reasons = [error.get("reason"), *(cause.get("reason") for cause in causes if cause)]
    return ": ".join(dict.fromkeys(str(reason) for reason in reasons if reason))


def passes(error: Exception) -> bool:
    """Whether a server that restarts, or is too busy, answers so."""
    if isinstance(error, ApiError):
        return error.status_code in (429, 502, 503)
    return isinstance(error, ConnectionError | ConnectionTimeout | Silent)
