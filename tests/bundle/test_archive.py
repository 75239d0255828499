"""A bundle's sums and signature: what they let pass, and what they find."""

import gzip
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.bundle import archive
from bus.bundle.archive import BadBundle


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


def test_what_was_signed_passes_and_stock_tools_agree(folder: Path, keys: tuple[Path, Path]) -> None:
    archive.seal(folder, keys[0])
    archive.check(folder, keys[1])
    archive.check(folder, None)
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda f: (f / "blobs/sha256/ab").write_bytes(b"other"), "blobs/sha256/ab was changed"),
        (lambda f: (f / "blobs/sha256/ab").unlink(), "blobs/sha256/ab is missing"),
        (lambda f: (f / "sites/more.sh").write_text("rm -r /"), "sites/more.sh was added"),
        (lambda f: (f / "SHA256SUMS").write_text(""), "the signature is wrong"),
        (lambda f: (f / "SHA256SUMS.sig").unlink(), "is not signed"),
        (lambda f: (f / "SHA256SUMS").unlink(), "the signature is wrong|this is no bundle"),
    ],
)
def test_any_change_is_found(folder: Path, keys: tuple[Path, Path], harm: Callable[[Path], None], said: str) -> None:
    archive.seal(folder, keys[0])
    harm(folder)
    with pytest.raises(BadBundle, match=said):
        archive.check(folder, keys[1])


def test_a_signature_of_somebody_else_is_refused(folder: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-out", other], check=True, capture_output=True)
    archive.seal(folder, other)
    with pytest.raises(BadBundle, match="the signature is wrong"):
        archive.check(folder, keys[1])


def test_the_same_parts_make_the_same_archive_and_come_back(folder: Path, tmp_path: Path) -> None:
    archive.seal(folder, None)
    for name in ("one", "two"):
        archive.pack(folder, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    archive.unpack(tmp_path / "one", tmp_path / "out")
    archive.check(tmp_path / "out", None)
    assert (tmp_path / "out/sites/topics.sh").stat().st_mode & 0o111, "a script that can be run"


def test_an_archive_that_reaches_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        tar.add(tmp_path / "x", arcname="../outside")
    with pytest.raises(BadBundle, match="cannot be unpacked"):
        archive.unpack(tmp_path / "bad.tar", tmp_path / "out")
    assert not (tmp_path / "outside").exists()
    (tmp_path / "not.tar").write_bytes(b"no tar")
    with pytest.raises(BadBundle, match="cannot be unpacked"):
        archive.unpack(tmp_path / "not.tar", tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("leads_to", ["nowhere", "blobs", "sites/topics.sh", "/etc/passwd"])
def test_an_archive_with_a_link_is_refused(folder: Path, tmp_path: Path, kind: bytes, leads_to: str) -> None:
    archive.seal(folder, None)
    archive.pack(folder, tmp_path / "bad.tar")
    with tarfile.open(tmp_path / "bad.tar", "a") as tar:
        link = tarfile.TarInfo("sites/more.sh")
        link.type, link.linkname = kind, leads_to
        tar.addfile(link)
    with pytest.raises(BadBundle, match=r"sites/more.sh is neither a file nor a folder"):
        archive.unpack(tmp_path / "bad.tar", tmp_path / "out")


@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_that_was_cut_off_is_refused_wherever_it_ends(folder: Path, tmp_path: Path, packed: bool) -> None:
    archive.seal(folder, None)
    archive.pack(folder, tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes().rstrip(b"\0")
    whole = gzip.compress(whole) if packed else whole
    for number, end in enumerate(range(0, len(whole), len(whole) // 23)):
        (tmp_path / "cut").write_bytes(whole[:end])
        with pytest.raises(BadBundle, match=r"cannot be unpacked|is missing|no bundle"):
            archive.unpack(tmp_path / "cut", tmp_path / f"out{number}")
            archive.check(tmp_path / f"out{number}", None)


def test_sums_that_are_no_text_are_refused(folder: Path) -> None:
    (folder / "SHA256SUMS").write_bytes(b"\xff\xfe")
    with pytest.raises(BadBundle, match="SHA256SUMS is no list of sums"):
        archive.check(folder, None)
