"""Index settings in one shape - flat, without `index.`, text - and which of them a live index takes."""

from collections.abc import Mapping
from typing import Any

# What a server writes by itself, or bus while it copies.
RESERVED = frozenset(
    {"uuid", "version.created", "version.upgraded", "provided_name", "creation_date", "history.uuid",
     "verified_before_close", "resize.source.name", "resize.source.uuid"}
)  # fmt: skip
# In every answer, asked for or not; not ours unless a fragment names them.
SERVED = RESERVED | {"number_of_shards", "number_of_replicas", "routing.allocation.include._tier_preference"}

_STATIC = frozenset(
    {"number_of_shards", "number_of_routing_shards", "routing_partition_size", "codec", "mode", "soft_deletes.enabled",
     "load_fixed_bitset_filters_eagerly", "shard.check_on_startup", "routing_path", "mapping.coerce",
     "mapping.ignore_malformed", "store.type", "store.preload", "uuid", "mapping.source.mode"}
)  # fmt: skip
_STATIC_PREFIXES = ("analysis.", "similarity.", "sort.")


def flatten(settings: Mapping[str, Any]) -> dict[str, str | None]:
    """{"index": {"refresh_interval": "1s"}} and {"index.refresh_interval": "1s"} as {"refresh_interval": "1s"}.

    A list of plain values becomes one text, joined by commas, which is what most settings answer; null stays null.
    """
    flat: dict[str, str | None] = {}
    _walk(settings, "", flat)
    return dict(sorted(flat.items()))


def _walk(settings: Mapping[str, Any], above: str, flat: dict[str, str | None]) -> None:
    for key, value in settings.items():
        path = f"{above}{key}"
        if isinstance(value, Mapping):
            _walk(value, f"{path}.", flat)
        elif isinstance(value, list):
            flat[path.removeprefix("index.")] = ",".join(text(item) for item in value)
        else:
            flat[path.removeprefix("index.")] = None if value is None else text(value)


def text(value: object) -> str:
    """A scalar as a server answers it: true, 3, 0.5."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def is_static(key: str) -> bool:
    """Whether a setting is fixed when the index is made.

    https://www.elastic.co/docs/reference/elasticsearch/index-settings/index-modules
    """
    return key in _STATIC or key.startswith(_STATIC_PREFIXES)
