"""A small folder as a bundle, and a key that signs it."""

import io
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from bus.bundle import archive


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A private key and its public one."""
    folder = tmp_path_factory.mktemp("keys")
    private, public = folder / "key.pem", folder / "public.pem"
    curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    subprocess.run(["openssl", "genpkey", *curve, "-out", private], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return private, public


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "bundle"
    (made / "blobs/sha256").mkdir(parents=True)
    (made / "blobs/sha256/ab").write_bytes(b"layer")
    (made / "sites").mkdir()
    (made / "sites/topics.sh").write_text("#!/bin/sh\n")
    return made


def packed(folder: Path, key: Path | None) -> Path:
    """The folder as a bundle beside it."""
    archive.seal(folder, key)
    target = folder.parent / "bundle.tar"
    archive.pack(folder, target)
    return target


def tar_of(target: Path, parts: Iterable[tuple[str, bytes]]) -> Path:
    """A tar of parts in this order, whatever they are."""
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in parts:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return target


def parts_of(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as tar:
        return {info.name: (tar.extractfile(info) or io.BytesIO()).read() for info in tar}
