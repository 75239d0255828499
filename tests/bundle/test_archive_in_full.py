"""What an archive is, part by part, and each refusal with its own whole message and no traceback."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.bundle import archive
from bus.bundle.archive import BadBundle
from tests.support.bundles import folder, keys, packed, parts_of, tar_of

__all__ = ["folder", "keys"]
BLOCK = 512


def message(file: Path, key: Path | None = None) -> str:
    """Why a bundle is refused, without its path."""
    with pytest.raises(BadBundle) as error:
        for _, stream in archive.parts(file, key):
            for _ in stream:
                pass
    return str(error.value).replace(str(file), "FILE")


def test_parts_are_files_that_nobody_owns_and_of_no_time(folder: Path, tmp_path: Path) -> None:
    """The first parts are the sums and their signature; a script alone can be run."""
    (folder / "sites/values.yaml").write_text("a: 1\n")
    (folder / "SHA256SUMS.sig").write_bytes(b"sig")
    with tarfile.open(packed(folder, None)) as tar:
        found = [(info.name, info.mode, info.uid, info.gid, info.uname, info.gname, info.mtime) for info in tar]
    nobody = (0, 0, "", "", 0)
    assert found == [
        ("SHA256SUMS", 0o644, *nobody),
        ("SHA256SUMS.sig", 0o644, *nobody),
        ("blobs/sha256/ab", 0o644, *nobody),
        ("sites/topics.sh", 0o755, *nobody),
        ("sites/values.yaml", 0o644, *nobody),
    ]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [], "no work file stays"


def test_what_is_unpacked_has_the_modes_of_the_parts(folder: Path, tmp_path: Path) -> None:
    archive.unpack(packed(folder, None), tmp_path / "out", None)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert modes["topics.sh"] == 0o755
    assert not {modes["ab"], modes["SHA256SUMS"]} & {0o755} if "SHA256SUMS" in modes else modes["ab"] != 0o755


def test_each_part_is_read_in_pieces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_PIECE_BYTES", 1000)
    (folder / "large").write_bytes(bytes(range(256)) * 10)
    sizes = {name: [len(piece) for piece in stream] for name, stream in archive.parts(packed(folder, None), None)}
    assert sizes == {"blobs/sha256/ab": [5], "large": [1000, 1000, 560], "sites/topics.sh": [10]}


def test_a_part_that_nobody_reads_is_judged_all_the_same(folder: Path, tmp_path: Path) -> None:
    parts = parts_of(packed(folder, None)) | {"blobs/sha256/ab": b"other"}
    with pytest.raises(BadBundle, match="blobs/sha256/ab was changed"):
        list(archive.parts(tar_of(tmp_path / "bad.tar", parts.items()), None))


def test_the_sums_are_expected_first(folder: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    parts = parts_of(packed(folder, keys[0]))
    again = "have it made again"
    rest = [one for one in parts.items() if not one[0].startswith("SHA256")]
    assert message(tar_of(tmp_path / "a.tar", rest)) == (
        "FILE: SHA256SUMS is expected where blobs/sha256/ab is: this is no bundle, or one of an older bus; " + again
    )
    unsigned = [one for one in parts.items() if one[0] != "SHA256SUMS.sig"]
    assert message(tar_of(tmp_path / "c.tar", unsigned), keys[1]) == (
        "FILE: SHA256SUMS.sig is expected where blobs/sha256/ab is: the bundle is not signed; sign it (bus bundle make "
        "--sign-key)"
    )
    only = [one for one in parts.items() if one[0] == "SHA256SUMS"]
    assert "SHA256SUMS.sig is expected and there is nothing more" in message(tar_of(tmp_path / "d.tar", only), keys[1])


def test_a_signature_is_passed_over_where_nobody_asks_for_it_and_only_at_its_place(
    folder: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    parts = list(parts_of(packed(folder, keys[0])).items())
    assert [name for name, _ in archive.parts(tar_of(tmp_path / "a.tar", parts), None)] == [
        "blobs/sha256/ab",
        "sites/topics.sh",
    ]
    late = [parts[0], *parts[2:], parts[1]]
    assert "SHA256SUMS.sig was added" in message(tar_of(tmp_path / "b.tar", late))


def test_ten_faults_are_told_and_no_more(folder: Path, tmp_path: Path) -> None:
    parts = [*parts_of(packed(folder, None)).items(), *((f"n{number:02}", b"") for number in range(12))]
    lines = message(tar_of(tmp_path / "bad.tar", parts)).splitlines()
    assert lines == ["FILE is not as it was made:", *(f"  n{number:02} was added" for number in range(10))]


def test_ten_missing_parts_are_told_in_order(folder: Path, tmp_path: Path) -> None:
    for number in range(12):
        (folder / f"n{number:02}").write_bytes(b"")
    parts = parts_of(packed(folder, None))
    few = [(name, content) for name, content in parts.items() if not name.startswith("n")]
    lines = message(tar_of(tmp_path / "bad.tar", few)).splitlines()
    assert lines[1:] == [f"  n{number:02} is missing" for number in range(10)]


def test_a_part_that_is_missing_is_told_only_where_nothing_else_is(folder: Path, tmp_path: Path) -> None:
    parts = parts_of(packed(folder, None))
    del parts["blobs/sha256/ab"]
    assert message(tar_of(tmp_path / "bad.tar", [*parts.items(), ("x", b"")])).splitlines()[1:] == ["  x was added"]


def test_sizes_at_the_limit_are_read(
    folder: Path, keys: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = packed(folder, keys[0])
    parts = parts_of(file)
    monkeypatch.setattr(archive, "_SUMS_BYTES", len(parts["SHA256SUMS"]))
    monkeypatch.setattr(archive, "_SIGNATURE_BYTES", len(parts["SHA256SUMS.sig"]))
    assert len(list(archive.parts(file, keys[1]))) == 2
    monkeypatch.setattr(archive, "_SIGNATURE_BYTES", len(parts["SHA256SUMS.sig"]) - 1)
    size = len(parts["SHA256SUMS.sig"])
    assert message(file, keys[1]) == (
        f"FILE: SHA256SUMS.sig has {size} bytes, and {size - 1} are the limit: this is no bundle"
    )


def test_an_archive_that_is_damaged_in_its_middle_is_refused_with_the_place(folder: Path, tmp_path: Path) -> None:
    content = bytearray(packed(folder, None).read_bytes())
    content[2 * BLOCK] ^= 0xFF  # the header of the second part
    (tmp_path / "bad").write_bytes(content)
    assert message(tmp_path / "bad") == (
        "FILE is no plain tar at byte 1024: this is no bundle, or one that is compressed, damaged or was cut off; "
        "decompress it, or fetch it again"
    )


def test_the_end_is_two_blocks_of_zeros_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    whole = packed(folder, None).read_bytes().rstrip(b"\0")
    whole += bytes(-len(whole) % BLOCK)
    (tmp_path / "one").write_bytes(whole + bytes(BLOCK))
    assert len(list(archive.parts(tmp_path / "one", None))) == 2
    (tmp_path / "none").write_bytes(whole)
    assert message(tmp_path / "none") == "FILE was cut off: fetch it again"
    (tmp_path / "more").write_bytes(whole + bytes(5 * BLOCK) + b"x")
    assert message(tmp_path / "more") == "FILE goes on after its end: something was added; fetch it again"
    (tmp_path / "empty").write_bytes(b"")
    assert "FILE is no plain tar at byte 0" in message(tmp_path / "empty")


def test_folders_are_passed_over_unless_they_hold_bytes(folder: Path, tmp_path: Path) -> None:
    def members(size: int) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
        for name, content in parts_of(packed(folder, None)).items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            yield info, content
        info = tarfile.TarInfo("sites")
        info.type, info.size = tarfile.DIRTYPE, size
        yield info, bytes(size)

    for size in (0, 3):
        with tarfile.open(tmp_path / f"{size}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for info, content in members(size):
                tar.addfile(info, io.BytesIO(content))
    assert len(list(archive.parts(tmp_path / "0.tar", None))) == 2
    assert message(tmp_path / "3.tar") == "FILE: sites is neither a file nor a folder, and a bundle has nothing else"


def test_a_part_that_is_not_in_it_is_told(folder: Path) -> None:
    file = packed(folder, None)
    with pytest.raises(BadBundle) as error:
        archive.part(file, "bundle.json", None)
    assert str(error.value) == f"{file}: bundle.json is missing: this is no bundle"


def test_a_name_that_no_header_holds_is_refused_and_leaves_no_file(folder: Path, tmp_path: Path) -> None:
    (folder / ("n" * 200)).write_bytes(b"")
    archive.seal(folder, None)
    with pytest.raises(BadBundle, match=f"bundle.tar cannot be packed: {'n' * 200}: "):
        archive.pack(folder, tmp_path / "bundle.tar")
    assert not [path for path in tmp_path.iterdir() if path.name.endswith((".part", ".tar"))]


def test_a_key_is_written_and_known_by_its_public_half(keys: tuple[Path, Path], tmp_path: Path) -> None:
    public = archive.public_half(keys[0], tmp_path / "public.pem")
    assert public.read_bytes() == keys[1].read_bytes()
    assert archive.fingerprint(public) == archive.fingerprint(keys[0], private=True)


def test_without_openssl_it_is_named(folder: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: object, **options: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "run", missing)
    with pytest.raises(BadBundle) as error:
        archive.seal(folder, keys[0])
    assert str(error.value) == "openssl is not on PATH, and signs and checks bundles"


def test_a_wrong_key_is_told_in_the_words_of_openssl(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no key")
    with pytest.raises(BadBundle) as error:
        archive.seal(folder, tmp_path / "no.pem")
    prefix = "the signature is wrong, or its key cannot be used: "
    assert str(error.value).startswith(prefix) and len(prefix) < len(str(error.value)) <= len(prefix) + 300
