"""Starting a server, waiting until it answers, and ending it with all that it started."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("BUS_CACHE", str(Path.home() / ".cache/bus")))
PARTS = CACHE / "parts"
"""what `make test` fetched: kafka/libs, elasticsearch/elasticsearch-<version>"""

# Not of the seed that every worker's `random` is given.
_CHOICE = random.SystemRandom()


@dataclass
class Server:
    """A running server; `kill` and `end` may be called by a test that wants it gone."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """SIGKILL to the whole group: a machine that is gone."""
        self._signal(signal.SIGKILL)
        self.process.wait(20)

    def end(self) -> None:
        """SIGTERM, and SIGKILL after twenty seconds."""
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(20)
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
    """A loopback port that nobody listens on, below those that the kernel gives to connections.

    A server that is killed and started again finds one of those taken now and then.
    """
    while True:
        port = _CHOICE.randrange(11000, 30000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    """A disk of that size."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def listens(port: int) -> bool:
    """Whether somebody takes connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(
    command: Sequence[str | Path],
    ready: Callable[[], bool],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    user: int | None = None,
    seconds: float = 120,
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
