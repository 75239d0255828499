"""A bundle's sums and signature: what they let pass, and what they find."""

import gzip
import hashlib
import lzma
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.bundle import archive
from bus.bundle.archive import BadBundle
from tests.support.bundles import folder, keys, packed, parts_of, tar_of

__all__ = ["folder", "keys"]


def refused(file: Path, folder: Path, key: Path | None) -> str:
    """Why a bundle is refused, by both of its readers alike, and what was written before."""
    messages = []
    folder.mkdir()
    for act in (lambda: archive.unpack(file, folder, key), lambda: archive.part(file, "bundle.json", key)):
        with pytest.raises(BadBundle) as error:
            act()
        messages.append(str(error.value))
    assert messages[0] == messages[1]
    return messages[0]


def test_what_was_signed_passes_and_stock_tools_agree(folder: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    file, out = packed(folder, keys[0]), tmp_path / "out"
    for key in (keys[1], None):
        archive.unpack(file, out, key)
        assert (out / "blobs/sha256/ab").read_bytes() == b"layer"
        assert archive.part(file, "sites/topics.sh", key) == b"#!/bin/sh\n"
    assert (out / "sites/topics.sh").stat().st_mode & 0o111, "a script that can be run"
    subprocess.run(["tar", "xf", file, "-C", folder], check=True)
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, check=True, capture_output=True)
    command = ["openssl", "dgst", "-sha256", "-signature", "SHA256SUMS.sig", "-verify"]
    subprocess.run([*command, str(keys[1]), "SHA256SUMS"], cwd=folder, check=True, capture_output=True)


def test_both_halves_of_a_key_have_one_fingerprint_that_stock_tools_give_too(keys: tuple[Path, Path]) -> None:
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", keys[1], "-pubout", "-outform", "DER"], check=True, capture_output=True
    )
    wanted = hashlib.sha256(der.stdout).hexdigest()
    assert archive.fingerprint(keys[0], private=True) == archive.fingerprint(keys[1]) == wanted


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda parts: parts | {"blobs/sha256/ab": b"other"}, "blobs/sha256/ab was changed"),
        (lambda parts: {k: v for k, v in parts.items() if "blobs" not in k}, "blobs/sha256/ab is missing"),
        (lambda parts: parts | {"sites/more.sh": b"rm -r /"}, "sites/more.sh was added"),
        (lambda parts: parts | {"SHA256SUMS": b""}, "the signature is wrong"),
        (lambda parts: {k: v for k, v in parts.items() if k != "SHA256SUMS.sig"}, "the bundle is not signed"),
        (lambda parts: {k: v for k, v in parts.items() if k != "SHA256SUMS"}, "SHA256SUMS is expected where SHA256"),
        (lambda parts: {"evil": b"x"} | parts, "SHA256SUMS is expected where evil is: this is no bundle"),
        (lambda parts: {}, "is no plain tar at byte 0"),
    ],
    ids=["changed", "lost", "added", "sums", "signature", "no sums", "before", "empty"],
)
def test_any_change_is_found(
    folder: Path,
    keys: tuple[Path, Path],
    tmp_path: Path,
    harm: Callable[[dict[str, bytes]], dict[str, bytes]],
    message: str,
) -> None:
    bad = tar_of(tmp_path / "bad.tar", harm(parts_of(packed(folder, keys[0]))).items())
    assert message in refused(bad, tmp_path / "out", keys[1])


def test_all_that_is_wrong_with_parts_is_said_at_once(folder: Path, tmp_path: Path) -> None:
    parts = parts_of(packed(folder, None)) | {"a": b"", "blobs/sha256/ab": b"other"}
    message = refused(tar_of(tmp_path / "bad.tar", parts.items()), tmp_path / "out", None)
    assert "blobs/sha256/ab was changed" in message and "a was added" in message


def test_a_part_that_is_in_it_twice_is_refused(folder: Path, tmp_path: Path) -> None:
    parts = [*parts_of(packed(folder, None)).items(), ("sites/topics.sh", b"#!/bin/sh\n")]
    message = refused(tar_of(tmp_path / "bad.tar", parts), tmp_path / "out", None)
    assert "sites/topics.sh is in it twice" in message


