"""Whether the pods of the deployed customer are ready, and a look at them."""

import json
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from sandbox.places import environment
from sandbox.steps import say, shown

_OF_HELM = ("-A", "-l", "app.kubernetes.io/managed-by=Helm")
_READY_SECONDS = 600


def wait_for_pods() -> None:
    """Pods that a cluster starts again are no change for pulumi, so it does not wait for them."""
    env, begun = environment(), time.monotonic()
    while waiting := unready(_workloads(env)):
        seconds = time.monotonic() - begun
        if seconds > _READY_SECONDS:
            shown(["kubectl", "get", "pods", *_OF_HELM], env=env)
            shown(["kubectl", "get", "events", "-A", "--field-selector", "type=Warning"], env=env)
            raise subprocess.CalledProcessError(1, f"waiting for {', '.join(waiting)}")
        if int(seconds) % 30 == 29:
            say(f"  {seconds:.0f} s, waiting for {', '.join(waiting)}"[:160])
        time.sleep(1)


def unready(workloads: dict[str, Any]) -> list[str]:
    """namespace/name of the workloads that have fewer ready pods than they want; those of Jobs end by themselves."""
    return [
        f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        for item in workloads["items"]
        if item["status"].get("readyReplicas", 0) < item["spec"]["replicas"]
        or item["status"].get("observedGeneration", 0) < item["metadata"]["generation"]
    ]


def show() -> None:
    """What runs where, and how to look at it."""
    env = environment()
    shown(["kubectl", "get", "pods", *_OF_HELM], env=env)
    site = "hicksoncentral-local"
    print(
        f"""
Look at it (first: . sandbox/env.sh):
  kubectl -n {site} get pods
  kubectl -n {site} exec kafka-0 -- \\
    /opt/kafka/bin/kafka.sh topics --bootstrap-server localhost:9092 \\
    --command-config /etc/kafka/admin.properties --describe --topic cineges.film.data
  kubectl get --raw /api/v1/namespaces/{site}/services/es:9200/proxy/films/_search
  helm -n {site} list
  pulumi preview --stack local
Change Pulumi.local.yaml, values/ or charts/ and run pulumi up --stack local, or make up again.
make test proves it; make down stops it.""",
        flush=True,
    )


def _workloads(env: Mapping[str, str]) -> dict[str, Any]:
    """The workloads of the customer's releases, as the API server lists them."""
    command = ["kubectl", "get", "deployments,statefulsets", *_OF_HELM, "-o", "json"]
    done = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
