"""Steps that say what they do, what comes next and how long it took; a failed one shows the end of its log."""

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from sandbox.places import LOGS, ROOT

_TICK_SECONDS = 30
_TAIL_LINES = 25
_running: set[subprocess.Popen[bytes]] = set()


@dataclass(frozen=True)
class Step:
    """One thing to do; `done` says that there is nothing to do, `takes` what a cold run took on 2 cores."""

    name: str
    act: Callable[[], None]
    done: Callable[[], bool] = lambda: False
    takes: str = ""
    remedy: str = "run the same command again: it goes on where it stopped"


def fail(text: str) -> NoReturn:
    """Ends the run with a message."""
    print(f"\n{text}", file=sys.stderr, flush=True)
    raise SystemExit(1)


def say(text: str) -> None:
    """A line with the time of day."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def run_steps(steps: Sequence[Step]) -> None:
    """Runs the steps that are not done yet, in order; ends the program at the first that fails."""
    took: list[tuple[str, float]] = []
    started = time.monotonic()
    for number, step in enumerate(steps, 1):
        following = f"; next: {steps[number].name}" if number < len(steps) else ""
        if step.done():
            say(f"[{number}/{len(steps)}] {step.name}: nothing to do")
            continue
        remedy = f" ({step.takes} cold)" if step.takes else ""
        say(f"[{number}/{len(steps)}] {step.name}{remedy}{following}")
        begun = time.monotonic()
        try:
            step.act()
        except subprocess.CalledProcessError as error:
            fail(f"{step.name}: {_command(error.cmd)} ended with {error.returncode}\n{step.remedy}")
        took.append((step.name, time.monotonic() - begun))
    for name, seconds in took:
        print(f"  {seconds:7.1f} s  {name}")
    print(f"  {time.monotonic() - started:7.1f} s  in all", flush=True)


def logged(name: str, command: Sequence[str | Path], cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Runs a long command with its output in a log; says every half minute that it still runs.

    Raises CalledProcessError after showing the log's end. When this program ends before the command does, the
    command's whole process group is ended too, be it of a background thread.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name}.log"
    begun = time.monotonic()
    with log.open("w") as out:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        _running.add(process)
        while True:
            try:
                code = process.wait(_TICK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                say(f"  {name}: {time.monotonic() - begun:.0f} s, {_last_line(log)[:100]}")
        _running.discard(process)
    if code:
        print(f"--- the end of {log}", file=sys.stderr)
        print("\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]), file=sys.stderr, flush=True)
        raise subprocess.CalledProcessError(code, command)


def shown(command: Sequence[str | Path], env: dict[str, str] | None = None, cwd: Path = ROOT) -> None:
    """Runs a command whose output is for the user; raises CalledProcessError. Ctrl-C reaches it by itself."""
    process = subprocess.Popen(command, cwd=cwd, env=env)
    try:
        code = process.wait()
    except KeyboardInterrupt as interrupt:
        if isinstance(interrupt, Terminated):
            process.send_signal(signal.SIGINT)
        process.wait()  # Ctrl-C reached it too, and it is cleaning up
        raise
    if code:
        raise subprocess.CalledProcessError(code, command)


@atexit.register
def _end_running() -> None:
    for process in list(_running):
        end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends a process with all it started: TERM, and KILL after ten seconds."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(10)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


class Terminated(KeyboardInterrupt):
    """SIGTERM: unlike Ctrl-C, nobody but this process got it."""


def on_terminate(*_: object) -> NoReturn:
    """The handler of SIGTERM."""
    raise Terminated


class Background:
    """Something long that goes on beside the other steps; `join` waits for it and shows its error."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(act,), daemon=True)
        self._thread.start()

    def _run(self, act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as error:
            self._error = error

    def join(self) -> None:
        """Waits; raises what the thread raised."""
        self._thread.join()
        if self._error:
            raise self._error


def _command(command: object) -> str:
    return " ".join(map(str, command)) if isinstance(command, list | tuple) else str(command)


def _last_line(log: Path) -> str:
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 400))
        lines = stream.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no output yet")
