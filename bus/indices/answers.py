"""What a server says of a call that it refused."""

from collections.abc import Mapping

from elasticsearch import ApiError, TransportError


def text(error: ApiError | TransportError) -> str:
    """The reason and its cause, without the envelope."""
    if isinstance(error, ApiError) and isinstance(error.body, Mapping):
        reason = error.body.get("error", {})
        if isinstance(reason, Mapping):
            cause = reason.get("caused_by") or {}
            return ": ".join(str(part) for part in (reason.get("reason"), cause.get("reason")) if part)
    return str(error)
