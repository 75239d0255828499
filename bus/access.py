"""How a site's servers are reached from where the program runs: port-forwards from a kubeconfig, or direct names."""

import socket
import threading
import time
import warnings
from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import kr8s
import kr8s.asyncio
import yaml
from kr8s.objects import Pod, Secret, StatefulSet

from bus.errors import Mendable

_PORT_WAIT_SECONDS = 60.0
_API_TIMEOUT_SECONDS = 10.0
KAFKA_ADMIN_PORT = 9094
ELASTICSEARCH_PORT = 9200
# Made by components/logins.py where a site's Kafka has an authorizer (docs/adr/0013).
BROKERS_SECRET = "kafka-brokers"


# kr8s warns of every Kubernetes newer than its release; what is used here has been stable since 1.16.
warnings.filterwarnings("ignore", message="Kubernetes version .* is not supported", category=UserWarning)


class Unreachable(Mendable):
    """A cluster or a server that does not answer; the message says which and why."""


class NotDeployed(Unreachable):
    """The servers are not there yet: the ordinary state of a first preview."""


@dataclass(frozen=True)
class Cluster:
    """Where a site runs: a context of the ambient kubeconfig, or a kubeconfig of its own."""

    context: str = ""
    kubeconfig: str = field(default="", repr=False)
    """text of a kubeconfig; a secret"""
    namespace: str = "default"
    mode: Literal["port-forward", "direct"] = "port-forward"


@dataclass(frozen=True)
class Login:
    """Who a client is to brokers that ask."""

    user: str
    password: str = field(repr=False)
    mechanism: str = "PLAIN"


@dataclass(frozen=True)
class Servers:
    """Brokers as the runner reaches them."""

    bootstrap: str
    login: Login | None = None
    """None where they ask for none"""


def kube_api(cluster: Cluster) -> Any:
    """A client of the cluster's API server; raises Unreachable where it does not answer."""
    source: Any = yaml.safe_load(cluster.kubeconfig) if cluster.kubeconfig else None
    try:
        api = kr8s.api(kubeconfig=source, context=cluster.context or None, namespace=cluster.namespace)
        api.timeout = _API_TIMEOUT_SECONDS
        return api
    except Exception as error:  # kr8s raises whatever its parser, ssl or the socket does
        raise Unreachable(_reason(error)) from error


async def asynchronous_kube_api(cluster: Cluster) -> Any:
    """The same as `kube_api` for many calls at once, bound to the event loop that runs."""
    source: Any = yaml.safe_load(cluster.kubeconfig) if cluster.kubeconfig else None
    try:
        api = await kr8s.asyncio.api(kubeconfig=source, context=cluster.context or None, namespace=cluster.namespace)
        api.timeout = _API_TIMEOUT_SECONDS
        return api
    except Exception as error:
        raise Unreachable(_reason(error)) from error


def check_reachable(cluster: Cluster) -> None:
    """Raises Unreachable unless the cluster's API server answers."""
    api = kube_api(cluster)
    try:
        api.version()
    except Exception as error:
        raise Unreachable(_reason(error)) from error


@contextmanager
def kafka_servers(cluster: Cluster, admin_port: int, bootstrap_servers: str = "") -> Iterator[Servers]:
    """A site's Kafka, as the runner reaches it while the context lasts.

    Broker n is forwarded to localhost:<admin_port + n>, which its admin listener advertises (docs/adr/0002).
    Raises NotDeployed where Kafka is not there or has no ready broker, Unreachable where a port cannot be had.
    """
    if bootstrap_servers:
        yield Servers(bootstrap_servers)
        return
    workload, pods = _ready_pods(cluster, "kafka")
    login = _login(cluster) if _is_secured(workload) else None
    if cluster.mode == "direct":
        yield Servers(f"kafka.{cluster.namespace}:9092", login)
        return
    with ExitStack() as forwards:
        ports = []
        for pod in pods:
            port = admin_port + int(pod.name.rsplit("-", 1)[1])
            forwards.enter_context(_shared_forward(cluster, pod, KAFKA_ADMIN_PORT, port))
            ports.append(port)
        yield Servers(",".join(f"localhost:{port}" for port in sorted(ports)), login)


def secret(cluster: Cluster, name: str) -> dict[str, str]:
    """What a Secret of the site holds, in clear; raises NotDeployed or Unreachable."""
    api, kind = kube_api(cluster), cast(Any, Secret)
    try:
        found = kind.get(name, namespace=cluster.namespace, api=api)
    except kr8s.NotFoundError:
        raise NotDeployed(f"{cluster.namespace} has no Secret {name} yet") from None
    except Exception as error:
        raise Unreachable(_reason(error)) from error
    return {key: b64decode(value).decode() for key, value in (found.raw.get("data") or {}).items()}


