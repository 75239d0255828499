"""What bus notes of a copy in the new generation's own `_meta`: enough for the next run to go on after a kill."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from bus.indices.diff.differences import OURS
from bus.indices.diff.normal_form import Json
from bus.indices.diff.plan import Pending, WantedIndex

Phase = Literal["created", "copying", "copied", "settled", "live"]


@dataclass(frozen=True)
class ReindexCheckpoint:
    """How far the copy into a generation is.

    `created`: empty. `copying`: server task `task` fills it. `copied`: all that was there at `checkpoints` is in it.
    `settled`: replicas and refresh are as wanted. `live`: the alias is on it, or was.
    """

    source: str
    fingerprint: str
    phase: Phase = "created"
    beat: int = 0
    """grows while somebody works on it"""
    task: str = ""
    checkpoints: Mapping[str, int] = field(default_factory=dict)
    """shard of the source -> sequence number up to which everything is in this generation"""
    began: Mapping[str, int] = field(default_factory=dict)
    """the first of them: up to there the source was when the copy began"""
    filled: Mapping[str, int] = field(default_factory=dict)
    """shard of this generation -> its last sequence number when the copy ended; later ones are of catching up"""
    blocked: bool = False
    """the source's write block is ours, to be lifted if the copy is given up"""
    documents: int = 0
    seconds: float = 0

    def meta(self, own: Json) -> dict[str, Any]:
        """A mapping's `_meta` with this note beside what the fragment wants in it."""
        return {**own, OURS: asdict(self)}


_KEYS = frozenset(one.name for one in fields(ReindexCheckpoint))
"""a later bus may note more"""


def note(mappings: Json) -> ReindexCheckpoint | None:
    """The note of a generation; None where bus did not copy into it."""
    found = (mappings.get("_meta") or {}).get(OURS)
    if not isinstance(found, Mapping) or not {"source", "fingerprint"} <= found.keys():
        return None  # somebody else's
    return ReindexCheckpoint(**{key: value for key, value in found.items() if key in _KEYS})


def pending(generations: Mapping[str, Json]) -> Pending | None:
    """The unfinished one of `generations` (physical name -> mappings), if any."""
    for physical, mappings in sorted(generations.items(), reverse=True):
        found = note(mappings)
        if found and found.phase != "live":
            return Pending(physical, found.source, found.fingerprint)
    return None


def fingerprint(wanted: WantedIndex) -> str:
    """What a generation was made for; another one is not gone on with but begun again."""
    what = [wanted.mappings, wanted.settings, wanted.reindex.pipeline, wanted.reindex.script]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
