"""How a server spells a mapping: an index made of it, read back, and removed at once (docs/adr/0086)."""

import re
import secrets
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from elasticsearch import ApiError, Elasticsearch, TransportError

from bus.indices.diff.differences import OURS
from bus.indices.diff.normal_form import Json
from bus.indices.diff.plan import WantedIndex

_AT_ONCE = 20
_ABANDONED_SECONDS = 600
"""a scratch index lives for less than a second; one that is so old is of a run that was killed"""
_MARK = "scratch"
_NAME = re.compile(r"bus-scratch-[0-9a-f]{16}")
# What is no part of how a mapping is spelled, and has others act on the index or look for something.
_LEFT_OUT = (
    "number_of_", "auto_expand_replicas", "routing.", "routing_partition_size", "lifecycle.", "default_pipeline",
    "final_pipeline", "blocks.", "priority", "refresh_interval", "translog.", "merge.", "store.", "write.", "search.",
    "indexing.", "unassigned.",
)  # fmt: skip


def spelled(client: Elasticsearch, wanted: Mapping[str, WantedIndex]) -> dict[str, Json]:
    """Return name -> the mapping of each of `wanted` as the server answers it.

    Those that it refuses, or that may not be asked about, are left out.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        tasks = {name: pool.submit(_spelled, client, index) for name, index in wanted.items()}
    answers = {name: task.result() for name, task in tasks.items()}
    return {name: mapping for name, mapping in answers.items() if mapping is not None}


def sweep(client: Elasticsearch) -> None:
    """Delete what runs that were killed left behind."""
    with suppress(ApiError, TransportError):
        held = client.indices.get(index="bus-scratch-*", ignore_unavailable=True, flat_settings=True).body
        abandoned = [name for name, content in held.items() if _is_abandoned(name, content, time.time())]
        if abandoned:
            client.indices.delete(index=abandoned, ignore_unavailable=True)


def is_scratch(name: str) -> bool:
    """Return whether an index is called as these are; only its notes prove that it is one."""
    return _NAME.fullmatch(name) is not None


def _is_abandoned(name: str, content: Mapping[str, Any], now: float) -> bool:
    notes = (content.get("mappings", {}).get("_meta") or {}).get(OURS)
    if not is_scratch(name) or notes != {_MARK: True}:
        return False
    return now - int(content["settings"]["index.creation_date"]) / 1000 > _ABANDONED_SECONDS


def _spelled(client: Elasticsearch, wanted: WantedIndex) -> Json | None:
    name = f"bus-scratch-{secrets.token_hex(8)}"
    settings = {k: v for k, v in wanted.settings.items() if v is not None and not k.startswith(_LEFT_OUT)}
    try:
        client.indices.create(
            index=name,
            mappings={**wanted.mappings, "_meta": {OURS: {_MARK: True}}},
            settings={**settings, "number_of_shards": 1, "number_of_replicas": 0},
            wait_for_active_shards=0,
        )
    except (ApiError, TransportError):
        return None
    try:
        mapping: Json = client.indices.get_mapping(index=name).body[name].get("mappings", {})
        return mapping
    except (ApiError, TransportError):
        return None
    finally:
        with suppress(ApiError, TransportError):
            client.indices.delete(index=name, ignore_unavailable=True)
