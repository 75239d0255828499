"""The objects in a release's manifest: read from it, and removed from the cluster."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import kr8s
import yaml
from kr8s.objects import object_from_spec

from bus.cluster.access import Cluster
from bus.cluster.kube import kube_api
from bus.config.parsing import YamlLoader

# Volumes and whatever holds them; and definitions, whose removal takes the objects of everybody.
_STAY = frozenset(
    {"PersistentVolumeClaim", "PersistentVolume", "Namespace", "CustomResourceDefinition", "StorageClass"}
)
# Helm's own order of uninstalling in short: what makes pods first, so that nothing is made again meanwhile.
_FIRST = ("CronJob", "Job", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod")
_GONE_SECONDS = 60.0


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


def remove(cluster: Cluster, keys: Iterable[Key], seconds: float = _GONE_SECONDS) -> None:
    """Deletes objects and waits until they are gone; those that are not there are fine. Raises TimeoutError."""
    api = kube_api(cluster)
    left = {}
    for key in keys:
        found = find(api, key)
        if found is not None:
            found.delete(propagation_policy="Background")
            left[key] = found
    deadline = time.monotonic() + seconds
    while left:
        left = {key: one for key, one in left.items() if one.exists()}
        if left and time.monotonic() > deadline:
            names = ", ".join(map(str, sorted(left)))
            raise TimeoutError(f"{cluster.namespace}: still there {seconds:.0f} s after their removal: {names}")
        time.sleep(0.2 if left else 0)


def find(api: Any, key: Key) -> Any | None:
    """The object of a cluster, None where it or its kind is not there."""
    spec = {"apiVersion": key.version, "kind": key.kind, "metadata": {"name": key.name, "namespace": key.namespace}}
    try:
        found = object_from_spec(spec, api=api, allow_unknown_type=True)
        found.refresh()
    except kr8s.NotFoundError:
        return None
    return found


def _kept(spec: Mapping[str, Any]) -> bool:
    return (spec["metadata"].get("annotations") or {}).get("helm.sh/resource-policy") == "keep"
