"""Why an object of a release is not ready, and the ordinary remedy: pods, workloads, claims and events judged."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]

_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"})
_CONFIG = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_OUT_OF_MEMORY = 137


@dataclass(frozen=True)
class Finding:
    """One object that is not ready; `container` is the one whose log says more, if any."""

    object: str
    reason: str
    remedy: str
    container: str = ""
    crashed: bool = False
    """the log of the container before this one says it"""


def judge(
    workloads: Iterable[Object], pods: Iterable[Object], claims: Iterable[Object], events: Sequence[Object]
) -> list[Finding]:
    """Every reason why something is not ready; of several pods that say the same, the first."""
    found = [finding for claim in claims if (finding := _claim(claim, events))]
    found += [finding for pod in pods if (finding := _pod(pod, events))]
    found += [finding for workload in workloads if (finding := _workload(workload, events))]
    told: set[tuple[str, str]] = set()
    kept = []
    for finding in found:
        key = (finding.reason, finding.remedy)
        if key not in told:
            kept.append(finding)
        told.add(key)
    return kept


def last_events(name: str, events: Iterable[Object], count: int = 3) -> list[str]:
    """The newest warnings about an object `Kind/name`, as one line each; other events where there are none."""
    mine = sorted((event for event in events if _about(event) == name), key=_when)
    warnings = [event for event in mine if event.get("type") == "Warning"]
    return [f"{event.get('reason', '')}: {_line(event.get('message', ''))}" for event in (warnings or mine)[-count:]]


def _pod(pod: Object, events: Sequence[Object]) -> Finding | None:
    status, name = pod.get("status", {}), f"Pod/{pod['metadata']['name']}"
    if _has(status, "Ready", "True") or status.get("phase") == "Succeeded":
        return None
    if pod["metadata"].get("deletionTimestamp"):
        return Finding(name, "is still ending", "wait; a finalizer or a node that is gone can hold it")
    if status.get("phase") == "Failed":
        said = f"{status.get('reason') or 'failed'}: {_line(status.get('message', ''))}".rstrip(": ")
        return Finding(name, said, "its log and the node's events say why; an evicted pod needs room on its node")
    for state in (*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])):
        if finding := _container(name, state):
            return finding
    if _has(status, "PodScheduled", "False"):
        return _unscheduled(name, status)
    if mount := _event(name, events, "FailedMount", "FailedAttachVolume"):
        remedy = "make the Secret, ConfigMap or volume that it names, in this namespace"
        return Finding(name, f"a volume cannot be mounted: {mount}", remedy)
    if sandbox := _event(name, events, "FailedCreatePodSandBox"):
        return Finding(
            name, f"its network or sandbox cannot be made: {sandbox}", "look at the node: CNI plugin, addresses"
        )
    return _starting(name, status, events)


def _container(pod: str, state: Object) -> Finding | None:
    name, now, before = state["name"], state.get("state") or {}, (state.get("lastState") or {}).get("terminated") or {}
    waiting, ended = now.get("waiting") or {}, now.get("terminated") or {}
    reason, message = waiting.get("reason", ""), _line(waiting.get("message", ""))
    if reason in _IMAGE:
        remedy = "check name, tag and registry in values/<brick>.yml, and that the node may pull from there"
        return Finding(
            pod, f"container {name} cannot pull {state.get('image', 'its image')}: {message or reason}", remedy
        )
    if reason in _CONFIG:
        remedy = "make the Secret or ConfigMap, or the key, that it names; or mend the command"
        return Finding(pod, f"container {name} cannot be made: {message or reason}", remedy)
    failed = (
        ended if ended.get("exitCode") else before if reason == "CrashLoopBackOff" or before.get("exitCode") else {}
    )
    if failed and not state.get("ready"):
        code, restarts = failed.get("exitCode"), state.get("restartCount", 0)
        if failed.get("reason") == "OOMKilled":
            remedy = "raise resources.limits.memory of the brick, or lower what it takes (Java: -Xmx)"
            return Finding(pod, f"container {name} took more memory than it may", remedy, name, True)
        said = _line(failed.get("message", ""))  # what it wrote to its termination log
        what = f"container {name} ended with exit code {code}, {restarts} times{said and f': {said}'}"
        remedy = "the end of its log says why: a wrong setting, or a server that it needs"
        if code == _OUT_OF_MEMORY:
            remedy = "killed from outside: a failing liveness probe, or no memory left on the node"
        return Finding(pod, what, remedy, name, bool(before) and not ended)
    return None


def _unscheduled(name: str, status: Object) -> Finding:
    message = next((_line(one.get("message", "")) for one in status["conditions"] if one["type"] == "PodScheduled"), "")
    if "PersistentVolumeClaim" in message or "persistentvolumeclaim" in message:
        remedy = "look at the claim: kubectl describe pvc; a storage class that exists, and room in it"
        return Finding(name, f"its volume is not bound: {message}", remedy)
    if "Insufficient" in message or "Too many pods" in message:
        return Finding(name, f"no node has room: {message}", "lower resources.requests of the brick, or add a node")
    return Finding(
        name, f"no node takes it: {message}", "mend its node selector, affinity or tolerations, or label a node"
    )


def _starting(name: str, status: Object, events: Sequence[Object]) -> Finding:
    for state in status.get("initContainerStatuses") or []:
        if (state.get("state") or {}).get("running"):
            what = f"init container {state['name']} has not ended"
            return Finding(name, what, "it waits for something: its log says for what", state["name"])
    running = [one for one in status.get("containerStatuses") or [] if (one.get("state") or {}).get("running")]
    unready = next((one["name"] for one in running if not one.get("ready")), "")
    if unready:
        probe = _event(name, events, "Unhealthy") or "its readiness probe has not passed yet"
        remedy = "its log says what it does; where it only starts slowly, raise bus:timeouts"
        return Finding(name, f"container {unready} runs and is not ready: {probe}", remedy, unready)
    return Finding(name, "is still being started", "slow image pull or node; raise bus:timeouts where that is ordinary")


def _workload(workload: Object, events: Sequence[Object]) -> Finding | None:
    kind, name = workload["kind"], f"{workload['kind']}/{workload['metadata']['name']}"
    spec, status = workload.get("spec", {}), workload.get("status", {})
    if kind == "Job":
        return _job(name, status, events)
    wanted = status.get("desiredNumberScheduled", 0) if kind == "DaemonSet" else spec.get("replicas", 1)
    ready = status.get("numberReady" if kind == "DaemonSet" else "readyReplicas", 0)
    if ready >= wanted:
        return None
    owners = (name, *_replica_sets(workload, events))
    refused = next((said for owner in owners if (said := _event(owner, events, "FailedCreate"))), "")
    if not refused:
        return None  # its pods say why
    if "exceeded quota" in refused:
        remedy = "raise the ResourceQuota of the namespace, or lower resources.requests of the brick"
        return Finding(name, f"the namespace's quota is used up: {refused}", remedy)
    if "PodSecurity" in refused:
        remedy = "mend the brick's securityContext, or lower podSecurity of the site"
        return Finding(name, f"its pods break the namespace's Pod Security level: {refused}", remedy)
    return Finding(
        name, f"its pods are refused: {refused}", "the message is the API server's or an admission webhook's"
    )


def _job(name: str, status: Object, events: Sequence[Object]) -> Finding | None:
    if _has(status, "Complete", "True"):
        return None
    if _has(status, "Failed", "True"):
        said = next((_line(one.get("message", "")) for one in status["conditions"] if one["type"] == "Failed"), "")
        return Finding(name, f"failed: {said}", "the log of its pod says why; a job runs again at the next pulumi up")
    if refused := _event(name, events, "FailedCreate"):
        return Finding(
            name, f"its pod is refused: {refused}", "the message is the API server's or an admission webhook's"
        )
    return Finding(name, "has not ended", "its pod runs, or waits for something: its log says for what")


def _claim(claim: Object, events: Sequence[Object]) -> Finding | None:
    if claim.get("status", {}).get("phase") != "Pending":
        return None
    name = f"PersistentVolumeClaim/{claim['metadata']['name']}"
    said = _event(name, events, "ProvisioningFailed", "FailedBinding")
    if not said:
        return None  # bound with its first pod
    wanted = claim["spec"].get("storageClassName") or "the cluster's default"
    remedy = f"storage class {wanted}: kubectl get storageclass; name one that exists in the brick's values"
    return Finding(name, f"no volume is made for it: {said}", remedy)


def _replica_sets(workload: Object, events: Sequence[Object]) -> list[str]:
    """The replica sets of a deployment that events name: <deployment>-<hash>."""
    mine = re.compile(rf"ReplicaSet/{re.escape(workload['metadata']['name'])}-[a-z0-9]+$")
    return sorted({name for event in events if mine.match(name := _about(event))})


def _has(status: Object, kind: str, value: str) -> bool:
    return any(one["type"] == kind and one["status"] == value for one in status.get("conditions") or [])


def _event(name: str, events: Iterable[Object], *reasons: str) -> str:
    mine = [event for event in events if _about(event) == name and event.get("reason") in reasons]
    return _line(max(mine, key=_when).get("message", "")) if mine else ""


def _about(event: Object) -> str:
    about = event.get("involvedObject") or {}
    return f"{about.get('kind', '')}/{about.get('name', '')}"


def _when(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")


def _line(text: str) -> str:
    return " ".join(str(text).split())[:300]
