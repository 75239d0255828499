"""What a change to an index does, decided from what is live and what is wanted; nothing here talks to a server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bus.indices.diff import differences
from bus.indices.diff.change_kinds import NO_SOURCE, ChangeKind
from bus.indices.diff.differences import Difference
from bus.indices.diff.dotted_fields import placed
from bus.indices.diff.equality import same_alias
from bus.indices.diff.generations import newer, next_generation
from bus.indices.diff.normal_form import Json
from bus.indices.diff.respelling import respelled
from bus.indices.diff.settings import UNTOLD, Flat

Mode = Literal["refuse", "block", "catch-up"]
# Taken over from the live generation where the fragment leaves them to the server.
_INHERITED = ("number_of_shards", "number_of_replicas")


@dataclass(frozen=True)
class Reindexing:
    """How an index may be copied into its next generation."""

    mode: Mode = "refuse"
    slices: int = 0
    """0 is as many as the index has shards"""
    documents_per_second: float = -1
    pipeline: str = ""
    script: str = ""
    keep: int = 1


@dataclass(frozen=True)
class Pending:
    """A next generation that is being filled, or that a killed run left; `wanted` is the fingerprint of what for."""

    name: str
    source: str
    fingerprint: str


@dataclass(frozen=True)
class LiveIndex:
    """An index as a server answers it: its physical name, its settings flat, all its aliases, its other generations."""

    name: str
    mappings: Json
    settings: Flat
    aliases: Mapping[str, Json]
    generations: tuple[str, ...] = ()
    pending: Pending | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it answers nothing until it is opened."""
        return self.settings.get("verified_before_close") == "true"


@dataclass(frozen=True)
class WantedIndex:
    """An index as a fragment wants it; `name` is the alias."""

    name: str
    mappings: Json
    settings: Flat
    aliases: Mapping[str, Json]
    reindex: Reindexing = Reindexing()
    reopen: bool = False


