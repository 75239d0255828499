"""OCI images without a container engine: layers from files, a store of blobs, archives, pushing."""

import hashlib
import http.client
import io
import json
import os
import tarfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import quote, urlsplit

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Layer:
    """A stored layer: digest and size of the compressed blob, digest of the content."""

    digest: str
    size: int
    diff_id: str


class Store:
    """Blobs by digest below one folder; what is there is never written again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs").mkdir(parents=True, exist_ok=True)

    def blob(self, digest: str) -> Path:
        """Where a blob is or would be."""
        return self.folder / "blobs" / digest.removeprefix("sha256:")

    def put(self, data: bytes) -> str:
        """Stores a small blob; returns its digest."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        if not self.blob(digest).exists():
            work = self.blob(digest).with_suffix(".part")
            work.write_bytes(data)
            work.rename(self.blob(digest))
        return digest

    def layer(self, key: str, fill: Callable[[tarfile.TarFile], None]) -> Layer:
        """The layer that `fill` makes; made once for each `key`, which names all that goes in."""
        note = self.folder / "layers" / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
        if note.exists():
            return Layer(**json.loads(note.read_text()))
        work = self.folder / "blobs" / f"layer-{os.getpid()}.part"
        with work.open("wb") as out:
            stream = _Hashed(out)
            with tarfile.open(fileobj=cast(io.BufferedWriter, stream), mode="w|", format=tarfile.PAX_FORMAT) as tar:
                fill(tar)
            stream.finish()
        layer = Layer(f"sha256:{stream.outer.hexdigest()}", stream.size, f"sha256:{stream.inner.hexdigest()}")
        work.rename(self.blob(layer.digest))
        note.parent.mkdir(exist_ok=True)
        note.write_text(json.dumps(layer.__dict__))
        return layer

    def image(self, layers: list[Layer], config: dict[str, object]) -> str:
        """Stores config and manifest of an image; returns the manifest's digest."""
        content = {
            "architecture": "amd64",
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }
        data = _json(content)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": self.put(data), "size": len(data)},
            "layers": [{"mediaType": LAYER, "digest": layer.digest, "size": layer.size} for layer in layers],
        }
        return self.put(_json(manifest))

    def archive(self, manifest: str, name: str, target: Path) -> None:
        """Writes an OCI archive that `ctr images import` takes."""
        content = json.loads(self.blob(manifest).read_bytes())
        entry = {
            "mediaType": MANIFEST,
            "digest": manifest,
            "size": self.blob(manifest).stat().st_size,
            "annotations": {"io.containerd.image.name": name},
        }
        work = target.with_suffix(".part")
        with tarfile.open(work, "w") as tar:
            for path, data in (
                ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
                ("index.json", _json({"schemaVersion": 2, "manifests": [entry]})),
            ):
                _add(tar, path, data)
            for digest in (manifest, content["config"]["digest"], *(layer["digest"] for layer in content["layers"])):
                tar.add(self.blob(digest), f"blobs/sha256/{digest.removeprefix('sha256:')}")
        work.rename(target)

    def push(self, manifest: str, registry: str, name: str, tag: str) -> bool:
        """Pushes what the registry at host:port lacks; False when the tag already named this manifest."""
        head = _call(
            registry, "HEAD", f"/v2/{name}/manifests/{tag}", headers={"Accept": MANIFEST}, missing_is_fine=True
        )
        if head is not None and head.get("Docker-Content-Digest") == manifest:
            return False
        data = self.blob(manifest).read_bytes()
        content = json.loads(data)
        for blob in [content["config"], *content["layers"]]:
            if _call(registry, "HEAD", f"/v2/{name}/blobs/{blob['digest']}", missing_is_fine=True) is None:
                self._upload(registry, name, blob["digest"])
        _call(registry, "PUT", f"/v2/{name}/manifests/{tag}", data, {"Content-Type": MANIFEST})
        return True

    def _upload(self, registry: str, name: str, digest: str) -> None:
        answer = _call(registry, "POST", f"/v2/{name}/blobs/uploads/", b"") or {}
        place = urlsplit(answer["Location"])
        query = f"{place.query}&" if place.query else ""
        with self.blob(digest).open("rb") as stream:
            size = str(os.fstat(stream.fileno()).st_size)
            headers = {"Content-Type": "application/octet-stream", "Content-Length": size}
            _call(registry, "PUT", f"{place.path}?{query}digest={quote(digest)}", stream, headers)


class _Hashed:
    """A gzip stream that hashes what goes in and what comes out."""

    def __init__(self, out: io.BufferedWriter) -> None:
        self.out, self.size = out, 0
        self.inner, self.outer = hashlib.sha256(), hashlib.sha256()
        self.packer = zlib.compressobj(1, zlib.DEFLATED, 31)

    def write(self, data: bytes) -> int:
        self.inner.update(data)
        self._emit(self.packer.compress(data))
        return len(data)

    def finish(self) -> None:
        self._emit(self.packer.flush())

    def _emit(self, data: bytes) -> None:
        self.outer.update(data)
        self.size += len(data)
        self.out.write(data)


def add_tree(tar: tarfile.TarFile, folder: Path, prefix: str, skip: Iterable[str] = (), readable: bool = False) -> None:
    """Adds what is below `folder` at `prefix`, sorted, without times; `skip` are path prefixes or *endings.

    `readable` lets every user read it, and enter folders and run programs that their owner may.
    """
    heads = tuple(part for part in skip if not part.startswith("*"))
    tails = tuple(part[1:] for part in skip if part.startswith("*"))
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder).as_posix()
        if inner.startswith(heads) or (tails and inner.endswith(tails)):
            continue
        info = tar.gettarinfo(str(path), f"{prefix}{inner}")
        if info is None or info.ischr() or info.isblk() or info.isfifo():
            continue
        if readable:
            info.mode |= 0o444 | (0o111 if info.mode & 0o100 else 0)
        _add_info(tar, info, path)


def add_file(tar: tarfile.TarFile, path: Path, name: str, mode: int = 0o755) -> None:
    """Adds one file at `name`, with the folders above it."""
    parts = name.split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        folder = tarfile.TarInfo("/".join(parts[:depth]))
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
    info = tar.gettarinfo(str(path), name)
    info.mode = mode
    _add_info(tar, info, path)


def _add_info(tar: tarfile.TarFile, info: tarfile.TarInfo, path: Path) -> None:
    info.mtime, info.uid, info.gid, info.uname, info.gname = 0, 0, 0, "", ""
    if info.isreg():
        with path.open("rb") as stream:
            tar.addfile(info, stream)
    else:
        tar.addfile(info)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _json(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()


def _call(
    registry: str,
    method: str,
    path: str,
    body: bytes | io.BufferedReader | None = None,
    headers: dict[str, str] | None = None,
    missing_is_fine: bool = False,
) -> dict[str, str] | None:
    """One request to a registry; its headers, or None for a 404 that is fine. Raises RuntimeError on another error."""
    connection = http.client.HTTPConnection(registry, timeout=300)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 404 and missing_is_fine:
            return None
        if answer.status >= 400:
            raise RuntimeError(f"registry {registry}: {method} {path}: {answer.status} {text[:300]!r}")
        return {key.title(): value for key, value in answer.getheaders()}
    finally:
        connection.close()
