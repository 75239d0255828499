"""A process of its own that brings an index to what is wanted, and that can die at any call to the server."""

import multiprocessing
import os
import signal
import time
from functools import partial
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch

from bus.errors import PartialFailure
from bus.indices.admin import Admin
from bus.indices.diff.plan import WantedIndex, plan
from bus.indices.reindex.runner import ReindexRunner

PATIENCE_SECONDS = 0.6
DONE, FAILED = 0, 3


def migrate(
    url: str,
    wanted: WantedIndex,
    die_at: int = 0,
    after: bool = False,
    die_before: str = "",
    wait_before: tuple[str, Path] | None = None,
) -> BaseProcess:
    """A started process: one `pulumi up` of an index, killed at its call number `die_at`, before or after it.

    Or killed before a step of its migration, such as `_block`; or one that waits there until a file is made.
    """
    process = _context().Process(target=_run, args=(url, wanted, die_at, after, die_before, wait_before))
    process.start()
    return process


def ended(process: BaseProcess, seconds: float = 900) -> int:
    """The exit code of a process: DONE, FAILED, or -9 where it was killed."""
    process.join(seconds)
    if process.is_alive():
        process.kill()
        raise AssertionError(f"still not done after {seconds} s")
    assert process.exitcode is not None
    return process.exitcode


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bus.indices.admin"])
    return context


def killed_before(step: str, url: str, wanted: WantedIndex) -> None:
    """One `pulumi up` of an index that is killed right before a step of its migration."""
    assert ended(migrate(url, wanted, die_before=step)) == -9


def _run(
    url: str, wanted: WantedIndex, die_at: int, after: bool, die_before: str, wait_before: tuple[str, Path] | None
) -> None:
    if die_at:
        _die_at(die_at, after)
    if die_before:
        assert hasattr(ReindexRunner, die_before)
        setattr(ReindexRunner, die_before, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    if wait_before:
        _wait_before(*wait_before)
    admin = Admin(url)
    try:
        live = admin.read([wanted.name]).get(wanted.name)
        admin.apply([plan(live, wanted, wanted)], partial(print, flush=True), PATIENCE_SECONDS)
    except PartialFailure as error:
        print(error, flush=True)
        raise SystemExit(FAILED) from None
    finally:
        admin.close()


def _wait_before(step: str, until: Path) -> None:
    """Has a step of a migration wait for a file."""
    real = getattr(ReindexRunner, step)

    def waiting(migration: ReindexRunner) -> None:
        while not until.exists():
            time.sleep(0.05)
        real(migration)

    setattr(ReindexRunner, step, waiting)


def _die_at(number: int, after: bool) -> None:
    """Kills this process at its call `number`: before it is sent, or once it was answered."""
    calls = 0
    send = Elasticsearch.perform_request

    def counted(self: Elasticsearch, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = send(self, *args, **kwargs)
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    Elasticsearch.perform_request = counted  # type: ignore[method-assign,assignment]
