"""The next generation as an index: made to be copied into, and given afterwards what it was made without.

Pipelines of its settings are for what bricks write: what is copied went through them once, and would again.
"""

from collections.abc import Callable, Mapping
from typing import Any

from elasticsearch import ApiError, Elasticsearch

from bus.indices.reindex.checkpoint import ReindexCheckpoint

_GIVEN_LATER = ("number_of_replicas", "refresh_interval", "auto_expand_replicas")
_GIVEN_LAST = ("default_pipeline", "final_pipeline", "blocks.write")
_BARE = {"default_pipeline": "_none", "final_pipeline": "_none"}


def make(
    client: Elasticsearch,
    index: str,
    mappings: Mapping[str, Any],
    settings: Mapping[str, Any],
    first: ReindexCheckpoint,
    lock: str,
) -> bool:
    """Makes it without replicas and refresh, with its note and the lock of this run; False where it is there."""
    given = {key: v for key, v in settings.items() if v is not None and key not in _GIVEN_LAST}
    while_copying = {"number_of_replicas": 0, "refresh_interval": "-1", **_BARE}
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


def bare(client: Elasticsearch, index: str) -> None:
    """Takes away what `arm` gave, for a run that goes on after one that died between that and the swing."""
    client.indices.put_settings(index=index, settings={**_BARE, "blocks.write": None})


def arm(client: Elasticsearch, index: str, settings: Mapping[str, Any]) -> None:
    """Gives it what bricks' writes are to meet, once all is copied."""
    client.indices.put_settings(index=index, settings={name: settings.get(name) for name in _GIVEN_LAST})
