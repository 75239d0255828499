"""Copying an image from one registry to another: same bytes, same digests, only what is missing."""

import json
from dataclasses import dataclass
from typing import Any

from bus.images.registry import Manifest, Registry


@dataclass(frozen=True)
class Place:
    """An image in a registry: the path of its API calls, and a tag or digest."""

    registry: Registry
    name: str
    version: str


@dataclass(frozen=True)
class Copied:
    """What a copy moved; `blobs` and `size_bytes` are 0 when everything was there."""

    digest: str
    blobs: int
    size_bytes: int


def copy(source: Place, target: Place) -> Copied:
    """Copies an image with every platform of it; safe to cut off and repeat, since manifests go last.

    Raises MissingImage or RegistryError.
    """
    manifest = source.registry.manifest(source.name, source.version)
    blobs, size = _content(source, target, manifest)
    target.registry.put_manifest(target.name, target.version, manifest)
    return Copied(manifest.digest, blobs, size)


def _content(source: Place, target: Place, manifest: Manifest) -> tuple[int, int]:
    """What `manifest` names: of an index its manifests, of a manifest its blobs."""
    described: dict[str, Any] = json.loads(manifest.content)
    count, total = 0, 0
    for child in described.get("manifests", []):
        below = source.registry.manifest(source.name, child["digest"])
        blobs, size = _content(source, target, below)
        if not target.registry.has("manifests", target.name, below.digest):
            target.registry.put_manifest(target.name, below.digest, below)
        count, total = count + blobs, total + size
    config = [described["config"]] if "config" in described else []
    for blob in {entry["digest"]: entry for entry in [*config, *described.get("layers", [])]}.values():
        # A layer kept outside of the registry by its licence is named by urls and was never pushed.
        if blob.get("urls") or target.registry.has("blobs", target.name, blob["digest"]):
            continue
        content = source.registry.blob(source.name, blob["digest"])
        target.registry.put_blob(target.name, blob["digest"], blob["size"], content)
        count, total = count + 1, total + int(blob["size"])
    return count, total
