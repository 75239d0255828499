"""A site's Kafka and Elasticsearch, as the runner reaches them: port-forwards from a kubeconfig, or direct names."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from bus.access import BROKERS_SECRET, Cluster, Login, Servers, Unreachable
from bus.database import psql
from bus.database.psql import Run

_PORT_WAIT_SECONDS = 60.0
_KAFKA_ADMIN_PORT = 9094
_ELASTICSEARCH_PORT = 9200


@contextmanager
def kafka_servers(cluster: Cluster, admin_port: int, bootstrap_servers: str = "") -> Iterator[Servers]:
    """A site's Kafka, as the runner reaches it while the context lasts.

    Broker n is forwarded to localhost:<admin_port + n>, which its admin listener advertises (docs/adr/0002).
    Raises NotDeployed where Kafka is not there or has no ready broker, Unreachable where a port cannot be had.
    """
    if bootstrap_servers:
        yield Servers(bootstrap_servers)
        return
    from bus import kube  # kr8s takes 0.3 s to import, and servers that a stack file names need none

    workload, pods = kube.ready_pods(cluster, "kafka")
    login = None
    if kube.is_secured(workload):
        found = kube.secret(cluster, BROKERS_SECRET)
        login = Login(found["username"], found["password"])
    if cluster.mode == "direct":
        yield Servers(f"kafka.{cluster.namespace}:9092", login)
        return
    with ExitStack() as forwards:
        ports = []
        for pod in pods:
            port = admin_port + int(pod.name.rsplit("-", 1)[1])
            forwards.enter_context(_shared_forward(cluster, pod, _KAFKA_ADMIN_PORT, port))
            ports.append(port)
        yield Servers(",".join(f"localhost:{port}" for port in sorted(ports)), login)


@contextmanager
def elasticsearch_url(cluster: Cluster, endpoint: str = "") -> Iterator[str]:
    """The URL of a site's Elasticsearch while the context lasts; raises NotDeployed or Unreachable."""
    if endpoint:
        yield endpoint
        return
    from bus import kube  # kr8s takes 0.3 s to import, and servers that a stack file names need none

    _, pods = kube.ready_pods(cluster, "es")
    if cluster.mode == "direct":
        yield f"http://es.{cluster.namespace}:{_ELASTICSEARCH_PORT}"
        return
    with _shared_forward(cluster, pods[0], _ELASTICSEARCH_PORT, _free_port()) as port:
        yield f"http://localhost:{port}"


@contextmanager
def postgres_shell(cluster: Cluster, user: str) -> Iterator[Run]:
    """What runs SQL as a superuser in a site's PostgreSQL, through its API server and the socket in its pod.

    `user` is Odoo's role. Raises NotDeployed where PostgreSQL is not there or not ready.
    """
    from bus import kube  # kr8s takes 0.3 s to import

    _, pods = kube.ready_pods(cluster, "postgres")
    pod = str(pods[0].name)

    def run(database: str, statement: str) -> str:
        try:
            return kube.execute(cluster, pod, psql.command(database, user), psql.script(statement))
        except kube.CommandFailed as error:
            raise psql.QueryFailed(str(error)) from None

    yield run


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


def _start(pod: Any, remote: int, local: int) -> Any:
    deadline = time.monotonic() + _PORT_WAIT_SECONDS
    while True:
        forward = pod.portforward(remote_port=remote, local_port=local)
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
