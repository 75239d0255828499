"""Certificates and keys of a kubeconfig, as kr8s reads them: from memory, and on no disk."""

import functools
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import kr8s._auth


def in_memory() -> None:
    """Has kr8s keep the credentials of a kubeconfig in memory, where they vanish with the process, however it ends.

    OpenSSL takes them from files only. kr8s makes these in the temporary folder, and leaves them there: three for each
    client, and one of three is the cluster's private key in clear (39,000 files after a day of tests).
    """
    if sys.platform == "linux":
        kr8s._auth.NamedTemporaryFile = _held_file  # type: ignore[assignment, attr-defined]


class _Held:
    """What kr8s uses of a temporary file: it writes all of it at once, and takes its name afterwards."""

    def __init__(self) -> None:
        self._path = ""

    async def write_bytes(self, data: bytes) -> int:
        self._path = _path_of(data)
        return len(data)

    def __str__(self) -> str:
        return self._path


@asynccontextmanager
async def _held_file(**_: object) -> AsyncIterator[_Held]:
    yield _Held()


@functools.cache
def _path_of(data: bytes) -> str:
    """Where this process alone reads `data`; equal content has one place, so that a run needs few descriptors."""
    assert sys.platform == "linux", "in_memory changes nothing elsewhere"
    number = os.memfd_create("kubeconfig")
    os.write(number, data)
    return f"/proc/self/fd/{number}"
