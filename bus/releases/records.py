"""Helm's records in a cluster: Secrets of type helm.sh/release.v1, read and marked failed."""

import base64
import gzip
import json
from collections.abc import Iterable
from typing import Any

from kr8s import NotFoundError
from kr8s.objects import Secret

from bus.access import Cluster, kube_api
from bus.releases.state import Record


def read(cluster: Cluster, releases: Iterable[str]) -> list[Record]:
    """Every revision of these releases in the cluster's namespace; none where the namespace is not there yet."""
    wanted = set(releases)
    found = []
    for secret in kube_api(cluster).get("secrets", namespace=cluster.namespace, label_selector={"owner": "helm"}):
        labels = secret.labels
        if labels.get("name") in wanted:
            found.append(Record(labels["name"], int(labels["version"]), labels["status"], secret.name))
    return found


def mark_failed(cluster: Cluster, record: Record) -> None:
    """Writes status failed into a record: in its label, which lists go by, and in its content, which Helm goes by."""
    api = kube_api(cluster)
    try:
        secret = Secret.get(record.secret, namespace=cluster.namespace, api=api)
    except NotFoundError:
        return  # somebody else has cleaned up since the record was read
    content = decode(secret.raw["data"]["release"])
    content["info"]["status"] = "failed"
    content["info"]["description"] = f"{record.status} of a deployment that was cut off; unlocked by bus"
    patch = {"metadata": {"labels": {"status": "failed"}}, "data": {"release": encode(content)}}
    secret.patch(patch)


def decode(data: str) -> dict[str, Any]:
    """A record's content: base64 of the Secret around Helm's own base64 around gzipped JSON."""
    content: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(data))))
    return content


def encode(content: dict[str, Any]) -> str:
    """The reverse of `decode`."""
    packed = gzip.compress(json.dumps(content, separators=(",", ":")).encode(), mtime=0)
    return base64.b64encode(base64.b64encode(packed)).decode()
