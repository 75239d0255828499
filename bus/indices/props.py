"""An index between the plan and a resource's properties, where numbers are floats and what is default is left out."""

from collections.abc import Mapping
from typing import Any

from bus.indices.diff.plan import Reindexing, WantedIndex
from bus.indices.diff.settings import decoded

FORM = "settingsForm"
"""the property that says how settings are held; a state of version 0.1.0 has none, and lists as texts of JSON"""
LISTS = 2


def current(props: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of a set, of a state of any age, as they are held now."""
    if props.get(FORM) or not props.get("indices"):
        return dict(props)
    indices = {
        name: {**index, "settings": decoded(index.get("settings") or {})} for name, index in props["indices"].items()
    }
    return {**props, "indices": indices, FORM: LISTS}


def from_props(name: str, props: Mapping[str, Any]) -> WantedIndex:
    """The index that a resource's properties describe."""
    how = props.get("reindex") or {}
    default = Reindexing()
    return WantedIndex(
        name,
        whole(props["mappings"]),
        props["settings"],
        whole(props["aliases"]),
        Reindexing(
            mode=how.get("mode", default.mode),
            slices=int(how.get("slices", default.slices)),
            documents_per_second=float(how.get("documentsPerSecond", default.documents_per_second)),
            pipeline=how.get("pipeline", default.pipeline),
            script=how.get("script", default.script),
            keep=int(how.get("keep", default.keep)),
        ),
        bool(props.get("reopen", False)),
    )


def to_props(live: WantedIndex, declared: Mapping[str, Any]) -> dict[str, Any]:
    """What a refresh says of an index; what no server knows of it stays as declared."""
    ours = {key: declared[key] for key in ("reindex", "reopen") if key in declared}
    return {"mappings": live.mappings, "settings": live.settings, "aliases": live.aliases, **ours}


def whole(value: Any) -> Any:
    """A property of a resource with its whole numbers as such: there all numbers are floats, and servers refuse 1.0."""
    if isinstance(value, Mapping):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
