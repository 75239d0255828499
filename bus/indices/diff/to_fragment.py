"""A live index as the fragment that would declare it."""

from typing import Any

from bus.indices.diff.differences import OURS
from bus.indices.diff.normal_form import Json
from bus.indices.diff.plan import LiveIndex
from bus.indices.diff.settings import RESERVED

_LEFT_OUT = RESERVED | {"routing.allocation.include._tier_preference", "blocks.write"}


def fragment_of(name: str, live: LiveIndex) -> dict[str, Any]:
    """What to write below `indices:` so that a preview of `name` shows no change."""
    mappings = {key: value for key, value in live.mappings.items() if key != "_meta"}
    notes = {key: value for key, value in (live.mappings.get("_meta") or {}).items() if key != OURS}
    if notes:
        mappings["_meta"] = notes
    settings = {key: value for key, value in sorted(live.settings.items()) if key not in _LEFT_OUT}
    aliases = {alias: _plain(how) for alias, how in sorted(live.aliases.items()) if alias != name}
    parts = {"mappings": mappings, "settings": settings, "aliases": aliases}
    return {"name": name, **{key: part for key, part in parts.items() if part}}


def _plain(how: Json) -> dict[str, Any]:
    return dict(how)
