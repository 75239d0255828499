"""Calls that wait for a server, on threads that the SDK does not need.

The SDK sends each RegisterResource from a thread of the event loop's default executor, which has four for each unit of
`--parallel`, and keeps that thread until the engine answers. The engine answers a release once its hook has ended. A
hook that waits for a thread of the same executor therefore never runs once all of them wait for an answer.
tests/components/test_waiting.py keeps every wait of the program off that executor.
"""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
# The engine runs at most `--parallel` hooks at a time. More than these wait for each other, never for the SDK.
_THREADS = ThreadPoolExecutor(64, thread_name_prefix="bus-waiting")


async def waited_for(call: Callable[[], T]) -> T:
    """Run `call` on a thread of its own pool and return its result. Other resources proceed meanwhile."""
    context = contextvars.copy_context()  # the SDK keeps the engine's connection there, and logging needs it
    return await asyncio.get_running_loop().run_in_executor(_THREADS, context.run, call)
