"""What a new manifest changes, object by object and field by field; secrets hidden, noise folded."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bus.releases.objects import Key
from bus.releases.render import secrecy

HIDDEN = "(hidden)"
# What follows from other changes, or from the version of a chart: told as "restarts", or not at all.
_CHECKSUM = re.compile(r"\.annotations\.checksum/")
_NOISE = re.compile(r"\.labels\.(helm\.sh/chart|app\.kubernetes\.io/managed-by)$|^status\b|\.managedFields\b")
_SECRET_NAME = re.compile(r"(?i)(password|passwd|secret|token|apikey|api_key|credential)s?$")
_ABSENT = object()
_WORKLOADS = ("Deployment/", "StatefulSet/", "DaemonSet/")
_TEMPLATE = "spec.template."


@dataclass(frozen=True)
class FieldChange:
    """One field: None where it is not there."""

    path: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class ObjectChange:
    """One object of a release."""

    object: str
    op: Literal["added", "changed", "removed", "restarted"]
    fields: tuple[FieldChange, ...] = field(default=())
    by_hand: bool = False
    """whether its pods stay until somebody deletes them: update strategy OnDelete, or none of them is wanted"""

    @property
    def restarts(self) -> bool:
        """Whether its pods are replaced: a workload whose pod template changes, if only by a checksum."""
        if self.by_hand:
            return False
        template = any(one.path.startswith(_TEMPLATE) for one in self.fields)
        return self.op == "restarted" or (self.op == "changed" and self.object.startswith(_WORKLOADS) and template)

    @property
    def images(self) -> list[tuple[str | None, str | None]]:
        """Images that this changes, old and new."""
        return [(one.old, one.new) for one in self.fields if one.path.endswith(".image")]


def changes(old: Mapping[Key, Mapping[str, Any]], new: Mapping[Key, Mapping[str, Any]]) -> list[ObjectChange]:
    """Every object that differs, by kind and name; one whose only change is a checksum is `restarted`."""
    found = []
    for key in sorted(old.keys() | new.keys()):
        name = str(key)
        if key not in new:
            found.append(ObjectChange(name, "removed"))
        elif key not in old:
            images = [
                FieldChange(path, None, value) for path, value in leaves(new[key], key) if path.endswith(".image")
            ]
            found.append(ObjectChange(name, "added", tuple(images)))
        else:
            fields = _fields(old[key], new[key], key)
            plain = tuple(one for one in fields if not (_CHECKSUM.search(one.path) or _NOISE.search(one.path)))
            if fields:
                op: Literal["changed", "restarted"] = "changed" if plain else "restarted"
                found.append(ObjectChange(name, op, plain, _by_hand(new[key])))
    return found


def _by_hand(new: Mapping[str, Any]) -> bool:
    spec = new.get("spec") or {}
    return (spec.get("updateStrategy") or {}).get("type") == "OnDelete" or spec.get("replicas") == 0


def _fields(old: Mapping[str, Any], new: Mapping[str, Any], key: Key) -> list[FieldChange]:
    before, after = dict(leaves(old, key, hide=False)), dict(leaves(new, key, hide=False))
    found = []
    for path in [*before, *(path for path in after if path not in before)]:
        if before.get(path, _ABSENT) == after.get(path, _ABSENT):
            continue
        if _NOISE.search(path) and not path.startswith(_TEMPLATE):  # there it replaces pods
            continue
        hidden = any(is_secret(path, key, side.get(path, "")) for side in (before, after))
        shown = [None if path not in side else HIDDEN if hidden else side[path] for side in (before, after)]
        found.append(FieldChange(path, *shown))
    return found


def leaves(value: Any, key: Key, path: str = "", *, hide: bool = True) -> Iterator[tuple[str, str]]:
    """Every scalar with its path; entries of lists by their name where they have one, else by number."""
    if isinstance(value, Mapping) and value:
        for name, below in value.items():
            yield from leaves(below, key, f"{path}.{name}" if path else str(name), hide=hide)
    elif isinstance(value, list) and value:
        for number, below in enumerate(value):
            named = isinstance(below, Mapping) and "name" in below
            yield from leaves(below, key, f"{path}[{below['name'] if named else number}]", hide=hide)
    else:
        text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        yield path, HIDDEN if hide and is_secret(path, key, text) else text


def is_secret(path: str, key: Key, value: str = "") -> bool:
    """Whether a field's value may not be shown: data of Secrets, and what is a secret by its name or its shape."""
    if key.kind == "Secret":
        return path.startswith(("data.", "stringData."))
    variable = re.search(r"\.env\[([^\]]+)\]\.value$", path)
    name = variable.group(1) if variable else path
    return bool(_SECRET_NAME.search(name)) or secrecy.named(name, hiding=True) or bool(secrecy.shape(value))
