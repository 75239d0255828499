"""Starting a server, waiting until it answers, and ending it with all that it started."""

import fcntl
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

CACHE = Path(os.environ.get("BUS_CACHE", str(Path.home() / ".cache/bus")))
PARTS = CACHE / "parts"
"""what `make test` fetched: kafka/libs, elasticsearch/elasticsearch-<version>"""

# Not of the seed that every worker's `random` is given.
_CHOICE = random.SystemRandom()
_PORTS: tuple[int, ...] = (*range(11000, 16400), *range(17500, 20000))
_held: list[IO[str]] = []
"""the locks of the ports that this process has taken"""
START_SECONDS = 600.0
"""how long a server may take to answer: at load 30 some took more than two minutes; one that ends is seen at once"""


@dataclass
class Server:
    """A running server; `kill` and `end` may be called by a test that wants it gone."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """SIGKILL to the whole group: a machine that is gone."""
        self._signal(signal.SIGKILL)
        self.process.wait(60)

    def end(self) -> None:
        """SIGTERM, and SIGKILL after a minute."""
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def part(name: str) -> Path:
    """A fetched part; without it the test fails and says what to do."""
    found = PARTS / name
    if not found.exists():
        raise RuntimeError(
            f"{found} is not there: run `make test`, or `python3 -m sandbox.images.build prepare` and "
            "`python3 -m sandbox.images.older fetch`"
        )
    return found


def free_port() -> int:
    """Return a loopback port that nobody listens on and that no other test run on this machine is given.

    Ports that the kernel gives to connections are not among them: a server that is killed and started again would
    find its port taken now and then. Nor are those of the sandbox (16400 on), of control planes (17200 on) and of
    forwarded brokers (20000 on).
    """
    while True:
        port = _CHOICE.choice(_PORTS)
        if reserved(port):
            return port


def reserved(port: int) -> bool:
    """Take a loopback port until this process ends, where neither a test run nor anybody else has it.

    Between the look and the server's own bind, another run that looks would find it free too: so the port is a lock
    of the kernel, which a killed run leaves behind for nobody.
    """
    folder = Path(tempfile.gettempdir()) / f"bus-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    held = (folder / str(port)).open("w")
    with suppress(OSError), socket.socket() as probe:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        probe.bind(("127.0.0.1", port))
        _held.append(held)
        return True
    held.close()
    return False


@contextmanager
def disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    """A disk of that size."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody takes connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


@contextmanager
def running(
    command: Sequence[str | Path],
    ready: Callable[[], bool],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    user: int | None = None,
    seconds: float = START_SECONDS,
) -> Iterator[Server]:
    """A server that answers, until the context ends; raises RuntimeError with the log's end where it does not."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(part) for part in command],
            env=None if env is None else {**os.environ, **env},
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=[] if user is not None else None,
        )
    server = Server(process, log)
    try:
        deadline = time.monotonic() + seconds
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                end = log.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{command[0]} did not answer (exit code {process.poll()}); end of {log}:\n{end}")
            time.sleep(0.2)
        yield server
    finally:
        server.end()