def brokers_there(cluster: Cluster) -> tuple[int, bool]:
    """How many brokers a site is to have as it is deployed, and whether they ask for a login; raises Unreachable."""
    api = kube_api(cluster)
    try:
        found = StatefulSet.get("kafka", namespace=cluster.namespace, api=api)
    except kr8s.NotFoundError:
        return 0, False
    except Exception as error:
        raise Unreachable(_reason(error)) from error
    return int(found.raw["spec"].get("replicas", 1)), _is_secured(found)


def _is_secured(workload: Any) -> bool:
    """Whether brokers ask for a login: what is deployed says so, whatever the stack file wants by now."""
    volumes = workload.raw["spec"]["template"]["spec"].get("volumes") or []
    return any(volume.get("secret", {}).get("secretName") == BROKERS_SECRET for volume in volumes)


def _login(cluster: Cluster) -> Login:
    found = secret(cluster, BROKERS_SECRET)
    return Login(found["username"], found["password"])


@contextmanager
def elasticsearch_url(cluster: Cluster, endpoint: str = "") -> Iterator[str]:
    """The URL of a site's Elasticsearch while the context lasts; raises NotDeployed or Unreachable."""
    if endpoint:
        yield endpoint
        return
    _, pods = _ready_pods(cluster, "es")
    if cluster.mode == "direct":
        yield f"http://es.{cluster.namespace}:{ELASTICSEARCH_PORT}"
        return
    with _shared_forward(cluster, pods[0], ELASTICSEARCH_PORT, _free_port()) as port:
        yield f"http://localhost:{port}"


def _ready_pods(cluster: Cluster, workload: str) -> tuple[Any, list[Any]]:
    """A StatefulSet, and its pods that are ready; raises NotDeployed or Unreachable."""
    api = kube_api(cluster)
    try:
        found = StatefulSet.get(workload, namespace=cluster.namespace, api=api)
    except kr8s.NotFoundError:
        raise NotDeployed(f"{cluster.namespace} has no StatefulSet {workload} yet") from None
    except Exception as error:
        raise Unreachable(_reason(error)) from error
    selector = found.raw["spec"]["selector"]["matchLabels"]
    pods = [
        pod for pod in api.get("pods", namespace=cluster.namespace, label_selector=dict(selector)) if _is_ready(pod)
    ]
    if not pods:
        raise NotDeployed(f"StatefulSet {workload} in {cluster.namespace} has no ready pod")
    return found, sorted(pods, key=lambda pod: str(pod.name))


def _is_ready(pod: Any) -> bool:
    conditions = pod.raw.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


# Several resources of one provider process, on several threads, want the same broker at the same local port.
_lock = threading.Lock()
_open: dict[tuple[str, str, int], tuple[Any, int, int]] = {}


@contextmanager
def _shared_forward(cluster: Cluster, pod: Any, remote: int, local: int) -> Iterator[int]:
    """One port-forward per pod and port, opened by the first who needs it and closed by the last."""
    key = (f"{cluster.context}{hash(cluster.kubeconfig)}/{cluster.namespace}", str(pod.name), remote)
    with _lock:
        forward, port, users = _open.get(key) or (_start(pod, remote, local), local, 0)
        _open[key] = (forward, port, users + 1)
    try:
        yield port
    finally:
        with _lock:
            forward, port, users = _open.pop(key)
            if users > 1:
                _open[key] = (forward, port, users - 1)
            else:
                forward.__exit__(None, None, None)


def _start(pod: Pod, remote: int, local: int) -> Any:
    deadline = time.monotonic() + _PORT_WAIT_SECONDS
    while True:
        forward: Any = pod.portforward(remote_port=remote, local_port=local)
        try:
            forward.__enter__()
            return forward
        except OSError as error:  # another run of ours, or somebody else, has the port
            if time.monotonic() > deadline:
                way_out = "free it, or set kafka.adminPort of the site in the stack file"
                raise Unreachable(f"local port {local} is taken ({error.strerror or error}); {way_out}") from error
            time.sleep(1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _reason(error: BaseException) -> str:
    """What a reader can use of an error: its innermost message, without a traceback."""
    while error.__cause__ or (error.__context__ and not error.__suppress_context__):
        error = error.__cause__ or error.__context__ or error
    return f"{type(error).__name__}: {error}".split("\n", 1)[0][:300]
