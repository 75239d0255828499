"""The same work for every site or release of a stack: several at a time, the results in the order of the keys."""

import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from bus.errors import UserError

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
_NAMED = 3


@dataclass(frozen=True)
class Results(Generic[K, T]):
    """What became of each key, in the order in which the keys were given."""

    values: Mapping[K, T]
    failures: Mapping[K, UserError]
    """keys whose work ended in something that a user can fix"""


@dataclass(frozen=True)
class Progress:
    """Where work that takes long says how far it is."""

    what: str
    """the work, as a line begins: releases compared"""
    say: Callable[[str], None]
    seconds: float = 10.0
    """how long nothing is said, at the beginning and between two lines"""


def fan_out(
    keys: Iterable[K],
    work: Callable[[K], T],
    *,
    at_once: int,
    progress: Progress | None = None,
    name: Callable[[K], str] = str,
) -> Results[K, T]:
    """Call `work` for each key on threads, `at_once` at most at a time, and return the results.

    A `UserError` is the failure of its own key: all others go on. Any other exception is a fault of the program. It is
    raised here, and work that has not begun is dropped.
    """
    ordered = list(dict.fromkeys(keys))
    if not ordered:
        return Results({}, {})
    running: dict[K, None] = {}

    def one(key: K) -> T | UserError:
        running[key] = None
        try:
            return work(key)
        except UserError as error:
            return error
        finally:
            del running[key]

    pool = ThreadPoolExecutor(min(at_once, len(ordered)), thread_name_prefix="bus-fan-out")
    try:
        futures = {key: pool.submit(one, key) for key in ordered}
        _watch(list(futures.values()), running, progress, name)
        found = {key: future.result() for key, future in futures.items()}
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return Results(
        {key: value for key, value in found.items() if not isinstance(value, UserError)},
        {key: value for key, value in found.items() if isinstance(value, UserError)},
    )


def _watch(
    futures: list[Future[T]], running: Mapping[K, None], progress: Progress | None, name: Callable[[K], str]
) -> None:
    """Return once all work has ended, or some of it in an exception; say meanwhile how far it is."""
    begun = time.monotonic()
    while True:
        done, left = wait(futures, progress.seconds if progress else None, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()
        if not left:
            return
        if progress:
            waited = [name(key) for key in list(running)[:_NAMED]]
            seconds = time.monotonic() - begun
            count = f"{progress.what}: {len(done)} of {len(futures)} after {seconds:.0f} s"
            progress.say(f"{count}; waiting for {', '.join(waited)}" if waited else count)
