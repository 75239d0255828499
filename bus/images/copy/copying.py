"""Copying images from registry to registry: same bytes, same digests, only what is missing, each blob once."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from bus.images.copy.store import Store
from bus.images.manifests import Descriptor, NoPlatform, blobs, children, cosign_tags, referrers_tag, unique
from bus.images.registry.client import (
    INDEX,
    Damaged,
    Manifest,
    MissingImage,
    RegistryError,
    Unreadable,
    as_manifest,
    retrying,
)
from bus.images.registry.registries import ImageLocation

# An index of indexes is allowed, and made by nobody; each level may multiply what is asked for.
_DEEPEST = 4


@dataclass(frozen=True)
class CopyResult:
    """What a copy moved; `blobs`, `mounted` and `size_bytes` are 0 when everything was there."""

    digest: str
    blobs: int = 0
    mounted: int = 0
    """blobs that another image of the target registry had: shared, not sent"""
    size_bytes: int = 0
    referrers: int = 0
    """signatures, SBOMs and the like that came along"""

    def __add__(self, other: "CopyResult") -> "CopyResult":
        return CopyResult(
            self.digest,
            self.blobs + other.blobs,
            self.mounted + other.mounted,
            self.size_bytes + other.size_bytes,
            self.referrers + other.referrers,
        )


class Copying:
    """One delivery of any number of images; `copy` may be called from several threads.

    Manifests go last, so that an image which has one is whole: a copy may be cut off anywhere and repeated. What is
    shared between images is sent for the first of them and mounted for the others.
    """

    def __init__(self, pool: ThreadPoolExecutor, platforms: Sequence[str] = ()) -> None:
        self._pool = pool
        self._platforms = tuple(platforms)
        self._homes: dict[tuple[str, str], Future[str]] = {}
        """(registry, blob) -> the image that has it there, or will have once its upload ends"""
        self._tags: dict[tuple[str, str], frozenset[str] | None] = {}
        """(registry, image) -> its tags: one question instead of one for each tag that something may stand under"""
        self._lock = threading.Lock()

    def copy(self, source: ImageLocation, target: ImageLocation, tag: str = "") -> CopyResult:
        """Copies an image with its platforms and with all that refers to it, to its digest and `tag`.

        Raises MissingImage or RegistryError.
        """
        found = source.registry.manifest(source.name, source.version)
        return self._tree(source, target, found, tag or target.version)

    def _tree(self, source: ImageLocation, target: ImageLocation, top: Manifest, version: str) -> CopyResult:
        """An image or an index, under `version`; then what refers to any part of it."""
        found = parts(source.registry, source.name, top.digest, self._platforms, top)
        copied = CopyResult(top.digest)
        there = _has(target, version, top.digest)
        # An index that is there may be a sparse one, so that each of its parts is asked for.
        missing = [] if there and len(found) == 1 else [part for part in found if not _stored(target, part)]
        if missing or not there:
            wanted = unique(blob for part in missing for blob in blobs(part.described))
            sent = [self._pool.submit(self._blob, source, target, blob) for blob in wanted]
            try:
                copied = sum((blob.result() for blob in sent), copied)
            finally:
                for blob in sent:  # after a failure: what has not begun is left
                    blob.cancel()
            for part in (part for part in missing if part.digest != top.digest):
                target.registry.put_manifest(target.name, part.digest, part)
                _check_whole(target, part.digest, part)
            if not there:
                self._put_top(target, version, top)
        for part in found:
            copied += self._referrers(source, target, part.digest)
        return copied

    def _put_top(self, target: ImageLocation, version: str, top: Manifest) -> None:
        try:
            target.registry.put_manifest(target.name, version, top)
        except RegistryError as error:
            if not self._platforms or not top.described.get("manifests"):
                raise
            remedy = "take bus:delivery.platforms away, or have the registry allow sparse indexes"
            raise RegistryError(f"{error}; it wants every platform of an index ({remedy})") from None
        _check_whole(target, version, top)

    def _blob(self, source: ImageLocation, target: ImageLocation, blob: Descriptor) -> CopyResult:
        digest: str = blob["digest"]
        key = (target.registry.host, digest)
        if target.registry.has("blobs", target.name, digest):
            self.note(key, target.name)
            return CopyResult(digest)
        with self._claim(key, target.name) as home:
            if home is None:
                return _send(source, target, blob)
        if home == target.name:
            return CopyResult(digest)
        if target.registry.mount(target.name, digest, home):
            return CopyResult(digest, mounted=1)
        return _send(source, target, blob)  # a registry that shares nothing between images

    def note(self, key: tuple[str, str], name: str) -> None:
        """Remembers which image of the target registry has a blob, for others to share."""
        with self._lock:
            if key not in self._homes:
                self._homes[key] = Future()
                self._homes[key].set_result(name)

    @contextmanager
    def _claim(self, key: tuple[str, str], name: str) -> Iterator[str | None]:
        """The image that has the blob `key`; None where `name` is to send it before the context ends."""
        while True:
            with self._lock:
                home = self._homes.get(key)
                if home is None:
                    mine = self._homes[key] = Future()
                    break
            if home.exception() is None:
                yield home.result()
                return
        try:
            yield None
        except BaseException as error:
            with self._lock:
                del self._homes[key]  # whoever waited for it sends it
            mine.set_exception(error)
            raise
        mine.set_result(name)

    def _referrers(self, source: ImageLocation, target: ImageLocation, digest: str) -> CopyResult:
        """Signatures, SBOMs and attestations of one manifest, as OCI 1.1 lists them and as cosign tags them."""
        copied = CopyResult(digest)
        theirs = self._listed(source, digest)
        for entry in theirs:
            if not target.registry.has("manifests", target.name, entry["digest"]):
                manifest = source.registry.manifest(source.name, entry["digest"])
                copied += self._tree(source, target, manifest, manifest.digest) + CopyResult(digest, referrers=1)
        ours = self._listed(target, digest) if theirs else []
        both = unique([*ours, *theirs])
        if len(both) > len(ours):  # a registry that keeps no list by itself is given one
            index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": both}
            target.registry.put_manifest(target.name, referrers_tag(digest), as_manifest(index))
        for tag in cosign_tags(digest):
            found = self._tagged(source, tag, digest)
            if found and not _has(target, tag, found.digest):
                copied += self._tree(source, target, found, tag) + CopyResult(digest, referrers=1)
        return copied

    def _listed(self, source: ImageLocation, digest: str) -> list[Descriptor]:
        """What refers to a manifest, by the registry's own list or by the tag that stands for it."""
        listed = source.registry.referrers(source.name, digest)
        if listed is not None:
            return list(listed)
        found = self._tagged(source, referrers_tag(digest), digest)
        return children(found.described) if found and found.media_type == INDEX else []

    def _tagged(self, source: ImageLocation, tag: str, subject: str) -> Manifest | None:
        """The manifest under a tag that tells of `subject`, where there is one; most images have none of these tags.

        GitLab's registry takes the tag `sha256-<hex>` for the digest, and answers the subject itself
        (oras-project/oras-go#1396).
        """
        key = (source.registry.host, source.name)
        if key not in self._tags:
            self._tags[key] = source.registry.tags(source.name)
        known = self._tags[key]
        if known is not None and tag not in known:
            return None
        try:
            found = source.registry.manifest(source.name, tag)
        except MissingImage:
            return None
        return None if found.digest == subject else found


