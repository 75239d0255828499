"""Pods of Kafka that a test stands in for: what forwards to them is a real forward to a real server of the machine."""

import socket
import socketserver
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from bus.cluster import kube
from bus.cluster.access import Cluster


class Forward(socketserver.ThreadingTCPServer):
    """A TCP forward as kr8s makes one: it listens while its context lasts, and fails to where the place is taken."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, place: tuple[str, int], target: int) -> None:
        self._place, self.target = place, target

    def __enter__(self) -> "Forward":
        super().__init__(self._place, _Connection)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Connection(socketserver.BaseRequestHandler):
    server: Forward

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.target)) as there:
            back = threading.Thread(target=_copy, args=(there, self.request), daemon=True)
            back.start()
            _copy(self.request, there)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return  # the other side has gone


@dataclass
class Pod:
    """A ready pod of Kafka; its broker listens on `target` of 127.0.0.1."""

    name: str
    target: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    forwards: list[tuple[str, int]] = field(default_factory=list)
    """where it was forwarded from"""

    @property
    def raw(self) -> dict[str, Any]:
        return {"metadata": {"name": self.name, "annotations": dict(self.annotations)}}

    def portforward(self, remote_port: int, local_port: int, address: str) -> Forward:
        assert remote_port == 9094, "the admin listener"
        self.forwards.append((address, local_port))
        return Forward((address, local_port), self.target)


def stand_in(monkeypatch: pytest.MonkeyPatch, pods: Mapping[str, Sequence[Pod]]) -> None:
    """Have every cluster with a context of `pods` run those pods of Kafka, which ask nobody for a login."""

    def ready_pods(cluster: Cluster, workload: str) -> tuple[Any, Sequence[Pod]]:
        assert workload == "kafka"
        return SimpleNamespace(raw={"spec": {"template": {"spec": {}}}}), pods[cluster.context]

    monkeypatch.setattr(kube, "ready_pods", ready_pods)
