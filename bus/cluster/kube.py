"""What the API server of a site's cluster is asked; raises NotDeployed for what is not there, Unreachable otherwise."""

import asyncio
import json
import threading
import warnings
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

import httpx_ws
import kr8s
import kr8s.asyncio
import yaml
from kr8s._async_utils import as_sync_func
from kr8s.objects import Namespace, Secret, StatefulSet

from bus.cluster import credentials
from bus.cluster.access import BROKERS_SECRET, Cluster, NotDeployed, NotReady, Unreachable

_API_TIMEOUT_SECONDS = 10.0
_FORBIDDEN, _NOT_FOUND = 403, 404
_COMMAND_SECONDS = 180.0
# https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming: the first byte of each message.
_STDIN, _STDOUT, _STDERR, _STATUS = 0, 1, 2, 3
_CHUNK_BYTES = 16384
_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_EXEC_SECONDS = 15

# kr8s warns of every Kubernetes newer than its release; what is used here has been stable since 1.16.
warnings.filterwarnings("ignore", message="Kubernetes version .* is not supported", category=UserWarning)
credentials.in_memory()
_starting = threading.Lock()


def kube_api(cluster: Cluster) -> Any:
    """A client of the cluster's API server; raises Unreachable where it does not answer."""
    with _starting:
        _start()
    with answered(cluster):
        api = kr8s.api(**_asked(cluster))
        api.timeout = _API_TIMEOUT_SECONDS
        return api


@cache
def _start() -> None:
    """Start the thread in which kr8s makes its calls: two threads that make their first calls at once start two."""
    as_sync_func(asyncio.sleep)(0)


async def asynchronous_kube_api(cluster: Cluster) -> Any:
    """The same as `kube_api` for many calls at once, bound to the event loop that runs."""
    with answered(cluster):
        api = await kr8s.asyncio.api(**_asked(cluster))
        api.timeout = _API_TIMEOUT_SECONDS
        return api


def check_reachable(cluster: Cluster) -> None:
    """Raises Unreachable unless the cluster's API server answers."""
    api = kube_api(cluster)
    with answered(cluster):
        api.version()


def cluster_uid(cluster: Cluster) -> str | None:
    """What tells a cluster from every other: the uid of its namespace kube-system, which lives as long as it does.

    None where this user may not read it, as with a namespace of one's own only. Raises Unreachable.
    """
    api = kube_api(cluster)
    with answered(cluster):
        try:
            return str(Namespace.get("kube-system", api=api).raw["metadata"]["uid"])
        except kr8s.ServerError as error:
            if error.response is not None and error.response.status_code == _FORBIDDEN:
                return None
            raise


def secret(cluster: Cluster, name: str) -> dict[str, str]:
    """What a Secret of the site holds, in clear; raises NotDeployed or Unreachable."""
    api, kind = kube_api(cluster), cast(Any, Secret)
    with answered(cluster, f"{cluster.namespace} has no Secret {name} yet"):
        found = kind.get(name, namespace=cluster.namespace, api=api)
    return {key: b64decode(value).decode() for key, value in (found.raw.get("data") or {}).items()}


def ready_pods(cluster: Cluster, workload: str) -> tuple[Any, list[Any]]:
    """A StatefulSet, and its pods that are ready; raises NotDeployed or Unreachable."""
    api, namespace = kube_api(cluster), cluster.namespace
    with answered(cluster, f"{namespace} has no StatefulSet {workload} yet"):
        found = StatefulSet.get(workload, namespace=namespace, api=api)
        selector = dict(found.raw["spec"]["selector"]["matchLabels"])
        pods = [pod for pod in api.get("pods", namespace=namespace, label_selector=selector) if _is_ready(pod)]
    if not pods:
        raise NotReady(f"StatefulSet {workload} in {namespace} has no ready pod")
    return found, sorted(pods, key=lambda pod: str(pod.name))


class CommandFailed(Exception):
    """A command in a pod that ended with another code than 0; the text is what it wrote to stderr."""


def execute(cluster: Cluster, pod: str, command: Sequence[str], stdin: str) -> str:
    """Run a command in the first container of a pod and return what it wrote to stdout.

    The command stands in the API server's audit log and in the node's list of processes, `stdin` does not. It is never
    closed, which not every API server can do: the command must end by itself. Raises CommandFailed, NotDeployed,
    Unreachable.
    """
    place = f"pod {pod} in {cluster.namespace}"
    try:
        with answered(cluster, but=(httpx_ws.WebSocketUpgradeError, TimeoutError)):
            status, out, err = asyncio.run(_execute(cluster, pod, command, stdin))
    except httpx_ws.WebSocketUpgradeError as error:
        code = error.response.status_code
        if code == _NOT_FOUND:
            raise NotDeployed(f"{place} is not there") from None
        remedy = (
            "; it takes create pods/exec there, as the deployer of rbac/roles.yaml has it" if code == _FORBIDDEN else ""
        )
        raise Unreachable(f"{where(cluster)}: no command runs in {place}: HTTP {code}{remedy}") from None
    except TimeoutError:
        raise Unreachable(f"a command in {place} did not end within {_COMMAND_SECONDS:.0f} s") from None
    if status.get("status") != "Success":
        raise CommandFailed(err.strip() or str(status.get("message") or "no reason is given"))
    return out


