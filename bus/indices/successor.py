"""The next generation as an index: made to be copied into, and given afterwards what it was made without."""

from collections.abc import Callable, Mapping
from typing import Any

from elasticsearch import ApiError, Elasticsearch

from bus.indices.settings import listed
from bus.indices.state import Note

_GIVEN_LATER = ("number_of_replicas", "refresh_interval", "auto_expand_replicas")


def make(
    client: Elasticsearch, index: str, mappings: Mapping[str, Any], settings: Mapping[str, Any], first: Note, lock: str
) -> bool:
    """Makes it without replicas and refresh, with its note and the lock of this run; False where it is there."""
    given = {key: listed(value) for key, value in settings.items() if value is not None}
    while_copying = {"number_of_replicas": 0, "refresh_interval": "-1"}
    if "auto_expand_replicas" in settings:
        while_copying["auto_expand_replicas"] = "false"
    try:
        client.indices.create(
            index=index,
            mappings={**mappings, "_meta": first.meta(mappings.get("_meta") or {})},
            settings={**given, **while_copying},
            aliases={lock: {"is_hidden": True}},
        )
    except ApiError as error:
        if error.error != "resource_already_exists_exception":
            raise
        return False
    return True


def settle(client: Elasticsearch, index: str, settings: Mapping[str, Any], beat: Callable[[], None]) -> None:
    """Gives it its replicas and refresh, and waits until no replica is being filled."""
    client.indices.put_settings(index=index, settings={name: settings.get(name) for name in _GIVEN_LATER})
    client.indices.refresh(index=index)
    health = {"timed_out": True}
    while health["timed_out"]:
        beat()
        health = client.options(request_timeout=30, ignore_status=408).cluster.health(
            index=index, wait_for_no_initializing_shards=True, timeout="2s"
        ).body  # fmt: skip
