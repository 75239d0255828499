"""Recording in the state what an update did although some of it failed (docs/adr/0011).

The engine takes that as a gRPC error detail (ErrorResourceInitFailed), which the Python SDK has no call for, as Node's
and Go's have. Without it the whole update would count as not done, and who created a topic would be lost.
"""

import asyncio
import inspect
from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf import any_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2, status_pb2

from bus.errors import PartialFailure

PROVIDER_KEY = "__provider"  # of pulumi.dynamic: how a state names the provider's class


def fail(id_: str, outs: Mapping[str, Any], failed: Mapping[str, str]) -> PartialFailure:
    """The error to raise, once the engine is told that the resource is `outs` all the same."""
    error = PartialFailure(failed)
    context = _context()
    if context is not None:
        loop = asyncio.new_event_loop()
        try:
            properties = loop.run_until_complete(rpc.serialize_properties(dict(outs), {}))
        finally:
            loop.close()
        reasons = [f"{name}: {reason}" for name, reason in sorted(failed.items())]
        detail = any_pb2.Any()
        detail.Pack(provider_pb2.ErrorResourceInitFailed(id=id_, properties=properties, reasons=reasons))
        # The code must be the one that gRPC gives an exception, else clients drop the details.
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error), details=[detail])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    return error


def _context() -> grpc.ServicerContext | None:
    """The call that the SDK is answering by calling us; None where it is not the SDK that calls."""
    frame = inspect.currentframe()
    while frame is not None:
        context = frame.f_locals.get("context")
        if isinstance(context, grpc.ServicerContext):
            return context
        frame = frame.f_back
    return None
