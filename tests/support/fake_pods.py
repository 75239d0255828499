"""Workloads whose pods answer, on a control plane with a fake node."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.support.kwok import SCRIPTS, Kwok
from tests.support.processes import listens, running

NAMESPACE = "asked"


def workload(name: str, replicas: int) -> dict[str, object]:
    labels = {"app.kubernetes.io/name": name}
    pod = {"containers": [{"name": name, "image": f"r.nc/{name}:1"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    sizes = {"replicas": replicas, "podManagementPolicy": "Parallel"}
    spec = {"serviceName": name, "selector": {"matchLabels": labels}, "template": template, **sizes}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name}, "spec": spec}


@contextmanager
def answering(plane: Kwok, folder: Path, extra: list[dict[str, object]]) -> Iterator[None]:
    """The plane's KWOK in the place of its own, with more configuration."""
    subprocess.run([SCRIPTS / "fake-node.sh", "down"], env=plane.environment, check=True, stdin=subprocess.DEVNULL)
    conf, pki = (Path(plane.environment["KUBE_DIR"]) / part for part in ("conf", "pki"))
    (folder / "extra.yaml").write_text(yaml.safe_dump_all(extra))
    port = int(plane.environment["KUBE_PORT_BASE"]) + 5
    words: list[str | Path] = ["--config", conf / "kwok.yaml", "--config", folder / "extra.yaml"]
    words += ["--kubeconfig", conf / "kwok.kubeconfig", "--manage-nodes-with-annotation-selector"]
    words += ["kwok.x-k8s.io/node=fake", "--node-ip", "127.0.0.1", "--node-lease-duration-seconds", "40"]
    words += ["--node-port", str(port), "--server-address", f"127.0.0.1:{port}"]
    words += ["--tls-cert-file", pki / "kwok-serving.crt", "--tls-private-key-file", pki / "kwok-serving.key"]
    words += ["--cidr", "10.244.0.0/16"]
    with running([plane.tools / "kwok", *map(str, words)], lambda: listens(port), folder / "kwok.log"):
        yield
