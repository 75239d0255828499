"""Fields of live objects that are not as their release deployed them, and who wrote them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bus.releases.compare.changes import HIDDEN, is_secret, leaves
from bus.releases.objects import Key

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|Ki|Mi|Gi|Ti|M|G|T)?")
_FACTOR = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate(("k", "M", "G", "T"), 1)},
    **{unit: Decimal(1024) ** power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti"), 1)},
}
_STEP = re.compile(r"([^.\[\]]+)|\[([^\]]+)\]")


@dataclass(frozen=True)
class Drift:
    """One field, or a whole object where `path` is empty."""

    object: str
    path: str
    deployed: str
    live: str
    owner: str
    """the field manager that wrote the live value, and when; empty where nobody says"""

    def __str__(self) -> str:
        by = f" (by {self.owner})" if self.owner else ""
        return (
            f"{self.object} {self.path}: {self.deployed} -> {self.live}{by}"
            if self.path
            else f"{self.object}: {self.live}"
        )


def drift(deployed: Mapping[Key, Mapping[str, Any]], live: Mapping[Key, Mapping[str, Any]]) -> list[Drift]:
    """What differs of every object that a release deployed; fields that it does not set are anybody's."""
    found: list[Drift] = []
    for key, spec in sorted(deployed.items()):
        if key in live:
            found += _fields(key, spec, live[key])
        else:
            found.append(Drift(str(key), "", "deployed", "is gone", ""))
    return found


def owner(managed: Sequence[Mapping[str, Any]], path: str) -> str:
    """The manager whose entry reaches farthest down `path`; of several, the one that wrote last."""
    steps = [name or f"[{entry}]" for name, entry in _STEP.findall(path)]
    depth, best = 0, None  # an entry without a time, as kubectl scale leaves, counts as the oldest
    for entry in sorted(managed, key=lambda one: str(one.get("time", ""))):
        reached = _depth(entry.get("fieldsV1") or {}, steps)
        if reached and reached >= depth:
            depth, best = reached, entry
    if best is None:
        return ""
    return f"{best['manager']} at {best['time']}" if best.get("time") else str(best["manager"])


def _fields(key: Key, spec: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Drift]:
    now = dict(leaves(live, key, hide=False))
    for path, wanted in leaves(spec, key, hide=False):
        seen = now.get(path)
        if path.startswith(("stringData.", "status")) or (wanted in ("", "{}", "[]") and not seen):
            continue  # never kept as such, or the API server drops what is empty
        if seen is None or not _same(wanted, seen):
            shown = (
                (HIDDEN, HIDDEN)
                if is_secret(path, key, f"{wanted}\n{seen}")
                else (wanted, seen if seen is not None else "(none)")
            )
            managed = live["metadata"].get("managedFields") or []
            yield Drift(str(key), path, *shown, owner(managed, path))


def _same(wanted: str, seen: str) -> bool:
    if wanted == seen:
        return True
    one, other = _QUANTITY.fullmatch(wanted), _QUANTITY.fullmatch(seen)
    return bool(one and other and _number(one) == _number(other))


def _number(match: re.Match[str]) -> Decimal:
    return Decimal(match.group(1)) * _FACTOR[match.group(2) or ""]


def _depth(fields: Mapping[str, Any], steps: Sequence[str]) -> int:
    """How many of `steps` a fieldsV1 tree has; a name with dots takes several."""
    if not steps:
        return 0
    for count in range(len(steps), 0, -1):
        step = ".".join(steps[:count])
        names = [f"f:{step}"] if not step.startswith("[") else [f'k:{{"name":"{step[1:-1]}"}}']
        for name in names:
            if name in fields:
                return count + _depth(fields[name], steps[count:])
    return 0
