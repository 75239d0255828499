"""Changes to indices that end where they should: what remains after an `up` is spelling, or is reported as final."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from bus.errors import PartialFailure, unexpected
from bus.indices.diff import drift
from bus.indices.diff.normal_form import Json
from bus.indices.diff.plan import Change, LiveIndex, WantedIndex, plan


class Server(Protocol):
    """The calls of bus.indices.admin.Admin that this needs."""

    def read(self, names: Collection[str]) -> dict[str, LiveIndex]:
        """Return alias -> the index behind it."""

    def spelled(self, wanted: Mapping[str, WantedIndex]) -> dict[str, Json]:
        """Return name -> the mapping as the server spells it."""

    def apply(self, changes: Sequence[Change], say: Callable[[str], None]) -> None:
        """Make changes; raise PartialFailure for those that could not be made."""


def plans(
    server: Server, live: Mapping[str, LiveIndex], wanted: Sequence[WantedIndex], before: Mapping[str, WantedIndex]
) -> list[Change]:
    """Return the change of each of `wanted`. The server is asked whether a difference is one of spelling alone."""
    changes = [_plan(live.get(index.name), index, before.get(index.name)) for index in wanted]
    spelled = _spelled(server, {change.wanted.name: change.wanted for change in changes if change.is_doubtful})
    return [
        _plan(live[change.wanted.name], change.wanted, before.get(change.wanted.name), spelled[change.wanted.name])
        if change.wanted.name in spelled
        else change
        for change in changes
    ]


def seen(server: Server, live: Mapping[str, LiveIndex], wanted: Mapping[str, WantedIndex]) -> dict[str, WantedIndex]:
    """Return live indices in the words of their fragments (bus.indices.diff.drift)."""
    held = {name: drift.seen(live[name], index) for name, index in wanted.items()}
    doubtful = {name: index for name, index in wanted.items() if held[name].mappings != index.mappings}
    for name, spelled in _spelled(server, doubtful).items():
        held[name] = drift.seen(live[name], wanted[name], spelled)
    return held


def apply(server: Server, changes: Sequence[Change], say: Callable[[str], None]) -> None:
    """Make changes and look at each again.

    Raises PartialFailure for those that could not be made, or that are not as wanted.
    A template may add to an index that is made: what can be put in place then is put once more.
    """
    failures: dict[str, str] = {}
    try:
        server.apply(changes, say)
    except PartialFailure as error:
        failures = error.reasons
    made = [change.wanted for change in changes if not change.is_nothing and change.wanted.name not in failures]
    remaining = _remaining(server, made)
    again = [change for change in remaining if not (change.target or change.reopened or change.refused)]
    if again:
        try:
            server.apply(again, say)
        except PartialFailure as error:
            failures |= error.reasons
        remaining = _remaining(server, made)
    failures |= {change.wanted.name: final(change) for change in remaining if change.wanted.name not in failures}
    if failures:
        raise PartialFailure(failures)


def final(change: Change) -> str:
    """Return why an index that was written is not as wanted, and what to do about it."""
    if change.create:
        return "was written and is gone again: does somebody else delete it? Then run again"
    places = "; ".join(difference.short for difference in change.differences)
    places = places or ", ".join(f"aliases.{name}" for name in (*change.add_aliases, *change.remove_aliases))
    return (
        f"was written, and the server keeps something else: {places or 'it is closed'}; another run alone changes "
        f"nothing: write what the server keeps into the fragment, or take out of a template what sets it"
    )


def _remaining(server: Server, wanted: Sequence[WantedIndex]) -> list[Change]:
    if not wanted:
        return []
    live = server.read([index.name for index in wanted])
    planned = plans(server, live, wanted, {index.name: index for index in wanted})
    return [change for change in planned if not change.is_nothing]


def _plan(
    live: LiveIndex | None, wanted: WantedIndex, before: WantedIndex | None, spelled: Json | None = None
) -> Change:
    """Return the plan of one index. One that cannot be planned is refused, and stops no other."""
    try:
        return plan(live, wanted, before, spelled)
    except Exception as error:
        reason = f"{wanted.name}: {unexpected('comparing it with the live index', error)}"
        return Change(wanted, live.name if live else None, refused={"": reason})


def _spelled(server: Server, doubtful: Mapping[str, WantedIndex]) -> Mapping[str, Json]:
    return server.spelled(doubtful) if doubtful else {}
