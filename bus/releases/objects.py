"""The objects in a release's manifest, and which of them an uninstall removes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from bus.config.parsing import YamlLoader

# Volumes and whatever holds them; and definitions, whose removal takes the objects of everybody.
_STAY = frozenset(
    {"PersistentVolumeClaim", "PersistentVolume", "Namespace", "CustomResourceDefinition", "StorageClass"}
)
# Helm's own order of uninstalling in short: what makes pods first, so that nothing is made again meanwhile.
_FIRST = ("CronJob", "Job", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod")


@dataclass(frozen=True, order=True)
class Key:
    """What tells one object of a namespace from another."""

    kind: str
    name: str
    version: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def parse(manifest: str, namespace: str = "") -> dict[Key, dict[str, Any]]:
    """Every object of a manifest, in its order; `namespace` is that of those which name none."""
    documents = yaml.load_all(manifest, Loader=YamlLoader)
    return {
        key_of(document, namespace): document
        for document in documents
        if isinstance(document, dict) and document.get("kind") and document.get("metadata")
    }


def key_of(spec: Mapping[str, Any], namespace: str = "") -> Key:
    """The key of an object."""
    meta = spec["metadata"]
    return Key(spec["kind"], meta["name"], spec.get("apiVersion", "v1"), meta.get("namespace") or namespace)


def removable(manifests: Iterable[str], namespace: str) -> list[Key]:
    """What an uninstall removes of all revisions of a release, in this order; volumes stay, and what Helm keeps."""
    found: dict[Key, dict[str, Any]] = {}
    for manifest in manifests:
        found |= parse(manifest, namespace)
    keys = [key for key, spec in found.items() if key.kind not in _STAY and not _kept(spec)]
    return sorted(keys, key=lambda key: (_FIRST.index(key.kind) if key.kind in _FIRST else len(_FIRST), key))


def _kept(spec: Mapping[str, Any]) -> bool:
    return (spec["metadata"].get("annotations") or {}).get("helm.sh/resource-policy") == "keep"
