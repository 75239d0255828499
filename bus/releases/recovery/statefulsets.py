"""StatefulSets that no upgrade gets out of: a pod of an ordered set that never gets ready is never replaced.

The controller waits for the pod before it rolls out the template that would mend it, and Kubernetes leaves that to a
human: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback. So before such an upgrade
the set is removed without its pods, and the stuck ones of them; Helm makes the set again, which takes over the others.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bus.cluster.access import Cluster
from bus.cluster.kube import kube_api
from bus.releases.live_objects import find
from bus.releases.objects import Key, parse


def stuck(pods: Iterable[Mapping[str, Any]], now: datetime, patience: timedelta) -> list[str]:
    """Names of the pods that will not get ready by themselves: they cannot start, or had `patience` to."""
    return sorted(pod["metadata"]["name"] for pod in pods if not _ready(pod) and _hopeless(pod, now, patience))


def free(cluster: Cluster, manifests: Sequence[str], now: datetime, patience: timedelta) -> list[str]:
    """Removes the stuck pods of the StatefulSets in `manifests`, and the sets around them; the names of the pods."""
    api, freed = kube_api(cluster), []
    for key in _sets(manifests, cluster.namespace):
        found = find(api, key)
        if found is None or found.raw["spec"].get("podManagementPolicy") == "Parallel":
            continue
        selector = found.raw["spec"]["selector"]["matchLabels"]
        pods = {pod.name: pod for pod in api.get("pods", namespace=key.namespace, label_selector=dict(selector))}
        names = stuck([pod.raw for pod in pods.values()], now, patience)
        if names:
            found.delete(propagation_policy="Orphan")
            for name in names:
                pods[name].delete()
            freed += names
    return freed


def _sets(manifests: Sequence[str], namespace: str) -> list[Key]:
    keys = {key for manifest in manifests for key in parse(manifest, namespace)}
    return sorted(key for key in keys if key.kind == "StatefulSet")


def _ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _hopeless(pod: Mapping[str, Any], now: datetime, patience: timedelta) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return False  # on its way out already
    status = pod.get("status", {})
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    waiting = [(one.get("state") or {}).get("waiting", {}).get("reason", "") for one in containers]
    if any(reason not in ("", "ContainerCreating", "PodInitializing") for reason in waiting):
        return True
    conditions = status.get("conditions") or []
    if any(one["type"] == "PodScheduled" and one["status"] == "False" for one in conditions):
        return True
    return now - datetime.fromisoformat(pod["metadata"]["creationTimestamp"]) > patience