async def _execute(cluster: Cluster, pod: str, command: Sequence[str], stdin: str) -> tuple[dict[str, Any], str, str]:
    """Return how a command ended, and its outputs."""
    # kr8s' own exec asks for a protocol that it then refuses stdin for.
    api = await kr8s.asyncio.api(**_asked(cluster))
    asked = {"command": list(command), "stdin": "true", "stdout": "true", "stderr": "true"}
    written, content = {_STDOUT: b"", _STDERR: b"", _STATUS: b""}, stdin.encode()
    async with (
        asyncio.timeout(_COMMAND_SECONDS),
        api.open_websocket(
            url=f"pods/{pod}/exec", subprotocols=_PROTOCOLS, namespace=cluster.namespace, params=asked
        ) as connection,
    ):
        for start in range(0, len(content), _CHUNK_BYTES):
            await connection.send_bytes(bytes([_STDIN]) + content[start : start + _CHUNK_BYTES])
        while not written[_STATUS]:
            message = await connection.receive_bytes()
            written[message[0]] += message[1:]
    return json.loads(written[_STATUS]), written[_STDOUT].decode(), written[_STDERR].decode()


def brokers_there(cluster: Cluster) -> tuple[int, bool, bool]:
    """How many brokers a site is to have as it is deployed, whether they ask for a login, and take SCRAM of each other.

    Raises Unreachable.
    """
    api = kube_api(cluster)
    try:
        with answered(cluster, "no Kafka yet"):
            found = StatefulSet.get("kafka", namespace=cluster.namespace, api=api)
    except NotDeployed:
        return 0, False, False
    return int(found.raw["spec"].get("replicas", 1)), is_secured(found), takes_scram(found)


def is_secured(workload: Any) -> bool:
    """Whether brokers ask for a login: what is deployed says so, whatever the stack file wants by now."""
    volumes = workload.raw["spec"]["template"]["spec"].get("volumes") or []
    return any(volume.get("secret", {}).get("secretName") == BROKERS_SECRET for volume in volumes)


def takes_scram(workload: Any) -> bool:
    """Whether brokers that ask for a login take SCRAM of bus and of each other; those of before took PLAIN."""
    return (workload.raw["metadata"].get("annotations") or {}).get("bus/broker-logins") == "scram"


def _asked(cluster: Cluster) -> dict[str, Any]:
    source: Any = yaml.safe_load(cluster.kubeconfig) if cluster.kubeconfig else None
    return {"kubeconfig": source, "context": cluster.context or None, "namespace": cluster.namespace}


def _is_ready(pod: Any) -> bool:
    conditions = pod.raw.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


@contextmanager
def answered(cluster: Cluster, missing: str = "", *, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Around calls of the cluster: raises NotDeployed with `missing` where an object is not there, else Unreachable.

    Exceptions of the types `but` are the caller's.
    """
    try:
        yield
    except but:
        raise
    except Exception as error:  # kr8s raises whatever its parser, ssl or the socket does
        if missing and isinstance(error, kr8s.NotFoundError):
            raise NotDeployed(missing) from None
        raise Unreachable(f"{where(cluster)}: {_reason(error)}") from error


def where(cluster: Cluster) -> str:
    """How a message calls a cluster."""
    if cluster.kubeconfig:
        return f"kubeconfig of {cluster.namespace}"
    return f"context {cluster.context}" if cluster.context else "current context"


def _reason(error: BaseException) -> str:
    """What a reader can use of an error: its innermost message, without a traceback."""
    while error.__cause__ or (error.__context__ and not error.__suppress_context__):
        error = error.__cause__ or error.__context__ or error
    return f"{type(error).__name__}: {error}".split("\n", 1)[0][:300]


def listed(cluster: Cluster, kind: str) -> list[Any] | None:
    """Every object of a kind in the site's namespace; None where this user may not list them. Raises Unreachable."""
    api = kube_api(cluster)
    with answered(cluster):
        try:
            return list(api.get(kind, namespace=cluster.namespace))
        except kr8s.ServerError as error:
            if error.response is not None and error.response.status_code == _FORBIDDEN:
                return None
            raise


def told(cluster: Cluster, pod: Any, container: str, *command: str) -> str:
    """Run a command that only reads in a container of a pod, and return what it wrote to stdout.

    Raises Unreachable, where this user may run none too.
    """
    with answered(cluster):
        done = pod.exec(list(command), container=container, timeout=_EXEC_SECONDS)
    return str(done.stdout.decode(errors="replace"))
