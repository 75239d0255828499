"""What an operator reads when a release fails: per unready object the reason, the remedy, its last events and log."""

from collections.abc import Mapping, Sequence
from typing import Any

from bus.cluster.access import Cluster
from bus.cluster.kube import kube_api
from bus.releases import live_objects, objects
from bus.releases.failure.unready import Finding, judge, last_events
from bus.releases.recovery import records

_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job"})
_OBJECTS, _LOG_LINES, _LINE = 10, 12, 300


def report(cluster: Cluster, release: str) -> str:
    """The report on a release as the cluster is now; says so where everything of it is ready."""
    api = kube_api(cluster)
    history = sorted(records.read(cluster, [release])[release], key=lambda record: record.revision)
    if not history:
        return f"release {release} in {cluster.namespace} has no records: Helm refused it before it made anything"
    manifest = records.content(cluster, history[-1]).get("manifest") or ""
    keys = [key for key in objects.parse(manifest, cluster.namespace) if key.kind in _WORKLOADS]
    workloads = [found.raw for key in keys if (found := live_objects.find(api, key))]
    pods = _pods(api, cluster.namespace, workloads)
    events = [dict(one.raw) for one in api.get("events", namespace=cluster.namespace)]
    claims = _claims(api, cluster.namespace, [pod.raw for pod in pods.values()])
    findings = judge(workloads, [pod.raw for pod in pods.values()], claims, events)
    logs = {one.object: _log(pods[one.object], one) for one in findings[:_OBJECTS] if one.container}
    return written(cluster.namespace, release, findings, events, logs)


def written(
    namespace: str,
    release: str,
    findings: Sequence[Finding],
    events: Sequence[Mapping[str, Any]],
    logs: Mapping[str, Sequence[str]],
) -> str:
    """The report's text."""
    if not findings:
        return f"release {release} in {namespace}: every pod is ready now; run pulumi up again, or raise bus:timeouts"
    lines = [f"release {release} in {namespace}: {len(findings)} of its objects are not ready, and why:"]
    for finding in findings[:_OBJECTS]:
        lines += [f"  {finding.object}: {finding.reason}", f"    to do: {finding.remedy}"]
        lines += [f"    event: {said[:_LINE]}" for said in last_events(finding.object, events)]
        if finding.object in logs:
            which = f"{finding.container}{', before it was restarted' if finding.crashed else ''}"
            lines += [f"    log of {which}:", *(f"      {line[:_LINE]}" for line in logs[finding.object])]
    if len(findings) > _OBJECTS:
        lines.append(f"  and {len(findings) - _OBJECTS} more: kubectl get pods -n {namespace}")
    return "\n".join(lines)


def _pods(api: Any, namespace: str, workloads: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = {}
    for workload in workloads:
        selector = (workload["spec"].get("selector") or {}).get("matchLabels")
        if selector:
            for pod in api.get("pods", namespace=namespace, label_selector=dict(selector)):
                found[f"Pod/{pod.name}"] = pod
    return found


def _claims(api: Any, namespace: str, pods: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    volumes = [volume for pod in pods for volume in pod["spec"].get("volumes") or []]
    names = {volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume}
    return [one.raw for one in api.get("persistentvolumeclaims", namespace=namespace) if one.name in names]


def _log(pod: Any, finding: Finding) -> list[str]:
    try:
        lines = pod.logs(container=finding.container, previous=finding.crashed, tail_lines=_LOG_LINES)
        return list(lines) or ["(empty)"]
    except Exception as error:  # no kubelet answers, or the container is gone: the rest of the report is worth having
        return [f"(cannot be read: {' '.join(str(error).split())})"]
