"""Images in a folder: https://github.com/opencontainers/image-spec/blob/main/image-layout.md"""

import hashlib
import json
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from bus.image_digest import BadDigest, checked, digest_of
from bus.images.manifests import BadManifest, read
from bus.images.registry.client import IMAGE, INDEX, Manifest, MissingImage, RegistryError

_NAME = "org.opencontainers.image.ref.name"
_PIECE_BYTES = 1 << 20


class Layout:
    """A folder of blobs by digest, and index.json with the images' names; safe to use from several threads.

    `elsewhere` are digests of blobs that whoever gets the folder has already, so that they are left out of it.
    """

    def __init__(self, folder: Path, elsewhere: Collection[str] = ()) -> None:
        self.folder, self.host = folder, str(folder)
        self._elsewhere = frozenset(elsewhere)
        self._lock = threading.Lock()
        self._index = folder / "index.json"
        self._blobs = folder / "blobs/sha256"
        self._blobs.mkdir(parents=True, exist_ok=True)
        if not self._index.exists():
            (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}\n')
            self._write([])

    def digest(self, name: str, version: str) -> str:
        """The digest of an image; raises MissingImage."""
        return str(self._entry(name, version)["digest"])

    def manifest(self, name: str, version: str) -> Manifest:
        """A manifest by tag or digest, with its media type; raises MissingImage."""
        digest = version if ":" in version else self.digest(name, version)
        try:
            content = self._path(digest).read_bytes()
        except FileNotFoundError:
            raise MissingImage(f"{self.folder}: {name}@{digest} is not in it") from None
        if digest_of(content) != digest:
            raise RegistryError(f"{self.folder}: {name}@{digest}: the file has content of digest {digest_of(content)}")
        try:
            described = read(content)
        except BadManifest as error:
            raise RegistryError(f"{self.folder}: {name}@{digest}: {error}") from None
        media_type = str(described.get("mediaType") or (INDEX if "manifests" in described else IMAGE))
        return Manifest(content, media_type, digest)

    def has(self, kind: str, name: str, version: str) -> bool:
        """Whether a manifest is here, or a blob here or elsewhere."""
        if kind == "blobs":
            return version in self._elsewhere or self._path(version).exists()
        try:
            return self._path(self._entry(name, version)["digest"]).exists()
        except MissingImage:
            return False

    def put_manifest(self, name: str, version: str, manifest: Manifest) -> bool:
        """Stores a manifest; one under a tag gets its name in index.json. A folder keeps no list of referrers."""
        work = self._part(manifest.digest)
        work.write_bytes(manifest.content)
        work.rename(self._path(manifest.digest))
        if ":" not in version:
            full = f"{name}:{version}"
            entry = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.content)}
            with self._lock:
                others = [known for known in self._read() if known["annotations"][_NAME] != full]
                self._write([*others, {**entry, "annotations": {_NAME: full}}])
        return False

    def referrers(self, name: str, digest: str) -> list[dict[str, Any]] | None:
        """None: what refers to an image stands under the tag that OCI has for registries without such a list."""
        return None

    def tags(self, name: str) -> frozenset[str] | None:
        """Every tag of an image."""
        full = (entry["annotations"][_NAME].rpartition(":") for entry in self._read())
        return frozenset(tag for image, _, tag in full if image == name)

    def blob(self, name: str, digest: str) -> Iterator[bytes]:
        """A blob's content in pieces; raises MissingImage."""
        try:
            with self._path(digest).open("rb") as stream:
                while piece := stream.read(_PIECE_BYTES):
                    yield piece
        except FileNotFoundError:
            raise MissingImage(
                f"{name}: blob {digest} is in no part of the bundle; load the earlier one first"
            ) from None

    def put_blob(self, name: str, digest: str, size: int, content: Iterator[bytes]) -> None:
        """Stores a blob in one step; raises RegistryError for content of another digest."""
        seen, work = hashlib.sha256(), self._part(digest)
        with work.open("wb") as out:
            for piece in content:
                seen.update(piece)
                out.write(piece)
        if f"sha256:{seen.hexdigest()}" != digest:
            work.unlink()
            raise RegistryError(f"{name}: blob {digest}: its registry sent content of digest sha256:{seen.hexdigest()}")
        work.rename(self._path(digest))

    def mount(self, name: str, digest: str, other: str) -> bool:
        """True: all images of a folder share their blobs."""
        return True

    def _entry(self, name: str, version: str) -> dict[str, Any]:
        if ":" in version:
            if not self._path(version).exists():
                raise MissingImage(f"{self.folder}: {name}@{version} is not in it")
            return {"digest": version}
        found = next((entry for entry in self._read() if entry["annotations"][_NAME] == f"{name}:{version}"), None)
        if found is None:
            raise MissingImage(f"{self.folder}: {name}:{version} is not in it")
        return found

    def _path(self, digest: str) -> Path:
        """The file of a blob; whoever made the folder, it is in it."""
        try:
            return self._blobs / checked(digest, str(self.folder)).removeprefix("sha256:")
        except BadDigest as error:
            raise RegistryError(str(error)) from None

    def _part(self, digest: str) -> Path:
        """Where a thread writes what it renames once it is whole."""
        return self._path(digest).with_suffix(f".{threading.get_ident()}.part")

    def _read(self) -> list[dict[str, Any]]:
        try:
            entries = list(read(self._index.read_bytes())["manifests"])
            if all(isinstance(entry["annotations"][_NAME], str) for entry in entries):
                return entries
        except (BadManifest, KeyError, TypeError) as error:
            reason = f": {error}" if isinstance(error, BadManifest) else ""
            raise RegistryError(f"{self._index} is no index of a layout{reason}") from None
        raise RegistryError(f"{self._index} is no index of a layout: an image has no name")

    def _write(self, manifests: list[dict[str, Any]]) -> None:
        ordered = sorted(manifests, key=lambda entry: str(entry["annotations"][_NAME]))
        work = self._index.with_suffix(".part")
        work.write_text(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": ordered}, indent=1))
        work.rename(self._index)
