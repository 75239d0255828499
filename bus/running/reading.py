"""What the API server of a site says of its products; changes nothing."""

import re
from collections.abc import Iterable
from typing import Any

from bus.access import Cluster
from bus.running.live import Live, Pod, Workload

_KAFKA = "kafka"
_KINDS = ("statefulsets", "persistentvolumeclaims", "pods", "configmaps")


def live(cluster: Cluster) -> Live:
    """The products of a site as its cluster has them, without a question to the products; raises Unreachable."""
    from bus import kube  # imports kr8s, which takes a third of a second, and the types need none

    listed = {kind: kube.listed(cluster, kind) for kind in _KINDS}
    sets = {one.name: one.raw for one in listed["statefulsets"] or ()}
    claims = [str(one.name) for one in listed["persistentvolumeclaims"] or ()]
    pods = [one.raw for one in listed["pods"] or ()]
    return Live(
        elasticsearch=workload("es", sets.get("es"), claims, pods),
        kafka=workload(_KAFKA, sets.get(_KAFKA), claims, pods),
        zookeeper=workload("zookeeper", sets.get("zookeeper"), claims, pods),
        postgres=workload("postgres", sets.get("postgres"), claims, pods),
        kafka_settings=_settings(listed["configmaps"] or ()) if _KAFKA in sets else "",
        hidden=tuple(kind for kind, found in listed.items() if found is None),
    )


def kafka_settings(cluster: Cluster) -> str:
    """server.properties as it is deployed; empty where it is not. Raises Unreachable."""
    from bus import kube  # as above

    return _settings(kube.listed(cluster, "configmaps") or ())


def _settings(maps: Iterable[Any]) -> str:
    found = [one.raw for one in maps if one.name == _KAFKA]
    return str((found[0].get("data") or {}).get("server.properties", "")) if found else ""


def workload(name: str, found: Any, claims: Iterable[str], pods: Iterable[Any]) -> Workload:
    """One product, from its StatefulSet, the names of all claims of the namespace, and all its pods."""
    ours = re.compile(rf"data-{re.escape(name)}-(\d+)")
    ordinals = [int(match[1]) for claim in claims if (match := ours.fullmatch(claim))]
    left = max(ordinals) + 1 if ordinals else 0
    if found is None:
        return Workload(claims=left)
    spec = found["spec"]
    container = spec["template"]["spec"]["containers"][0]
    templates = spec.get("volumeClaimTemplates") or []
    sizes = [one["spec"]["resources"]["requests"]["storage"] for one in templates if one["metadata"]["name"] == "data"]
    return Workload(
        replicas=int(spec.get("replicas", 1)),
        image=str(container["image"]),
        arguments=tuple(map(str, container.get("args") or ())),
        claims=left,
        size=str(sizes[0]) if sizes else "",
        pods=tuple(sorted((_pod(pod) for pod in pods if _is_ready(pod, name)), key=lambda pod: pod.name)),
    )


def _pod(pod: Any) -> Pod:
    return Pod(str(pod["metadata"]["name"]), str(pod["spec"]["containers"][0]["image"]))


def _is_ready(pod: Any, workload: str) -> bool:
    owners = pod["metadata"].get("ownerReferences") or []
    if not any(owner["kind"] == "StatefulSet" and owner["name"] == workload for owner in owners):
        return False
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
