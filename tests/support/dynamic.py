"""The provider process as the engine starts it: pulumi's own host for dynamic providers, spoken to over gRPC."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import grpc
from google.protobuf import struct_pb2
from pulumi.dynamic import ResourceProvider
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

ROOT = Path(__file__).parents[2]
KEY = "__provider"
# What the engine's client, grpc-go, takes in a trailer by default: 16 MB.
_LIMITS = (("grpc.max_metadata_size", 16 << 20), ("grpc.absolute_max_metadata_size", 16 << 20))


class Refused(Exception):
    """What check refused. Of no property: the engine would print `value {<nil>}` before each reason."""

    def __init__(self, failures: Iterable[tuple[str, str]]) -> None:
        named = list(failures)
        assert {name for name, _ in named} == {""}, named
        self.reasons = [reason for _, reason in named]
        super().__init__("\n".join(self.reasons))


class Broken(Exception):
    """A step that failed; `reasons` and `recorded` are what the engine would say and keep."""

    def __init__(self, message: str, reasons: list[str], recorded: dict[str, Any] | None) -> None:
        self.reasons, self.recorded = reasons, recorded
        super().__init__(message)


@dataclass(frozen=True)
class Halt:
    """Where a provider process halts until it is killed: before or after a method, MODULE:CLASS.METHOD."""

    moment: str
    when: Literal["before", "after"]
    said: Path
    """a file that is made there"""


@dataclass
class Host:
    """One provider process and one resource of it, with the state that an engine would keep."""

    process: subprocess.Popen[str]
    stub: Any
    provider: str
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    id: str = ""
    is_partial: bool = False
    """the last step failed and was recorded: the engine updates it at the next run, whatever diff says"""

    def up(self, wanted: Mapping[str, Any]) -> bool:
        """check, diff, then create or update as the engine does it; returns whether there was a step."""
        inputs = self.check(wanted)
        if self.id and not self.differs(inputs) and not self.is_partial:
            self.inputs = inputs
            return False
        return self.step(inputs)

    def step(self, inputs: dict[str, Any]) -> bool:
        """Create or update with checked inputs; raises Broken."""
        if not self.id:
            return self._step("Create", creation(inputs), inputs)
        request = provider_pb2.UpdateRequest(id=self.id, olds=_struct(self.outputs), news=_struct(inputs))
        return self._step("Update", request, inputs)

    def check(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs after check; raises Refused."""
        news = {**wanted, KEY: self.provider}
        answer = self.stub.Check(provider_pb2.CheckRequest(olds=_struct(self.inputs), news=_struct(news)), timeout=900)
        if answer.failures:
            raise Refused((failure.property, failure.reason) for failure in answer.failures)
        return _plain(answer.inputs)

    def differs(self, inputs: Mapping[str, Any]) -> bool:
        """What a preview answers: is there a change?"""
        request = provider_pb2.DiffRequest(id=self.id, olds=_struct(self.outputs), news=_struct(inputs))
        return bool(self.stub.Diff(request, timeout=900).changes == provider_pb2.DiffResponse.DIFF_SOME)

    def killed_at(self, halt: Halt, inputs: dict[str, Any]) -> None:
        """Create with checked inputs, and SIGKILL to the process once it halts; no answer was given by then."""
        future = self.stub.Create.future(creation(inputs))
        while not halt.said.exists():
            assert not future.done(), f"{halt.moment} was never come to: {future.exception()}"
            time.sleep(0.01)
        self.process.kill()
        assert future.exception() is not None

    def refresh(self) -> bool:
        """Reads what is live into the state; returns whether that changed the inputs."""
        request = provider_pb2.ReadRequest(id=self.id, properties=_struct(self.outputs), inputs=_struct(self.inputs))
        answer = self.stub.Read(request, timeout=900)
        before, self.inputs, self.outputs = self.inputs, _plain(answer.inputs), _plain(answer.properties)
        self.is_partial = False
        return bool(before["topics"] != self.inputs["topics"])

    def _step(self, verb: str, request: Any, inputs: dict[str, Any]) -> bool:
        try:
            answer = getattr(self.stub, verb)(request, timeout=900)
        except grpc.RpcError as error:
            reasons, recorded = self._record(error, inputs)
            raise Broken(error.details(), reasons, recorded) from None
        self.id = self.id or answer.id
        self.inputs, self.outputs, self.is_partial = inputs, _plain(answer.properties), False
        return True

    def _record(self, error: Any, inputs: dict[str, Any]) -> tuple[list[str], dict[str, Any] | None]:
        """As the engine: a failed step whose error says what was made becomes the state."""
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                status = status_pb2.Status.FromString(value)
                # grpc-go drops details whose code is not that of the call.
                assert status.code == error.code().value[0]
                made = provider_pb2.ErrorResourceInitFailed()
                assert status.details[0].Unpack(made)
                self.id, self.inputs, self.outputs, self.is_partial = made.id, inputs, _plain(made.properties), True
                return list(made.reasons), self.outputs
        return [], None


@contextmanager
def host(
    provider: ResourceProvider, config: Mapping[str, str] | None = None, halt: Halt | None = None
) -> Iterator[Host]:
    """A provider process of its own; a test may kill it, and have it halt for that."""
    halting = ["tests.support.halting", halt.moment, halt.when, str(halt.said)] if halt else []
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", *(halting or ["pulumi.dynamic"])],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout
        channel = grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}", options=_LIMITS)
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        stub.Configure(provider_pb2.ConfigureRequest(args=_struct(config or {})), timeout=600, wait_for_ready=True)
        yield Host(process, stub, serialize_provider(provider))
        channel.close()
    finally:
        process.kill()
        process.wait(60)


def creation(inputs: Mapping[str, Any]) -> Any:
    """The request of a first `up`."""
    return provider_pb2.CreateRequest(properties=_struct(inputs))


def resumed(before: Host, after: Host) -> Host:
    """A later run's process with the state that an earlier one left."""
    after.inputs, after.outputs, after.id, after.is_partial = (
        before.inputs,
        before.outputs,
        before.id,
        before.is_partial,
    )
    return after


def _struct(props: Mapping[str, Any]) -> struct_pb2.Struct:
    given = {key: value for key, value in props.items() if value is not None}
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(rpc.serialize_properties(given, {}))
    finally:
        loop.close()


def _plain(props: struct_pb2.Struct) -> dict[str, Any]:
    return dict(rpc.deserialize_properties(props))
