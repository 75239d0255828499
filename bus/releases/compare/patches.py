"""What a dry run sends of an object: Helm's patch of it, and the pod that its controller would make."""

from collections.abc import Collection, Mapping
from typing import Any


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON merge patch (RFC 7386) that sets all of `new` and takes away what only `old` has, as Helm's does.

    Helm's is a strategic one for the kinds of Kubernetes itself: lists are merged by key. Here they are replaced, which
    has the same outcome where nobody else has added entries to them.
    """
    patch = _patch(old, new)
    strategy = (patch.get("spec") or {}).get("strategy") if patch.get("kind") == "Deployment" else None
    if strategy and strategy.get("type") == "Recreate":
        strategy["rollingUpdate"] = None  # a default of the server's; a strategic patch has `retainKeys` for it
    return patch


def _patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    patch: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        below = before if isinstance(before, Mapping) else {}
        patch[name] = _patch(below, value) if isinstance(value, Mapping) else value
    return patch


def pod_of(spec: Mapping[str, Any], accounts: Collection[str]) -> dict[str, Any] | None:
    """A pod of a workload's template; None for what makes no pods.

    Without its account where that is one of `accounts`, those that the same release makes.
    """
    body = spec.get("spec") or {}
    if spec.get("kind") == "CronJob":
        body = (body.get("jobTemplate") or {}).get("spec") or {}
    template = body.get("template")
    if not isinstance(template, Mapping) or not (template.get("spec") or {}).get("containers"):
        return None
    meta = {"generateName": f"{spec['metadata']['name']}-"}
    for name in ("labels", "annotations"):
        if (template.get("metadata") or {}).get(name):
            meta[name] = template["metadata"][name]
    pod = {name: value for name, value in template["spec"].items() if not _is_own_account(name, value, accounts)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {**pod, **_volumes(body, pod)},
    }


def _is_own_account(name: str, value: Any, accounts: Collection[str]) -> bool:
    return name in ("serviceAccountName", "serviceAccount") and value in accounts


def _volumes(body: Mapping[str, Any], pod: Mapping[str, Any]) -> dict[str, Any]:
    """The volumes of a StatefulSet's claims, which its controller adds to each pod."""
    claims = [one["metadata"]["name"] for one in body.get("volumeClaimTemplates") or []]
    if not claims:
        return {}
    own = [one for one in pod.get("volumes") or [] if one.get("name") not in claims]
    return {"volumes": [*own, *({"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims)]}
