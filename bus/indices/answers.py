"""What a server says of a call that it refused."""

from collections.abc import Mapping

from elasticsearch import ApiError, TransportError


def text(error: ApiError | TransportError) -> str:
    """The reason and its cause, without the envelope; all of the error where it has none."""
    body = error.body if isinstance(error, ApiError) else None
    reason = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(reason, Mapping):
        return str(error)
    cause = reason.get("caused_by") or {}
    return ": ".join(str(part) for part in (reason.get("reason"), cause.get("reason")) if part)
