"""What an index of a name gets from the templates of its server, as that server itself puts them together."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from elasticsearch import ApiError, Elasticsearch

from bus.indices.diff.settings import Flat, Setting, flatten

_JSON = {"content-type": "application/json", "accept": "application/json"}


@dataclass(frozen=True)
class Brought:
    """Settings, flat, and names of aliases that no request asked for."""

    settings: Flat = field(default_factory=dict)
    aliases: frozenset[str] = frozenset()


def brought(client: Elasticsearch, index: str) -> Brought:
    """What a new index called `index` would get; legacy templates count where no other matches.

    Servers before 7.9, or who may not be asked, say nothing: then it is what can be known.
    """
    try:
        found = _call(client, "POST", f"/_index_template/_simulate_index/{index}").get("template")
        if found is not None:
            return _brought([found])
        legacy = _call(client, "GET", "/_template").values()
    except ApiError:
        return Brought()
    matching = [one for one in legacy if any(fnmatchcase(index, pattern) for pattern in one["index_patterns"])]
    return _brought(sorted(matching, key=lambda one: int(one.get("order", 0))))


def in_the_way(found: Brought, target: str, name: str) -> str:
    """Why no generation `target` can be filled: it would be `name` at once, with the live one; empty where it can."""
    if name not in found.aliases:
        return ""
    return (
        f"a template of the server gives {target} the alias {name} as soon as it is made, still empty: "
        f"take the alias out of the template, a reindex moves it; or narrow its index_patterns"
    )


def _brought(parts: list[Any]) -> Brought:
    settings: dict[str, Setting | None] = {}
    aliases: set[str] = set()
    for part in parts:
        settings |= flatten(part.get("settings") or {})
        aliases |= (part.get("aliases") or {}).keys()
    return Brought(settings, frozenset(aliases))


def _call(client: Elasticsearch, method: str, path: str) -> Any:
    return client.perform_request(method, path, headers=_JSON).body
