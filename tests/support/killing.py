"""SIGKILL to a run at the moment that a test looks for: a machine that is gone, or one process of it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from sandbox.process_tree import descendants


def strike(process: subprocess.Popen[bytes], look: Callable[[], bool], victim: str = "") -> list[int] | None:
    """Kills a run once `look` sees its moment, all of it or the processes with `victim` in their command.

    What lives on is returned; None where the run ended before. A run that lost only a part is waited for, two minutes.
    """
    try:
        while process.poll() is None and not look():
            time.sleep(0.002)
        if process.poll() is not None:
            return None
        everything = [process.pid, *descendants(process.pid)]
        struck = [pid for pid in everything if victim in command_of(pid)]
        assert struck, f"no process of this run is called {victim}"
        for pid in struck:
            kill(pid)
        process.wait(120)
        return [pid for pid in everything if pid not in struck]
    finally:
        for pid in [process.pid, *descendants(process.pid)] if process.poll() is None else []:
            kill(pid)
        process.wait()


def kill(pid: int) -> None:
    """SIGKILL, also where there is nobody any more."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it ended by itself


def command_of(pid: int) -> str:
    """A process's command line; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