@dataclass(frozen=True)
class Change:
    """What turns a live index into the wanted one, in place or by its next generation; `create` where none is."""

    wanted: WantedIndex
    live: str | None = None
    mappings: Json = field(default_factory=dict)
    settings: Flat = field(default_factory=dict)
    reopened: Flat = field(default_factory=dict)
    """settings that need the index closed and opened"""
    closed: bool = False
    """it is closed now, by hand or by a run that was killed between close and open; it is opened"""
    add_aliases: Mapping[str, Json] = field(default_factory=dict)
    remove_aliases: tuple[str, ...] = ()
    target: str | None = None
    """the next generation, where the index is copied into one"""
    inherited: Flat = field(default_factory=dict)
    left: Pending | None = None
    """an unfinished generation: the live one, swung to by a run that died right after; or one nobody wants any more"""
    differences: tuple[Difference, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    """path in the fragment -> why it cannot be done"""

    @property
    def create(self) -> bool:
        """Whether the index is to be made."""
        return self.live is None

    @property
    def kind(self) -> ChangeKind:
        """The dearest of its differences."""
        return max((difference.kind for difference in self.differences), default=ChangeKind.NOTHING)

    @property
    def is_doubtful(self) -> bool:
        """Whether a difference may be one of spelling, which the server can tell."""
        return self.live is not None and any(map(differences.may_be_spelling, self.differences))

    @property
    def is_nothing(self) -> bool:
        """Whether live and wanted are the same."""
        return self.live is not None and not (
            self.closed or self.differences or self.add_aliases or self.remove_aliases or self.left or self.refused
        )


def plan(
    live: LiveIndex | None, wanted: WantedIndex, before: WantedIndex | None = None, spelled: Json | None = None
) -> Change:
    """What turns `live` into `wanted`; refusals for what the fragment does not allow, or what cannot be done.

    `before` is what this stack wanted last: only a setting or an alias of it is taken away again, so that what others
    added to an index stays. `spelled` is the wanted mapping as the server spells it, where it was asked.
    """
    if live is None:
        return Change(wanted)
    mappings = placed(wanted.mappings)
    if spelled is not None:
        mappings = respelled(mappings, spelled, live.mappings)
    found = _differences(live, wanted, mappings, before)
    kind = max((difference.kind for difference in found), default=ChangeKind.NOTHING)
    own = {} if live.name == wanted.name else {wanted.name: _own_alias(live, wanted.name)}
    aliases = {**own, **wanted.aliases}
    stale = (before.aliases.keys() if before else set()) & live.aliases.keys() - aliases.keys()
    reindexed = kind >= ChangeKind.REINDEX
    return Change(
        wanted,
        live.name,
        mappings=differences.to_put(live.mappings, mappings, found),
        settings={d.path[1]: d.wanted for d in found if d.path[0] == "settings" and d.kind is ChangeKind.DYNAMIC},
        reopened={d.path[1]: d.wanted for d in found if d.path[0] == "settings" and d.kind is ChangeKind.REOPEN},
        closed=live.is_closed,
        add_aliases={n: alias for n, alias in aliases.items() if not same_alias(live.aliases.get(n), alias)},
        remove_aliases=tuple(sorted(stale)),
        target=_target(live, wanted) if reindexed else None,
        inherited={key: live.settings[key] for key in _INHERITED if key in live.settings} if reindexed else {},
        left=live.pending if live.pending and (live.pending.name == live.name or not reindexed) else None,
        differences=tuple(found),
        refused={**dict(_refusals(wanted, found, kind)), **(_newer(live, wanted) if reindexed else {})},
    )


def _own_alias(live: LiveIndex, name: str) -> Json:
    """As bricks need it, and still the one that is written to where others of a rollover bear it too."""
    how = live.aliases.get(name, {})
    return {"is_write_index": True} if how.get("is_write_index") else {}


def _differences(live: LiveIndex, wanted: WantedIndex, mappings: Json, before: WantedIndex | None) -> list[Difference]:
    gone: dict[str, Any] = dict.fromkeys((before.settings.keys() if before else set()) - wanted.settings.keys())
    settings = {**gone, **wanted.settings}
    untold = before.settings if before else wanted.settings
    held = {**live.settings, **{key: untold[key] for key in UNTOLD & untold.keys()}}
    found = [
        *differences.of_mappings(live.mappings, mappings, before.mappings if before else {}),
        *differences.of_settings(held, settings, live.mappings),
    ]
    if differences.without_source(live.mappings, live.settings) and any(d.kind is ChangeKind.REINDEX for d in found):
        found.append(Difference(("mappings", "_source"), live.mappings.get("_source"), "copied", NO_SOURCE))
    return found


def _target(live: LiveIndex, wanted: WantedIndex) -> str:
    """The generation to fill: the unfinished one, or the one after all that exist."""
    if live.pending and live.pending.name != live.name:
        return live.pending.name
    return next_generation(wanted.name, {live.name, *live.generations})


def _newer(live: LiveIndex, wanted: WantedIndex) -> dict[str, str]:
    """A refusal where a generation after the live one exists: what a rollback left behind, or somebody made."""
    pending = {live.pending.name} if live.pending else set()
    found = [name for name in newer(wanted.name, live.name, live.generations) if name not in pending]
    if not found:
        return {}
    which = ", ".join(found)
    text = f"{wanted.name}: {which} is newer than {live.name}, which the alias is on"
    return {"reindex": f"{text}: put the fragment back to what {live.name} is, or delete {which} (docs/indices.md)"}


def _refusals(wanted: WantedIndex, found: list[Difference], kind: ChangeKind) -> list[tuple[str, str]]:
    """path -> message of each difference that this fragment does not allow."""
    refused = []
    for difference in found:
        remedy = ""
        if difference.kind is ChangeKind.IMPOSSIBLE:
            remedy = "put the old value back"
        elif difference.kind is ChangeKind.REINDEX and wanted.reindex.mode == "refuse":
            remedy = (
                "needs a reindex: allow it with reindex: {mode: catch-up} (or block), or put the old value back, "
                "or make a new index under another name"
            )
        elif difference.kind is ChangeKind.REOPEN and kind < ChangeKind.REINDEX and not wanted.reopen:
            remedy = "needs the index closed for a moment: allow it with reopen: true, or put the old value back"
        if remedy:
            refused.append((".".join(difference.path), f"{wanted.name}: {difference}; {remedy} (docs/indices.md)"))
    return refused
