"""What bus does on which server, in one table; tests/servers/indices/test_versions.py proves it."""

from collections.abc import Iterable
from dataclasses import dataclass

from bus.indices.diff.change_kinds import ChangeKind
from bus.indices.diff.equality import CHILDREN
from bus.indices.diff.normal_form import Json
from bus.indices.diff.plan import Change

SERVERS = {9: (9, 0), 8: (8, 0), 7: (7, 17), 6: (6, 8)}
"""major version -> the oldest of it that is managed"""
TRIED = {9: "9.4.3", 8: "8.19.8", 7: "7.17.15", 6: "6.8.23"}
"""what the tests run"""


@dataclass(frozen=True)
class Server:
    """An Elasticsearch that answers."""

    version: str
    cluster_id: str

    @property
    def major(self) -> int:
        """9 of 9.4.3."""
        return int(self.version.split(".")[0])


@dataclass(frozen=True)
class Feature:
    """Something that a fragment may ask for: from which major version on, and what to do on an older one."""

    what: str
    since: int = 6
    why: str = ""

    def refusal(self, server: Server) -> str:
        """Why `server` cannot do it; empty where it can."""
        return "" if server.major >= self.since else f"{self.what}: not on Elasticsearch {server.version}: {self.why}"


IN_PLACE = Feature("create, adopt, import, change in place, see drift, delete")
REOPEN = Feature("close and open")
REINDEX = Feature(
    "reindex in both modes, rollback",
    7,
    "its _aliases call cannot fail if an alias has moved, so two runs could both cut over; put the old "
    "value back, or declare an index with another name and let the brick fill it",
)
RUNTIME = Feature("runtime fields", 7, "available from 7.11 on; index the field instead")
COMPONENTS = Feature(
    "component templates", 7, "available from 7.8 on; write their content into the index template itself"
)
TEMPLATES = Feature("index templates (before 7.8: legacy ones, priority is their order)")
LEGACY = Feature(
    "_meta, data_stream, allow_auto_create and the like of an index template",
    7,
    "its legacy templates have index_patterns, priority, version and template only",
)
PIPELINES = Feature("ingest pipelines")
POLICIES = Feature("lifecycle policies, if the server has the module (checked at preview)")
FEATURES = (IN_PLACE, REOPEN, REINDEX, RUNTIME, TEMPLATES, LEGACY, COMPONENTS, PIPELINES, POLICIES)
"""the rows of docs/indices.md"""


def unmanaged(version: str) -> str:
    """Why a server of this version is not managed at all; empty where it is."""
    major, minor = (int(part) for part in version.split(".")[:2])
    if major in SERVERS and (major, minor) >= SERVERS[major]:
        return ""
    return (
        f"is Elasticsearch {version}; bus manages {', '.join('.'.join(map(str, s)) for s in SERVERS.values())} and up"
    )


def refusals(change: Change, server: Server) -> dict[str, str]:
    """path in the fragment -> why this server cannot make `change`."""
    found = {}
    if change.kind >= ChangeKind.REINDEX:
        found["reindex"] = REINDEX.refusal(server)
    if _has_runtime(change.wanted.mappings):
        found["mappings.runtime"] = RUNTIME.refusal(server)
    return {path: f"{change.wanted.name}: {text}" for path, text in found.items() if text}


def _has_runtime(mappings: Json) -> bool:
    return bool(mappings.get("runtime")) or any(_is_runtime(field) for field in _objects(mappings))


def _is_runtime(mapping: Json) -> bool:
    return str(mapping.get("dynamic")) == "runtime"


def _objects(mappings: Json) -> Iterable[Json]:
    yield mappings
    for child in CHILDREN:
        for field in (mappings.get(child) or {}).values():
            yield from _objects(field)
