"""Commands side by side: every line says whose it is, Ctrl-C ends all of them, and one that fails stops no other."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.places import LOGS, ROOT
from sandbox.process_tree import descendants
from sandbox.steps import say

_QUIET_SECONDS = 60.0
_TAIL_LINES = 40
_CLEANING_SECONDS = 180.0
"""how long an interrupted command may take to end the servers that it started"""


@dataclass
class _Run:
    """One command that runs, the thread that shows its output, and what it has shown."""

    name: str
    command: Sequence[str | Path]
    process: subprocess.Popen[str]
    log: Path
    begun: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)
    ended: float = 0.0

    def show(self, width: int, lock: threading.Lock) -> None:
        """Print whole lines as they come, each with the command's name, and keep them in the log."""
        assert self.process.stdout
        with self.log.open("w") as log:
            for line in self.process.stdout:
                log.write(line)
                log.flush()
                self.heard = time.monotonic()
                with lock:
                    print(f"{self.name:{width}} | {line.rstrip()}", flush=True)

    @property
    def seconds(self) -> float:
        """How long it has run, or took."""
        return (self.ended or time.monotonic()) - self.begun


def side_by_side(
    commands: Mapping[str, Sequence[str | Path]], env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> None:
    """Run commands at the same time and wait for all of them, also where one fails.

    Raises CalledProcessError for the first that failed, once the end of each failed one's log was shown. Each is in a
    process group of its own, so that Ctrl-C reaches it exactly once, from here.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    runs = [_start(name, command, env, cwd) for name, command in commands.items()]
    lock, width = threading.Lock(), max(map(len, commands))
    readers = [threading.Thread(target=run.show, args=(width, lock), daemon=True) for run in runs]
    for reader in readers:
        reader.start()
    try:
        _wait(runs, lock)
    except KeyboardInterrupt:
        _interrupt(runs)
        raise
    finally:
        for reader in readers:
            reader.join(5)  # a child that outlives its command may hold the output open
    failed = [run for run in runs if run.process.returncode]
    for run in failed:
        print(f"\n--- {run.name} failed; the end of {run.log}")
        print("\n".join(run.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]), flush=True)
    if failed:
        raise subprocess.CalledProcessError(failed[0].process.returncode, list(failed[0].command))


def _start(name: str, command: Sequence[str | Path], env: Mapping[str, str] | None, cwd: Path) -> _Run:
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        bufsize=1,
        process_group=0,
        preexec_fn=_heed_interrupts,
    )
    return _Run(name, command, process, LOGS / f"{name}.log")


def _heed_interrupts() -> None:
    """Undo what a shell does to a command in the background, whose children would all ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _wait(runs: Sequence[_Run], lock: threading.Lock) -> None:
    """Wait for all; say at once how one ended, and that one still runs that says nothing."""
    waiting = list(runs)
    while waiting:
        for run in list(waiting):
            with suppress(subprocess.TimeoutExpired):
                code = run.process.wait(0.2)
                run.ended = time.monotonic()
                waiting.remove(run)
                with lock:
                    say(f"  {run.name} {'passed' if code == 0 else f'failed ({code})'} after {run.seconds:.0f} s")
        for run in waiting:
            if time.monotonic() - run.heard > _QUIET_SECONDS:
                run.heard = time.monotonic()
                with lock:
                    say(f"  {run.name}: {run.seconds:.0f} s, still at work")


def _interrupt(runs: Sequence[_Run]) -> None:
    """Send Ctrl-C to all and give them time to clean up; then, or at a second Ctrl-C, kill them with their children."""
    living = [run for run in runs if run.process.poll() is None]
    for run in living:
        _signal(run.process, signal.SIGINT)
    deadline = time.monotonic() + _CLEANING_SECONDS
    try:
        for run in living:
            run.process.wait(max(0.1, deadline - time.monotonic()))
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        for run in living:
            started = descendants(run.process.pid)
            _signal(run.process, signal.SIGKILL)
            for pid in started:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            run.process.wait()


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Signal the whole group, as a terminal does."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
