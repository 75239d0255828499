"""A cluster's private key is on no disk while bus speaks to it, and afterwards."""

import asyncio
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from kr8s._auth import KubeAuth

from bus.cluster.access import Cluster, Unreachable
from bus.cluster.kube import kube_api

PARTS = {"client-key-data": b"the key", "client-certificate-data": b"the certificate"}
CA = b"the authority" * 10_000  # larger than what a pipe holds


def kubeconfig() -> dict[str, Any]:
    user = {name: b64encode(data).decode() for name, data in PARTS.items()}
    cluster = {"server": "https://127.0.0.1:9", "certificate-authority-data": b64encode(CA).decode()}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
    }


async def authenticated() -> Any:
    return await KubeAuth(kubeconfig=kubeconfig())  # type: ignore[arg-type]


def test_credentials_are_read_again_and_again_and_no_file_of_them_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    first, second = asyncio.run(authenticated()), asyncio.run(authenticated())
    for _ in range(2):
        found = (first.client_key_file, first.client_cert_file, first.server_ca_file)
        assert [Path(str(path)).read_bytes() for path in found] == [*PARTS.values(), CA]
    assert first.client_key_file == second.client_key_file, "a descriptor for each client would run out"
    assert list(tmp_path.iterdir()) == []


def test_a_client_of_bus_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(Unreachable):
        kube_api(Cluster(kubeconfig=str(kubeconfig()), namespace="n")).version()
    assert list(tmp_path.iterdir()) == []
