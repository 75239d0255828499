"""No wait of the program takes a thread that the SDK needs: all of those wait for an engine that waits for us."""

import ast
import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pulumi
import pytest

from bus.cluster.access import Cluster
from bus.deployment import Release
from bus.releases.recovery.state import State
from components import release_hooks, waiting

ROOT = Path(__file__).parents[2]
PROGRAM = [ROOT / "__main__.py", *sorted((ROOT / "components").rglob("*.py")), *sorted((ROOT / "bus").rglob("*.py"))]
# What takes a thread of the executor of whichever loop runs, or can be told to.
FORBIDDEN = {"to_thread", "run_in_executor", "set_default_executor"}


def uses(source: str) -> list[str]:
    """Every name in a module that reaches for an event loop's executor, however it is imported."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            found.append(node.attr)
        elif isinstance(node, ast.Name):
            found.append(node.id)
        elif isinstance(node, ast.alias):
            found += node.name.split(".")
    return [name for name in found if name in FORBIDDEN]


def test_only_one_module_gives_work_to_threads_of_an_event_loop() -> None:
    found = {str(file.relative_to(ROOT)): names for file in PROGRAM if (names := uses(file.read_text()))}
    assert found == {"components/waiting.py": ["run_in_executor"]}, "use components.waiting.waited_for"


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio\nasyncio.to_thread(print)",
        "from asyncio import to_thread as aside\naside(print)",
        "import anyio.to_thread",
        "from anyio import to_thread",
        "loop.run_in_executor(None, print)",
        "take = loop.run_in_executor\ntake(None, print)",
        "loop.set_default_executor(pool)",
    ],
)
def test_every_way_to_such_a_thread_is_seen(source: str) -> None:
    assert uses(source)


def hooks_of(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[Any], Awaitable[Any]]]:
    """The functions that the engine calls around a release's step."""
    monkeypatch.setattr(pulumi, "ResourceHook", lambda name, function: function)
    monkeypatch.setattr(pulumi, "ErrorHook", lambda name, function: function)
    monkeypatch.setattr("bus.releases.recovery.prepare.recover", lambda *_, **__: State.ABSENT)
    monkeypatch.setattr(release_hooks, "report", lambda *_: "why it failed")
    found = release_hooks.hooks("r", Cluster(), Release("r", "tiny", {}, 10))
    kinds = ("before_create", "before_update", "on_error")
    return {kind: hook for kind in kinds for hook in getattr(found, kind) or []}


@pytest.mark.parametrize("kind", ["before_create", "before_update", "on_error"])
def test_a_hook_ends_while_every_thread_of_the_sdk_waits_for_the_engine(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi.log, "warn", lambda _: None)
    hook, answered = hooks_of(monkeypatch)[kind], threading.Event()

    async def program() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(4))
        registrations = [loop.run_in_executor(None, answered.wait) for _ in range(6)]
        try:
            async with asyncio.timeout(10):
                await hook(None)
        finally:
            answered.set()
            await asyncio.gather(*registrations)

    asyncio.run(program())


def test_what_is_called_sees_the_variables_of_its_caller() -> None:
    engine: ContextVar[str] = ContextVar("engine")

    async def program() -> str:
        engine.set("of this run")
        return await waiting.waited_for(engine.get)

    assert asyncio.run(program()) == "of this run"


def test_an_error_reaches_the_caller() -> None:
    def fail() -> None:
        raise LookupError("no such release")

    with pytest.raises(LookupError, match="no such release"):
        asyncio.run(waiting.waited_for(fail))
