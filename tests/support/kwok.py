"""A Kubernetes control plane with one fake node, as processes of the tests' own: real API server, no containers.

Pods turn Ready as soon as they are scheduled, unless they ask for a node that is not there. Nothing needs root.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bus.cluster.access import Cluster
from tests.support.processes import reserved

SCRIPTS = Path(__file__).parents[2] / "sandbox/cluster"
_FIRST_PORT, _PORTS, _BLOCKS = 17200, 6, 40


@dataclass(frozen=True)
class Kwok:
    """A running control plane."""

    kubeconfig: Path
    tools: Path
    environment: dict[str, str]

    def cluster(self, namespace: str) -> Cluster:
        """The same as bus reaches it."""
        return Cluster(kubeconfig=self.kubeconfig.read_text(), namespace=namespace)

    def command(self, *arguments: str, check: bool = True, stdin: str | None = None) -> str:
        """A command of the toolchain; its output. Raises AssertionError with what it said."""
        done = subprocess.run(
            arguments, env=self.environment, input=stdin, capture_output=True, text=True, timeout=600, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(arguments)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def started(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A command that goes on, for a test to kill."""
        quiet = subprocess.DEVNULL
        return subprocess.Popen(arguments, env=self.environment, stdin=quiet, stdout=quiet, stderr=quiet)

    def objects(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        """Every object of a kind in a namespace."""
        items: list[dict[str, Any]] = json.loads(self.command("kubectl", "get", kind, "-n", namespace, "-o", "json"))[
            "items"
        ]
        return items


@pytest.fixture(scope="session")
def kwok() -> Iterator[Kwok]:
    """One control plane for all tests that ask for it."""
    with control_plane() as plane:
        yield plane


@contextmanager
def control_plane(**variables: str) -> Iterator[Kwok]:
    """Starts etcd, API server, controller manager, scheduler and KWOK; stops them by their pid files.

    `variables` are given to the scripts of sandbox/cluster.
    """
    if "KUBE_BIN" not in os.environ:
        raise RuntimeError("KUBE_BIN is not set: run `make test`, or . sandbox/env.sh")
    tools = Path(os.environ["KUBE_BIN"])
    folder = Path(tempfile.mkdtemp(prefix="bus-kwok-"))
    environment = {
        **os.environ,
        **variables,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "KUBE_BIN": str(tools),
        "KUBE_DIR": str(folder),
        "KUBE_ADDR": "127.0.0.1",
        "KUBE_PORT_BASE": str(_free_block()),
        "KUBE_KUBECONFIG": str(folder / "kubeconfig"),
        "KUBECONFIG": str(folder / "kubeconfig"),
    }
    try:
        _script("control-plane.sh", "up", environment, folder)
        _script("fake-node.sh", "up", environment, folder)
        yield Kwok(folder / "kubeconfig", tools, environment)
    finally:
        _script("fake-node.sh", "down", environment, folder)
        _script("control-plane.sh", "down", environment, folder)
        _end_all_of(folder)
        shutil.rmtree(folder)


def _script(name: str, verb: str, environment: dict[str, str], folder: Path) -> None:
    # Its servers inherit the output, so a pipe would never end.
    with (folder / "scripts.log").open("ab") as log:
        done = subprocess.run(
            [SCRIPTS / name, verb], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
        )
    if done.returncode:
        end = (folder / "scripts.log").read_text(errors="replace")[-3000:]
        raise RuntimeError(f"{name} {verb} ended with {done.returncode}:\n{end}")


def _end_all_of(folder: Path) -> None:
    """Ends what the scripts did not find: every process that names this folder, which is this run's alone."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if str(folder).encode() in (entry / "cmdline").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while this looked


def _free_block() -> int:
    """The first of a block of loopback ports that nobody listens on; processes that look at once begin elsewhere."""
    for number in range(_BLOCKS):
        base = _FIRST_PORT + _PORTS * ((os.getpid() + number) % _BLOCKS)
        if all(reserved(port) for port in range(base, base + _PORTS)):
            return base
    raise RuntimeError(f"no {_PORTS} free ports in a row from {_FIRST_PORT} on")
