"""A bundle as a file: packed the same way each time, with a sum of each part and a signature that stock tools check."""

import errno
import hashlib
import lzma
import subprocess
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from bus.errors import Mendable

SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"
_PIECE_BYTES = 1 << 20


class BadBundle(Mendable):
    """A bundle that is not what its maker signed; the message names the parts."""


def seal(folder: Path, key: Path | None) -> None:
    """Writes the sums of everything in `folder`, signed with a private key (PEM, RSA or EC) where one is given."""
    lines = [f"{_sum(path)}  {name}" for name, path in _files(folder)]
    (folder / SUMS).write_text("\n".join(lines) + "\n")
    if key:
        _openssl("dgst", "-sha256", "-sign", str(key), "-out", str(folder / SIGNATURE), str(folder / SUMS))


def check(folder: Path, public_key: Path | None) -> None:
    """Raises BadBundle where a part is missing, changed or added, or where the signature is not of `public_key`."""
    if public_key:
        if not (folder / SIGNATURE).exists():
            raise BadBundle(f"the bundle is not signed; leave --public-key out if that is wanted ({SIGNATURE})")
        _openssl(
            "dgst", "-sha256", "-verify", str(public_key), "-signature", str(folder / SIGNATURE), str(folder / SUMS)
        )
    wanted = sums(folder)
    found = dict(_files(folder))
    wrong = [f"{name} is missing" for name in sorted(wanted.keys() - found.keys())]
    wrong += [f"{name} was added" for name in sorted(found.keys() - wanted.keys())]
    wrong += [
        f"{name} was changed" for name in sorted(wanted.keys() & found.keys()) if _sum(found[name]) != wanted[name]
    ]
    if wrong:
        raise BadBundle("the bundle is not as it was made:\n" + "\n".join(f"  {line}" for line in wrong))


def sums(folder: Path) -> dict[str, str]:
    """The sum of every part by its name, as the bundle has them written down."""
    try:
        lines = (folder / SUMS).read_text().splitlines()
    except FileNotFoundError:
        raise BadBundle(f"{SUMS} is missing: this is no bundle") from None
    except UnicodeDecodeError:
        raise BadBundle(f"{SUMS} is no list of sums: this is no bundle, or it was changed") from None
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def pack(folder: Path, target: Path) -> None:
    """One uncompressed tar (layers are compressed already), written in one step; the same parts make the same bytes."""
    work = target.with_name(f".{target.name}.part")
    try:
        with tarfile.open(work, "w", format=tarfile.PAX_FORMAT) as tar:
            for path in sorted(folder.rglob("*")):
                info = tar.gettarinfo(str(path), path.relative_to(folder).as_posix())
                info.mtime, info.uid, info.gid, info.uname, info.gname = 0, 0, 0, "", ""
                info.mode = 0o755 if path.is_dir() or path.suffix == ".sh" else 0o644
                if path.is_file():
                    with path.open("rb") as stream:
                        tar.addfile(info, stream)
                else:
                    tar.addfile(info)
        work.rename(target)
    finally:
        work.unlink(missing_ok=True)


def unpack(file: Path, folder: Path) -> None:
    """Unpacks a bundle into an empty folder; nothing of it may lie outside (PEP 706), and no part be a link.

    Raises BadBundle, and OSError where there is no room.
    """
    try:
        with tarfile.open(file) as tar:
            tar.extractall(folder, filter=_part)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise BadBundle(f"{file} cannot be unpacked: {error}") from None


def _part(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
    if not (member.isfile() or member.isdir()):  # what is behind a link has no sum of its own
        raise tarfile.ReadError(f"{member.name} is neither a file nor a folder, and a bundle has nothing else")
    return tarfile.data_filter(member, path)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in (SUMS, SIGNATURE):
            yield name, path


def _sum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _openssl(*arguments: str) -> None:
    try:
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BadBundle("openssl is not on PATH, and signs and checks bundles") from None
    if done.returncode:
        said = f"{done.stdout} {done.stderr}".strip()
        raise BadBundle(f"the signature is wrong, or its key cannot be used: {said[:300]}")
