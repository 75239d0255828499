"""What the API server of a site says of its products; changes nothing."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bus.cluster.access import Cluster
from bus.running.live import Live, Pod, Workload

_KAFKA = "kafka"
_KINDS = ("statefulsets", "persistentvolumeclaims", "pods", "configmaps")


def live(cluster: Cluster) -> Live:
    """The products of a site as its cluster has them, without a question to the products; raises Unreachable."""
    from bus.cluster import kube  # imports kr8s, which takes a third of a second, and the types need none

    listed = {kind: kube.listed(cluster, kind) for kind in _KINDS}
    sets = {one.name: one.raw for one in listed["statefulsets"] or ()}
    claims = {str(one.name): _asked(one.raw) for one in listed["persistentvolumeclaims"] or ()}
    pods = [one.raw for one in listed["pods"] or ()]
    return Live(
        elasticsearch=workload("es", sets.get("es"), claims, pods),
        kafka=workload(_KAFKA, sets.get(_KAFKA), claims, pods),
        zookeeper=workload("zookeeper", sets.get("zookeeper"), claims, pods),
        postgres=workload("postgres", sets.get("postgres"), claims, pods),
        kafka_settings=_settings(listed["configmaps"] or ()),
        hidden=tuple(kind for kind, found in listed.items() if found is None),
    )


def kafka_settings(cluster: Cluster) -> str:
    """server.properties as it is deployed; empty where it is not. Raises Unreachable."""
    from bus.cluster import kube  # as above

    return _settings(kube.listed(cluster, "configmaps") or ())


def _settings(maps: Iterable[Any]) -> str:
    found = [one.raw for one in maps if one.name == _KAFKA]
    return str((found[0].get("data") or {}).get("server.properties", "")) if found else ""


def workload(name: str, found: Any, claims: Mapping[str, str], pods: Iterable[Any]) -> Workload:
    """One product, from its StatefulSet, all claims of the namespace with their sizes, and all its pods.

    A set that was deleted with --cascade=orphan has left its pods, which say what it was.
    """
    ours = re.compile(rf"data-{re.escape(name)}-(\d+)")
    volumes = {int(match[1]): size for claim, size in claims.items() if (match := ours.fullmatch(claim))}
    own = sorted((pod for pod in pods if _belongs(pod, name)), key=lambda pod: str(pod["metadata"]["name"]))
    template = found["spec"]["template"] if found else next(iter(own), None)
    container = _container(template, name) if template else {}
    templates = (found["spec"].get("volumeClaimTemplates") if found else None) or []
    sizes = [_asked(one) for one in templates if one["metadata"]["name"] == "data"]
    return Workload(
        replicas=int(found["spec"].get("replicas", 1)) if found else None,
        image=str(container.get("image", "")),
        arguments=tuple(map(str, container.get("args") or ())),
        claims=max(volumes, default=-1) + 1,
        size=sizes[0] if sizes else "",
        sizes=tuple(size for _, size in sorted(volumes.items())),
        pods=tuple(_pod(pod, name) for pod in own if _is_ready(pod)),
    )


def _asked(claim: Any) -> str:
    """How much a claim, or a template of claims, asks for."""
    return str(claim["spec"]["resources"]["requests"]["storage"])


def _pod(pod: Any, workload: str) -> Pod:
    return Pod(str(pod["metadata"]["name"]), str(_container(pod, workload)["image"]))


def _container(template: Any, workload: str) -> Any:
    """The container of the product: others may be put beside it, and before it."""
    containers = template["spec"]["containers"]
    return next((one for one in containers if one.get("name") == workload), containers[0])


def _belongs(pod: Any, workload: str) -> bool:
    """Whether a pod is of a set, or was until that was deleted around it."""
    if not re.fullmatch(rf"{re.escape(workload)}-\d+", str(pod["metadata"]["name"])):
        return False
    owners = pod["metadata"].get("ownerReferences") or []
    return not owners or any(owner["kind"] == "StatefulSet" and owner["name"] == workload for owner in owners)


def _is_ready(pod: Any) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
