"""A recording engine: Pulumi's mocks, plus the parent and the dependencies that they throw away."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2

from components.providers.database_passwords import PostgresPasswordsProvider
from components.providers.passwords import KafkaPasswordsProvider
from components.providers.salt import SaltProvider


@dataclass(frozen=True)
class Registered:
    """One registration as the engine saw it."""

    name: str
    type: str
    parent: str
    inputs: dict[str, Any]
    dependencies: frozenset[str]
    deleted_with: str = ""


class _Outputs(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        outputs = dict(args.inputs)
        if args.typ == "pulumi-python:dynamic/bus:KafkaPasswords":
            outputs |= KafkaPasswordsProvider().create(outputs).outs or {}
        if args.typ == "pulumi-python:dynamic/bus:PostgresPasswords":
            outputs |= PostgresPasswordsProvider().create(outputs).outs or {}
        if args.typ == "pulumi-python:dynamic/bus:Salt":
            outputs |= SaltProvider().create(outputs).outs or {}
        return f"{args.name}-id", outputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return {}, None


class _Recorder(mocks.MockMonitor):
    def __init__(self) -> None:
        super().__init__(_Outputs())
        self.registered: dict[str, Registered] = {}

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:
        urn = self.make_urn(request.parent, request.type, request.name)
        if urn in self.resources:
            raise ValueError(f"{urn} is registered twice, which an engine refuses")
        answer = super().RegisterResource(request)
        self.registered[request.name] = Registered(
            name=request.name,
            type=request.type,
            parent=_name(request.parent),
            inputs=rpc.deserialize_properties(request.object, keep_unknowns=True),
            dependencies=frozenset(_name(urn) for urn in request.dependencies),
            deleted_with=_name(request.deletedWith),
        )
        return answer


def _name(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]


def record(program: Callable[[], None]) -> dict[str, Registered]:
    """Runs `program` without an engine; returns what it registered, by name."""
    # A test before this one may have left the thread without a loop, as asyncio.run does; Pulumi takes the thread's.
    asyncio.set_event_loop(asyncio.new_event_loop())
    recorder = _Recorder()
    mocks.set_mocks(_Outputs(), project="bus", stack="test", monitor=recorder)
    pulumi.runtime.test(program)()
    return recorder.registered


def waits_for(registered: dict[str, Registered], name: str) -> set[str]:
    """Everything that `name` waits for, however far."""
    seen: set[str] = set()
    queue = list(registered[name].dependencies)
    while queue:
        current = queue.pop()
        if current not in seen:
            seen.add(current)
            queue += registered[current].dependencies if current in registered else ()
    return seen
