"""Helm's records in a cluster: Secrets of type helm.sh/release.v1, read, marked, planted and removed."""

import base64
import gzip
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import kr8s
from kr8s.objects import Secret

from bus.cluster.access import Cluster
from bus.cluster.kube import answered, kube_api
from bus.releases.recovery.state import TAKEN_OVER, Revision, WantedRelease

TYPE = "helm.sh/release.v1"


def read(cluster: Cluster, releases: Iterable[str]) -> dict[str, list[Revision]]:
    """release -> every revision of it in the cluster's namespace; empty where there is none. Raises Unreachable."""
    found: dict[str, list[Revision]] = {release: [] for release in releases}
    api = kube_api(cluster)
    with answered(cluster):
        secrets = list(api.get("secrets", namespace=cluster.namespace, label_selector={"owner": "helm"}))
    for secret in secrets:
        if secret.labels.get("name") in found:
            record = to_record(secret.raw)
            found[record.release].append(record)
    return found


def to_record(secret: dict[str, Any]) -> Revision:
    """A Secret as Helm wrote it, as the state function takes it."""
    labels, content = secret["metadata"]["labels"], decode(secret["data"]["release"])
    info, chart = content.get("info") or {}, (content.get("chart") or {}).get("metadata") or {}
    status = labels["status"]
    began = info.get("deleted") if status == "uninstalling" else info.get("last_deployed")
    return Revision(
        release=labels["name"],
        revision=int(labels["version"]),
        status=status,
        secret=secret["metadata"]["name"],
        chart=chart.get("name") or "",
        chart_version=chart.get("version") or "",
        description=info.get("description") or "",
        since=_time(began),
    )


def content(cluster: Cluster, record: Revision) -> dict[str, Any]:
    """Everything that Helm keeps of a revision: manifest, config, chart; raises kr8s.NotFoundError, Unreachable."""
    api = kube_api(cluster)
    with answered(cluster, but=(kr8s.NotFoundError,)):
        secret = Secret.get(record.secret, namespace=cluster.namespace, api=api)
    return decode(secret.raw["data"]["release"])


def mark_failed(cluster: Cluster, record: Revision, *, ran: bool = False, manifest: str | None = None) -> None:
    """Writes status failed into a record, and `manifest` where one is given.

    `ran` says that its objects may be in use, so that no later run takes it for an install that never finished.
    """
    cut_off = f"{record.status} of a deployment that was cut off; unlocked by bus"
    said = f"{TAKEN_OVER}{record.status}" if ran else cut_off
    _mark(cluster, record, "failed", "" if record.status == "failed" else said, manifest)


def mark_uninstalling(cluster: Cluster, record: Revision) -> None:
    """Writes status uninstalling into a record, as Helm does before it removes the first object."""
    _mark(cluster, record, "uninstalling", "", None)


def mark_superseded(cluster: Cluster, record: Revision) -> None:
    """Writes status superseded into a record; its description stays."""
    _mark(cluster, record, "superseded", "", None)


def _mark(cluster: Cluster, record: Revision, status: str, description: str, manifest: str | None) -> None:
    """In the record's label, which lists go by, and in its content, which Helm goes by."""
    secret = Secret.get(record.secret, namespace=cluster.namespace, api=kube_api(cluster))
    kept = decode(secret.raw["data"]["release"])
    kept["info"]["status"] = status
    if description:
        kept["info"]["description"] = description
    if manifest is not None:
        kept["manifest"] = manifest
    secret.patch({"metadata": {"labels": {"status": status}}, "data": {"release": encode(kept)}})


def plant(cluster: Cluster, wanted: WantedRelease, now: datetime) -> None:
    """A first revision without objects, marked failed: what an upgrade needs to deploy over a release without records.

    Helm refuses to upgrade a name that has no record, and Pulumi upgrades what its state knows.
    """
    release, when = wanted.release, now.isoformat()
    kept = {
        "name": release,
        "namespace": cluster.namespace,
        "version": 1,
        "info": {
            "first_deployed": when,
            "last_deployed": when,
            "deleted": "",
            "status": "failed",
            "description": f"{TAKEN_OVER}without records",
        },
        "chart": {"metadata": {"name": wanted.chart, "version": "0.0.0", "apiVersion": "v2"}},
        "config": {},
        "manifest": "",
    }
    labels = {"owner": "helm", "name": release, "version": "1", "status": "failed"}
    spec = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": TYPE,
        "metadata": {"name": f"sh.helm.release.v1.{release}.v1", "namespace": cluster.namespace, "labels": labels},
        "data": {"release": encode(kept)},
    }
    Secret(spec, api=kube_api(cluster)).create()


def remove(cluster: Cluster, records: Iterable[Revision]) -> None:
    """Deletes records, the oldest first, so that a run that is cut off here leaves the newest to go on from."""
    for record in sorted(records, key=lambda one: one.revision):
        try:
            Secret.get(record.secret, namespace=cluster.namespace, api=kube_api(cluster)).delete()
        except kr8s.NotFoundError:
            continue  # an earlier run of ours was cut off here


def decode(data: str) -> dict[str, Any]:
    """A record's content: base64 of the Secret around Helm's own base64 around gzipped JSON."""
    content: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(data))))
    return content


def encode(content: dict[str, Any]) -> str:
    """The reverse of `decode`."""
    packed = gzip.compress(json.dumps(content, separators=(",", ":")).encode(), mtime=0)
    return base64.b64encode(base64.b64encode(packed)).decode()


def _time(text: str | None) -> datetime | None:
    """Helm's RFC 3339 with nanoseconds, or its empty and zero forms for never."""
    if not text or text.startswith("0001-"):
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
