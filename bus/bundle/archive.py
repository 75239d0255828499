"""A bundle as a file: packed the same way each time, with a sum of each part and a signature that stock tools check.

The sums and their signature are the first two parts, so that a reader judges them before it takes anything else.
"""

import hashlib
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from bus.errors import UserError

SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"
_PIECE_BYTES = 1 << 20
_BLOCK_BYTES = tarfile.BLOCKSIZE
_SUMS_BYTES, _SIGNATURE_BYTES = 32 << 20, 64 << 10
_FOUND = 10
# Of an OCI layout, of sites and of releases; no part begins with a dot or leads upwards.
_NAME = re.compile(r"(?!.*(?:^|/)\.)[\w.@:+-]+(?:/[\w.@:+-]+)*", re.ASCII)
_SUM_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


class BadBundle(UserError):
    """A bundle that is not what its maker signed; the message names the parts."""


def seal(folder: Path, key: Path | None) -> None:
    """Write the sums of everything in `folder`, signed with a private key (PEM, RSA or EC) where one is given."""
    lines = [f"{_sum(path)}  {name}" for name, path in _files(folder)]
    (folder / SUMS).write_text("\n".join(lines) + "\n")
    if key:
        _openssl("dgst", "-sha256", "-sign", str(key), "-out", str(folder / SIGNATURE), str(folder / SUMS))


def fingerprint(key: Path, *, private: bool = False) -> str:
    """Return the SHA-256 of a key's public half (DER), as `openssl pkey` and `sha256sum` give it."""
    public = _openssl("pkey", "-in", str(key), *([] if private else ["-pubin"]), "-pubout", "-outform", "DER")
    return hashlib.sha256(public).hexdigest()


def public_half(key: Path, target: Path) -> Path:
    """Write the public half of a private key as PEM."""
    target.write_bytes(_openssl("pkey", "-in", str(key), "-pubout"))
    return target


def pack(folder: Path, target: Path) -> None:
    """Write one uncompressed tar in one step; the same parts make the same bytes.

    Layers are compressed already. The format is ustar: a reader needs no extended header, and refuses them. Raise
    BadBundle for a part of more than 8 GiB.
    """
    first = [(name, folder / name) for name in (SUMS, SIGNATURE) if (folder / name).exists()]
    work = target.with_name(f".{target.name}.part")
    try:
        with tarfile.open(work, "w", format=tarfile.USTAR_FORMAT) as tar:
            for name, path in [*first, *_files(folder)]:
                info = tarfile.TarInfo(name)
                info.size, info.mode = path.stat().st_size, 0o755 if path.suffix == ".sh" else 0o644
                with path.open("rb") as stream:
                    tar.addfile(info, stream)
        work.rename(target)
    except ValueError as error:  # the number or the name does not fit into a header
        raise BadBundle(f"{target} cannot be packed: {name}: {error}") from None
    finally:
        work.unlink(missing_ok=True)


def unpack(file: Path, folder: Path, public_key: Path | None) -> None:
    """Unpack a bundle into a folder, once its signature is judged; with `public_key` None it may be anybody's.

    Raise BadBundle where a part is missing, changed, added, or no plain file, and OSError where there is no room. What
    is in the folder then is not to be used.
    """
    for name, stream in parts(file, public_key):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            for piece in stream:
                out.write(piece)
        if path.suffix == ".sh":
            path.chmod(0o755)


def part(file: Path, wanted: str, public_key: Path | None) -> bytes:
    """Check a whole bundle without unpacking it, and return the content of one part; raise BadBundle."""
    content = None
    for name, stream in parts(file, public_key):
        if name == wanted:
            content = b"".join(stream)
    if content is None:
        raise BadBundle(f"{file}: {wanted} is missing: this is no bundle")
    return content


