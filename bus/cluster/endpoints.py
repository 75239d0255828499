"""A site's Kafka and Elasticsearch, as the runner reaches them: port-forwards from a kubeconfig, or direct names."""

import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from bus.cluster.access import BROKERS_SECRET, OF_BROKERS, Cluster, Login, Servers, Unreachable
from bus.config import hosted_registry
from bus.config.admin_listener import advertised
from bus.database import psql
from bus.database.psql import Run

_PORT_WAIT_SECONDS = 60.0
_KAFKA_ADMIN_PORT = 9094
_ELASTICSEARCH_PORT = 9200
_LOCALHOST = "127.0.0.1"


@contextmanager
def kafka_servers(
    cluster: Cluster, admin_port: int, bootstrap_servers: str = "", *, forwarded: bool = False
) -> Iterator[Servers]:
    """A site's Kafka, as the runner reaches it while the context lasts.

    Where a site asks for logins, PLAIN goes through the API server's TLS to a listener of the pod's loopback only, and
    `access: direct` uses SCRAM, which tells no password to who listens. `forwarded` forwards in any case.
    Each broker is forwarded to where its pod says that it is advertised, or to a port of localhost from `admin_port` on
    (docs/adr/0002, 0050). Raises NotDeployed where Kafka is not there or has no ready broker, Unreachable where a port
    cannot be had.
    """
    if bootstrap_servers:
        yield Servers(bootstrap_servers)
        return
    from bus.cluster import kube  # kr8s takes 0.3 s to import, and servers that a stack file names need none

    workload, pods = kube.ready_pods(cluster, "kafka")
    login = None
    if kube.is_secured(workload):
        found = kube.secret(cluster, BROKERS_SECRET)
        login = Login(found["username"], found["password"])
    # Brokers of before take PLAIN alone, until they have restarted.
    if cluster.mode == "direct" and not forwarded and (login is None or kube.takes_scram(workload)):
        yield Servers(f"kafka.{cluster.namespace}:9092", replace(login, mechanism=OF_BROKERS) if login else None)
        return
    with ExitStack() as forwards:
        brokers = []
        for pod in pods:
            ordinal = int(pod.name.rsplit("-", 1)[1])
            # Of the pod, not of the stack file: it is advertised as it was when the pod started.
            listener = advertised(pod.raw["metadata"].get("annotations") or {}, admin_port)
            local = (listener.address, listener.port + ordinal)
            forwards.enter_context(_shared_forward(cluster, pod, _KAFKA_ADMIN_PORT, local))
            brokers.append((ordinal, listener.of_broker(ordinal)))
        yield Servers(",".join(broker for _, broker in sorted(brokers)), login)


@contextmanager
def elasticsearch_url(cluster: Cluster, endpoint: str = "") -> Iterator[str]:
    """The URL of a site's Elasticsearch while the context lasts; raises NotDeployed or Unreachable."""
    if endpoint:
        yield endpoint
        return
    from bus.cluster import kube  # kr8s takes 0.3 s to import, and servers that a stack file names need none

    _, pods = kube.ready_pods(cluster, "es")
    if cluster.mode == "direct":
        yield f"http://es.{cluster.namespace}:{_ELASTICSEARCH_PORT}"
        return
    with _shared_forward(cluster, pods[0], _ELASTICSEARCH_PORT, (_LOCALHOST, _free_port())) as (_, port):
        yield f"http://localhost:{port}"


@contextmanager
def postgres_shell(cluster: Cluster, user: str) -> Iterator[Run]:
    """What runs SQL as a superuser in a site's PostgreSQL, through its API server and the socket in its pod.

    `user` is Odoo's role. Raises NotDeployed where PostgreSQL is not there or not ready.
    """
    from bus.cluster import kube  # kr8s takes 0.3 s to import

    _, pods = kube.ready_pods(cluster, "postgres")
    pod = str(pods[0].name)

    def run(database: str, statement: str) -> str:
        try:
            return kube.execute(cluster, pod, psql.command(database, user), psql.script(statement))
        except kube.CommandFailed as error:
            raise psql.QueryFailed(str(error)) from None

    yield run


@contextmanager
def registry_host(cluster: Cluster) -> Iterator[str]:
    """host:port that takes images of the registry that a site runs, plain HTTP: through the site's API server.

    The address that nodes pull from is read-only (docs/adr/0073). Raises NotDeployed or Unreachable.
    """
    from bus.cluster import kube  # kr8s takes 0.3 s to import

    _, pods = kube.ready_pods(cluster, hosted_registry.BRICK)
    if cluster.mode == "direct":
        yield f"{hosted_registry.BRICK}-push.{cluster.namespace}:80"
        return
    with _shared_forward(cluster, pods[0], hosted_registry.PUSH_PORT, (_LOCALHOST, _free_port())) as (_, port):
        yield f"127.0.0.1:{port}"


@dataclass
class _Forward:
    """A port-forward that several threads use; `lock` is held while it is opened, which may take long."""

    local: tuple[str, int]
    lock: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0
    running: Any = None


# Several resources of one provider process, on several threads, want the same broker at the same local port.
_lock = threading.Lock()
_open: dict[tuple[str, str, int], _Forward] = {}


@contextmanager
def _shared_forward(cluster: Cluster, pod: Any, remote: int, local: tuple[str, int]) -> Iterator[tuple[str, int]]:
    """One port-forward per pod and port, opened by the first who needs it and closed by the last.

    One that waits for its local port holds up nobody who wants another pod.
    """
    key = (f"{cluster.context}{hash(cluster.kubeconfig)}/{cluster.namespace}", str(pod.name), remote)
    with _lock:
        forward = _open.setdefault(key, _Forward(local))
        forward.users += 1
    try:
        with forward.lock:
            if forward.running is None:
                forward.running = _start(pod, remote, *forward.local)
        yield forward.local
    finally:
        with _lock:
            forward.users -= 1
            if not forward.users:
                del _open[key]
                if forward.running is not None:
                    forward.running.__exit__(None, None, None)


def _start(pod: Any, remote: int, address: str, port: int) -> Any:
    deadline = time.monotonic() + _PORT_WAIT_SECONDS
    while True:
        forward = pod.portforward(remote_port=remote, local_port=port, address=address)
        try:
            forward.__enter__()
            return forward
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, None):  # asyncio of Python 3.13 leaves the number out
                raise Unreachable(not_an_address(address, port)) from error
            # Another run of bus for this site on this machine has it, or another program.
            if time.monotonic() > deadline:
                remedy = (
                    "let the other run of bus end, or free it, or set kafka.adminPort of the site in the stack file"
                )
                raise Unreachable(
                    f"{address}:{port} of this machine is taken ({error.strerror or error}); {remedy}"
                ) from error
            time.sleep(1)


def not_an_address(address: str, port: int) -> str:
    """What is said where this machine has 127.0.0.1 alone, as macOS."""
    return (
        f"this machine has no address {address}, where the brokers of the site are forwarded to: add it (macOS: "
        f"sudo ifconfig lo0 alias {address}), or set kafka.adminPort: {port} of the site in the stack file, which "
        f"restarts its brokers once and needs a port of its own for each site"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOCALHOST, 0))
        return int(probe.getsockname()[1])