def parts(
    store: Store,
    name: str,
    digest: str,
    platforms: Sequence[str] = (),
    top: Manifest | None = None,
    depth: int = _DEEPEST,
) -> list[Manifest]:
    """Every manifest of an image, children before the index that names them; raises RegistryError."""
    if not depth:
        raise RegistryError(f"{store.host}/{name}@{digest}: indexes within indexes, more than {_DEEPEST} deep")
    top = top or store.manifest(name, digest)
    try:
        below = children(top.described, platforms)
    except NoPlatform as error:
        raise RegistryError(f"{store.host}/{name}@{digest} {error}") from None
    found = [part for child in below for part in parts(store, name, child["digest"], platforms, None, depth - 1)]
    return [*found, top]


def _send(source: ImageLocation, target: ImageLocation, blob: Descriptor) -> CopyResult:
    """Sends a blob; a cut on the way to the target begins it anew, one on the way from the source goes on."""
    digest, size = str(blob["digest"]), int(blob["size"])
    for attempt in retrying():
        with attempt:
            content = _no_more(
                source.registry.blob(source.name, digest), size, f"{source.registry.host}: blob {digest}"
            )
            target.registry.put_blob(target.name, digest, size, content)
    return CopyResult(digest, blobs=1, size_bytes=size)


def _no_more(pieces: Iterator[bytes], size: int, what: str) -> Iterator[bytes]:
    """The same pieces; raises RegistryError once they are more than the manifest says."""
    done = 0
    for piece in pieces:
        done += len(piece)
        if done > size:
            raise RegistryError(f"{what} has more than the {size} bytes that its manifest says")
        yield piece


def _stored(place: ImageLocation, part: Manifest) -> bool:
    return place.registry.has("manifests", place.name, part.digest)


def _has(place: ImageLocation, version: str, digest: str) -> bool:
    """Whether `version` stands for `digest` in the target."""
    try:
        return place.registry.digest(place.name, version) == digest
    except (MissingImage, Unreadable):
        return False


def _check_whole(target: ImageLocation, version: str, manifest: Manifest) -> None:
    """Reads what was stored: what a full disk let a registry write in part, it does not write again. Raises Damaged."""
    try:
        whole = target.registry.manifest(target.name, version).digest == manifest.digest
    except Unreadable:
        whole = False
    if not whole:
        raise Damaged(
            f"{target.registry.host}/{target.name}: the registry took manifest {manifest.digest} and does not give it "
            "back whole: its disk was full once, and kept a part; take that file away (in a registry of distribution "
            f"below docker/registry/v2/blobs/sha256/{manifest.digest[7:9]}), or have its garbage collected, and repeat"
        )