def parts(file: Path, public_key: Path | None) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Read a bundle once, from its beginning: yield each listed part with its content.

    Nothing is yielded before the signature of the sums is verified. Raise BadBundle, at the end for what is wrong with
    single parts: all of them at once.
    """
    with file.open("rb") as stream:
        members = _members(file, stream)
        wanted = _judged_sums(file, members, public_key)
        seen: set[str] = set()
        wrong = []
        for info, content in members:
            if info.name == SIGNATURE and not seen:
                continue
            if info.name in seen:
                wrong.append(f"{info.name} is in it twice")
            elif info.name not in wanted:
                wrong.append(f"{info.name} was added")
            else:
                seen.add(info.name)
                digest = _Digest(content)
                yield info.name, iter(digest)
                if digest.finished() != wanted[info.name]:
                    wrong.append(f"{info.name} was changed")
            if len(wrong) >= _FOUND:
                break
    if not wrong:
        wrong = [f"{name} is missing" for name in sorted(wanted.keys() - seen)]
    if wrong:
        raise BadBundle(f"{file} is not as it was made:\n" + "\n".join(f"  {line}" for line in wrong[:_FOUND]))


class _Digest:
    """The pieces of a part, hashed as they go by."""

    def __init__(self, content: Iterator[bytes]) -> None:
        self._content, self._state = content, hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._content:
            self._state.update(piece)
            yield piece

    def finished(self) -> str:
        """Return the digest of all of it, read by now or not."""
        for _ in self:
            pass
        return self._state.hexdigest()


def _judged_sums(
    file: Path, members: Iterator[tuple[tarfile.TarInfo, Iterator[bytes]]], public_key: Path | None
) -> dict[str, str]:
    """The sums of a bundle's parts, signed by `public_key` where one is given."""
    content = _small(file, members, SUMS, _SUMS_BYTES)
    if public_key:
        signature = _small(file, members, SIGNATURE, _SIGNATURE_BYTES)
        with tempfile.TemporaryDirectory(prefix="bus-bundle-") as work:
            sums, sign = Path(work) / SUMS, Path(work) / SIGNATURE
            sums.write_bytes(content)
            sign.write_bytes(signature)
            _openssl("dgst", "-sha256", "-verify", str(public_key), "-signature", str(sign), str(sums))
    return _sums(file, content)


def _small(file: Path, members: Iterator[tuple[tarfile.TarInfo, Iterator[bytes]]], name: str, limit: int) -> bytes:
    """The content of the next part, which has to be `name`."""
    info, content = next(members, (None, iter(())))
    if info is None or info.name != name:
        there = f"where {info.name} is" if info else "and there is nothing more"
        reason = "the bundle is not signed" if name == SIGNATURE else "this is no bundle, or one of an older bus"
        remedy = "sign it (bus bundle make --sign-key)" if name == SIGNATURE else "have it made again"
        raise BadBundle(f"{file}: {name} is expected {there}: {reason}; {remedy}")
    if info.size > limit:
        raise BadBundle(f"{file}: {name} has {info.size} bytes, and {limit} are the limit: this is no bundle")
    return b"".join(content)


def _sums(file: Path, content: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError:
        lines = ["not text"]
    for line in lines:
        match = _SUM_LINE.fullmatch(line)
        name = match[2] if match else ""
        if not match or not _NAME.fullmatch(name) or name in (SUMS, SIGNATURE) or name in found:
            raise BadBundle(f"{file}: {SUMS} has the line {line[:100]!r}, which names no part of a bundle")
        found[name] = match[1]
    return found


def _members(file: Path, stream: BinaryIO) -> Iterator[tuple[tarfile.TarInfo, Iterator[bytes]]]:
    """The plain files of a tar, each with its content, read forwards; folders are passed over.

    tarfile itself unpacks extended headers of any size into memory, follows links and takes compressed files.
    """
    while True:
        at, block = stream.tell(), stream.read(_BLOCK_BYTES)
        if at and len(block) < _BLOCK_BYTES:
            raise _cut_off(file)
        if at and not any(block):
            _check_end(file, stream)
            return
        try:
            info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.HeaderError, UnicodeError):
            raise BadBundle(
                f"{file} is no plain tar at byte {at}: this is no bundle, or one that is compressed, damaged or was "
                "cut off; decompress it, or fetch it again"
            ) from None
        if info.isdir() and not info.size:
            continue
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise BadBundle(f"{file}: {info.name} is neither a file nor a folder, and a bundle has nothing else")
        content = _content(file, stream, info.size)
        yield info, content
        for _ in content:  # what nobody wanted
            pass
        padding = -info.size % _BLOCK_BYTES
        if len(stream.read(padding)) < padding:
            raise _cut_off(file)


def _content(file: Path, stream: BinaryIO, size: int) -> Iterator[bytes]:
    while size:
        piece = stream.read(min(size, _PIECE_BYTES))
        if not piece:
            raise _cut_off(file)
        size -= len(piece)
        yield piece


def _check_end(file: Path, stream: BinaryIO) -> None:
    """Nothing but zeros follows the end of an archive, or some other reader might take it for more parts."""
    while piece := stream.read(_PIECE_BYTES):
        if any(piece):
            raise BadBundle(f"{file} goes on after its end: something was added; fetch it again")


def _cut_off(file: Path) -> BadBundle:
    return BadBundle(f"{file} was cut off: fetch it again")


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


def _openssl(*arguments: str) -> bytes:
    try:
        done = subprocess.run(["openssl", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise BadBundle("openssl is not on PATH, and signs and checks bundles") from None
    if done.returncode:
        output = ""
        with suppress(UnicodeDecodeError):
            output = f"{done.stdout.decode()} {done.stderr.decode()}".strip()
        raise BadBundle(f"the signature is wrong, or its key cannot be used: {output[:300]}")
    return done.stdout
