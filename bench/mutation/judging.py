"""Pure tests on a changed copy of this checkout, each run in a fork that has the libraries imported already."""

import importlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_LIBRARIES = (
    *("pytest", "hypothesis", "pydantic", "yaml", "ruamel.yaml", "httpx", "jsonschema", "tenacity", "typer"),
    *("rich.console", "confluent_kafka.admin", "elasticsearch", "kr8s", "cryptography.x509"),
)
_OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not real and not helm and not servers")
_NO_TESTS = 5


@dataclass(frozen=True)
class Verdict:
    """How some tests ended: `passed`, or why they count as failed; and the CPU time that they took."""

    passed: bool
    why: str
    seconds: float


def copy(root: Path, target: Path) -> Path:
    """Copy what git knows of a checkout, and what it does not ignore, so that the checkout itself is never changed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=root, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (root / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target / name, follow_symlinks=False)
    subprocess.run(["git", "init", "-q"], cwd=target, check=True)
    return target


def prepare() -> None:
    """Import the libraries once; every fork has them."""
    for name in _LIBRARIES:
        with suppress(ImportError):
            importlib.import_module(name)


def write(folder: Path, module: str, content: bytes) -> None:
    """Put a module into the copy, and take its compiled form away: it knows a file by its time in seconds and size."""
    (folder / module).write_bytes(content)
    for compiled in (folder / module).parent.glob(f"__pycache__/{Path(module).stem}.*.pyc"):
        compiled.unlink()


def run(folder: Path, tests: Sequence[str], log: Path, cpu_seconds: float = 600) -> Verdict:
    """Run tests in the copy until one fails.

    More CPU time than `cpu_seconds`, or ten times that by the clock, counts as failed: other programs take their share.
    """
    started = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = os.fork()
    if child == 0:
        _be_tests(folder, tests, log, int(cpu_seconds) + 1)
    status = _wait(child, time.monotonic() + 10 * cpu_seconds)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = ended.ru_utime + ended.ru_stime - started.ru_utime - started.ru_stime
    code = os.waitstatus_to_exitcode(status)
    if code in (-signal.SIGKILL, -signal.SIGXCPU):
        return Verdict(False, "time-out", seconds)
    return Verdict(code in (0, _NO_TESTS), f"exit {code}", seconds)


def _be_tests(folder: Path, tests: Sequence[str], log: Path, cpu_seconds: int) -> None:
    code = 1
    try:
        os.setsid()
        os.chdir(folder)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
        sys.path[0] = str(folder)
        for name in [name for name in sys.modules if name.split(".")[0] == "bench"]:
            del sys.modules[name]
        import pytest

        code = int(pytest.main([*_OPTIONS, *tests]))
    finally:
        sys.stdout.flush()
        os._exit(code)


def _wait(child: int, deadline: float) -> int:
    """Wait for a child, and end it with all that it started once its time is over."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() > deadline:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1]
        time.sleep(0.02)
