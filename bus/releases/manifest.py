"""Manifests put together: everything that one or the other of several revisions may have left in the cluster."""

from collections.abc import Sequence
from typing import Any

import yaml

from bus.releases.objects import Key, parse


def union(manifests: Sequence[str]) -> str:
    """Every object, and every field, that any of `manifests` has; the later one wins where they differ."""
    found: dict[Key, Any] = {}
    for manifest in manifests:
        for key, spec in parse(manifest).items():
            found[key] = _merged(found[key], spec) if key in found else spec
    return yaml.safe_dump_all(found.values(), sort_keys=False, explicit_start=True) if found else ""


def _merged(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            key: _merged(one[key], other[key]) if key in one and key in other else other.get(key, one.get(key))
            for key in [*one, *(key for key in other if key not in one)]
        }
    if _by_name(one) and _by_name(other):  # containers, env, volumes: Kubernetes merges these by their names
        mine = {entry["name"]: entry for entry in one}
        theirs = {entry["name"]: entry for entry in other}
        return list(_merged(mine, theirs).values())
    return other


def _by_name(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(entry, dict) and "name" in entry for entry in value)
    )