def test_nothing_is_unpacked_before_the_signature_is_right(
    folder: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-out", other], check=True, capture_output=True)
    (folder / "blobs/sha256/large").write_bytes(bytes(50_000_000))
    assert "the signature is wrong" in refused(packed(folder, other), tmp_path / "out", keys[1])
    assert not list((tmp_path / "out").iterdir())


def test_the_same_parts_make_the_same_archive(folder: Path, tmp_path: Path) -> None:
    archive.seal(folder, None)
    for name in ("one", "two"):
        archive.pack(folder, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "/etc/outside",
        "sites/../../outside",
        "./outside",
        "a//b",
        ".hidden",
        "SHA256SUMS",
        "SHA256SUMS.sig",
        "a b",
        "",
    ],
)
def test_sums_that_name_what_is_no_part_are_refused(tmp_path: Path, name: str) -> None:
    sums = f"{hashlib.sha256(b'x').hexdigest()}  {name}\n".encode()
    bad = tar_of(tmp_path / "bad.tar", [("SHA256SUMS", sums), (name or "x", b"x")])
    assert "which names no part of a bundle" in refused(bad, tmp_path / "out", None)
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("sums", [b"\xff\xfe", b"abc\n", b"0" * 64 + b" one blank\n"])
def test_sums_that_are_none_are_refused(tmp_path: Path, sums: bytes) -> None:
    bad = tar_of(tmp_path / "bad.tar", [("SHA256SUMS", sums)])
    assert "SHA256SUMS has the line" in refused(bad, tmp_path / "out", None)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, b"x", b"L", b"S"]
)
@pytest.mark.parametrize("leads_to", ["nowhere", "blobs", "/etc/passwd"])
def test_an_archive_with_anything_but_files_is_refused(
    folder: Path, tmp_path: Path, kind: bytes, leads_to: str
) -> None:
    """Links and devices, and also extended headers, which tarfile reads into memory whatever their size."""
    file = packed(folder, None)
    with tarfile.open(file, "a", format=tarfile.USTAR_FORMAT) as tar:
        link = tarfile.TarInfo("sites/more.sh")
        link.type, link.linkname = kind, leads_to
        tar.addfile(link)
    assert "sites/more.sh is neither a file nor a folder" in refused(file, tmp_path / "out", None)


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress])
def test_a_compressed_archive_is_refused(folder: Path, tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    """46 KB may become 300 MB."""
    (tmp_path / "bad").write_bytes(compress(packed(folder, None).read_bytes()))
    assert "is no plain tar at byte 0" in refused(tmp_path / "bad", tmp_path / "out", None)


def test_what_follows_the_end_is_refused(folder: Path, tmp_path: Path) -> None:
    file = packed(folder, None)
    file.write_bytes(file.read_bytes() + tar_of(tmp_path / "more", [("sites/more.sh", b"x")]).read_bytes())
    assert "goes on after its end" in refused(file, tmp_path / "out", None)


@pytest.mark.parametrize("name", ["SHA256SUMS", "SHA256SUMS.sig"])
def test_sums_or_a_signature_of_any_size_are_not_read(
    folder: Path, keys: tuple[Path, Path], tmp_path: Path, name: str
) -> None:
    parts = parts_of(packed(folder, keys[0])) | {name: bytes(40_000_000)}
    message = refused(tar_of(tmp_path / "bad.tar", parts.items()), tmp_path / "out", keys[1])
    assert f"{name} has 40000000 bytes" in message


def test_an_archive_that_was_cut_off_is_refused_wherever_it_ends(folder: Path, tmp_path: Path) -> None:
    whole = packed(folder, None).read_bytes().rstrip(b"\0")
    for number, end in enumerate(range(0, len(whole), len(whole) // 23)):
        (tmp_path / "cut").write_bytes(whole[:end])
        message = refused(tmp_path / "cut", tmp_path / f"out{number}", None)
        assert "was cut off" in message


def test_what_is_no_archive_is_said(tmp_path: Path) -> None:
    (tmp_path / "not.tar").write_bytes(b"no tar" * 200)
    assert "is no plain tar" in refused(tmp_path / "not.tar", tmp_path / "out", None)
