"""Topics, indices, what indices rely on, Kafka users and roles of PostgreSQL: a line for each that a step changes."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bus.indices.declared.supporting import NOUNS
from bus.notes.diagnostics import verdict
from bus.notes.folding import Line

# type -> its maps by name, and how a line calls one of each beside its name.
SETS: Mapping[str, Mapping[str, str]] = {
    "pulumi-python:dynamic/bus:TopicSet": {"topics": ""},
    "pulumi-python:dynamic/bus:IndexSet": {**{kind: f"{noun} " for kind, noun in NOUNS.items()}, "indices": ""},
    "pulumi-python:dynamic/bus:KafkaUsers": {"users": ""},
    "pulumi-python:dynamic/bus:PostgresRoles": {"roles": "PostgreSQL role "},
}
_CALLED = {"topics": "topic ", "indices": "index ", "users": "Kafka user ", "roles": "PostgreSQL role "}
_GONE = dict.fromkeys(("users", "roles"), "nobody logs in as it any more")
_FRAGMENT = "its fragment is gone"


def changed_sets(steps: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Name of a set -> a line per topic, index or user that is added, changed or left by its fragment.

    `steps` are those of `pulumi preview --json`.
    """
    found = {}
    for step in steps:
        states, blocks = _states(step)
        lines = [line for block in blocks for line in _lines(states, block, blocks)]
        if step.get("op") == "same":
            lines = []
        elif step.get("op") == "delete" and lines:  # the provider deletes none of a set that goes as a whole
            lines = [f"{len(lines)} no longer managed; they stay as they are, with the volumes of their servers"]
        if lines:
            found[step["urn"].rsplit("::", 1)[-1]] = lines
    return found


def lines_of_set(step: Mapping[str, Any], site: str, warnings: Collection[str]) -> list[Line]:
    """The lines of one step for a note: whole words, and for each removal whether its data stay.

    Empty where the step is of no set, or changes none of its entries.
    """
    states, blocks = _states(step)
    old_site = str((states[0].get("inputs") or {}).get("site") or site)
    changed: list[Line] = []
    for block in blocks:
        old, new = _maps(states, block)
        called = blocks[block] or _CALLED[block]
        if step.get("op") == "delete":
            count = len(old)
            changed += (
                [Line(f"- {_many(block)}: no longer managed, and not deleted", site, f"{count}")] if count else []
            )
            continue
        changed += [Line(f"+ {called}{name} is added", site) for name in sorted(new.keys() - old.keys())]
        changed += [
            Line(f"~ {called}{name} changes: {difference(old[name], new[name])}", site)
            for name in sorted(new)
            if _differ(old, new, name)
        ]
        for name in sorted(old.keys() - new.keys()):
            said = verdict(warnings, called.strip(), name, old_site)
            changed.append(_removed(f"- {called}{name}", said, _GONE.get(block, ""), site))
    return changed


def _removed(head: str, said: str, otherwise: str, site: str) -> Line:
    if said.startswith("is deleted: created by this stack, and empty"):
        return Line(f"{head} is deleted: {_FRAGMENT}, and it is empty", site)
    if said.startswith("is deleted: "):
        return Line(f"{head} is DELETED WITH ITS DATA", site, said.removeprefix("is deleted: "))
    if said.startswith("is kept: "):
        return Line(f"{head} is kept, not deleted", site, said.removeprefix("is kept: "))
    if said:
        return Line(f"{head} {said}: {_FRAGMENT}", site)
    if otherwise:
        return Line(f"{head} is removed: {otherwise}", site)
    return Line(f"{head}: {_FRAGMENT}; it does not exist on the server, or a warning says that nobody could ask", site)


def _many(block: str) -> str:
    called = {**NOUNS, **{key: word.strip() for key, word in _CALLED.items()}}[block]
    return {"index": "indices", "lifecycle policy": "lifecycle policies"}.get(called, f"{called}s")


def _states(step: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], Mapping[str, str]]:
    states = [step.get("oldState") or {}, step.get("newState") or {}]
    kind = next((state["type"] for state in reversed(states) if state.get("type")), "")
    return states, SETS.get(str(kind), {})


def _maps(states: Sequence[Mapping[str, Any]], block: str) -> list[Mapping[str, Any]]:
    return [(state.get("inputs") or {}).get(block) or {} for state in states]


def _lines(states: Sequence[Mapping[str, Any]], block: str, nouns: Mapping[str, str]) -> list[str]:
    old, new = _maps(states, block)
    noun = nouns[block]
    lines = [f"+ {noun}{name}" for name in sorted(new.keys() - old.keys())]
    lines += [f"~ {noun}{name}: {difference(old[name], new[name])}" for name in sorted(new) if _differ(old, new, name)]
    return lines + [f"- {noun}{name} ({_GONE.get(block, _FRAGMENT)})" for name in sorted(old.keys() - new.keys())]


def _differ(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> bool:
    return name in old and bool(old[name] != new[name])


def difference(old: Any, new: Any) -> str:
    """What differs between two values, field by field."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return f"{json.dumps(old)} -> {json.dumps(new)}"
    return ", ".join(leaves(old, new))


def leaves(old: Mapping[str, Any], new: Mapping[str, Any], above: str = "") -> list[str]:
    """What differs, by its whole path: a field of a mapping, and not the mapping."""
    lines: list[str] = []
    for key in sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key)):
        before, after, path = old.get(key), new.get(key), f"{above}{key}"
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            lines += leaves(before, after, f"{path}.")
        else:
            lines.append(f"{path} {json.dumps(before)} -> {json.dumps(after)}")
    return lines
