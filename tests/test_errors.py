"""What a disk of this machine lacks is a message; what is a fault of ours stays a traceback."""

import errno
import os
from pathlib import Path

import pytest

from bus.bundle.archive import pack
from bus.cli import editing
from bus.errors import DiskError, on_disk


@pytest.mark.parametrize(
    ("number", "file", "folder", "said"),
    [
        (errno.ENOSPC, None, None, "this folder or /tmp/x (TMPDIR names another): No space left on device; make room"),
        (errno.ENOSPC, None, "/data", "/data: No space left on device; make room, and run the same again"),
        (errno.EROFS, "/data/.bundle-1", "/data", "/data: Read-only file system; mount it for writing"),
        (errno.ENOENT, "/data/.bundle-1", "/data", "/data: No such file or directory; make it, or name another"),
        (errno.EACCES, "/etc/key.pem", "/data", "/etc/key.pem: Permission denied; let this user have it"),
    ],
)
def test_it_says_where_and_what_to_do(
    number: int, file: str | None, folder: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/tmp/x")
    with pytest.raises(DiskError) as found, on_disk(Path(folder) if folder else None):
        raise OSError(number, os.strerror(number), file)
    assert str(found.value).startswith(said)


def test_what_is_no_disk_stays_what_it_is() -> None:
    with pytest.raises(ConnectionRefusedError), on_disk():
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")


def full(self: Path, *arguments: object, **more: object) -> object:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_stack_file_on_a_full_disk_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text("config:\n  a: 1  # why\n")
    text = editing.read(file)[0].replace("1", "2")
    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.write_bytes", full)
        with pytest.raises(OSError, match="No space"):
            editing.write(file, text)
    assert file.read_text() == "config:\n  a: 1  # why\n"
    assert list(tmp_path.iterdir()) == [file]
    file.chmod(0o640)
    editing.write(file, text)
    assert file.read_text() == "config:\n  a: 2  # why\n"
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_stack_file_behind_a_link_is_written_there(tmp_path: Path) -> None:
    file, link = tmp_path / "real.yaml", tmp_path / "Pulumi.prod.yaml"
    file.write_text("a: 1\n")
    link.symlink_to(file)
    editing.write(link, "a: 2\n")
    assert link.is_symlink()
    assert file.read_text() == "a: 2\n"


def test_a_bundle_that_finds_no_room_leaves_no_part_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/one").write_text("1")
    monkeypatch.setattr("tarfile.TarFile.addfile", full)
    with pytest.raises(OSError, match="No space"):
        pack(tmp_path / "parts", tmp_path / "out.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["parts"]
