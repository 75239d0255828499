"""What a manifest names: platforms of an index, blobs of an image, and what refers to it.

https://github.com/opencontainers/image-spec/blob/main/image-index.md and manifest.md
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bus.image_digest import is_digest

INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
Descriptor = Mapping[str, Any]
# Where BuildKit says which image of an index its attestations belong to.
_BELONGS_TO = "vnd.docker.reference.digest"
# cosign's own tags of signatures, attestations and SBOMs, older than the referrers of OCI 1.1.
_COSIGN = (".sig", ".att", ".sbom")


class NoPlatform(ValueError):
    """An index that lacks a platform which is asked of it."""


class BadManifest(ValueError):
    """Content in the place of a manifest that is none, or names something by what is no digest."""


def read(content: bytes) -> dict[str, Any]:
    """Return a manifest or index read as JSON, once everything that it names has a digest and a size.

    Raises BadManifest. What is read here is used as it is: a digest becomes a path, a size a limit.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise BadManifest("is no JSON") from None
    if not isinstance(found, dict):
        raise BadManifest("is no manifest: not an object of JSON")
    for key in ("manifests", "layers"):
        entries = [] if found.get(key) is None else found[key]
        if not isinstance(entries, list):
            raise BadManifest(f"{key} is no list")
        for number, entry in enumerate(entries):
            _check(entry, f"{key}[{number}]")
    for key in ("config", "subject"):
        if found.get(key) is not None:
            _check(found[key], key)
    return found


def _check(entry: object, where: str) -> None:
    if not isinstance(entry, dict) or not is_digest(entry.get("digest")):
        shown = str(entry.get("digest") if isinstance(entry, dict) else entry)[:100]
        raise BadManifest(f"{where}.digest = {shown!r} is no digest: sha256: and 64 hexadecimal digits")
    size = entry.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise BadManifest(f"{where}.size = {str(size)[:40]!r} is no number of bytes")
    for key in ("annotations", "platform"):
        if not isinstance(entry.get(key) or {}, dict):
            raise BadManifest(f"{where}.{key} is no object")
    if not isinstance(entry.get("urls") or [], list):
        raise BadManifest(f"{where}.urls is no list")


def children(described: Mapping[str, Any], platforms: Sequence[str] = ()) -> list[Descriptor]:
    """The manifests that an index names: all of them, or those of `platforms` with what belongs to them.

    A platform is os/architecture or os/architecture/variant. Raises NoPlatform.
    """
    listed: list[Descriptor] = list(described.get("manifests") or [])
    if not listed or not platforms:
        return listed
    kept, missing = [], []
    for platform in platforms:
        found = [entry for entry in listed if platform in _names(entry)]
        kept += found
        missing += [] if found else [platform]
    if missing:
        there = sorted({max(names, key=len) for entry in listed if (names := _names(entry))})
        raise NoPlatform(f"has no platform {', '.join(missing)}; it has {', '.join(there) or 'none'}")
    digests = {entry["digest"] for entry in kept}
    belonging = [entry for entry in listed if (entry.get("annotations") or {}).get(_BELONGS_TO) in digests]
    return unique([*kept, *belonging])


def blobs(described: Mapping[str, Any]) -> list[Descriptor]:
    """The blobs of an image, each once; a layer that its licence keeps outside of registries is not among them."""
    config = [described["config"]] if "config" in described else []
    return unique(entry for entry in [*config, *(described.get("layers") or [])] if not entry.get("urls"))


def unique(entries: Iterable[Descriptor]) -> list[Descriptor]:
    """Descriptors without repeats, in their order."""
    return list({entry["digest"]: entry for entry in entries}.values())


def referrers_tag(digest: str) -> str:
    """The tag that lists a manifest's referrers in a registry without a list of its own (OCI distribution 1.1)."""
    return digest.replace(":", "-")


def cosign_tags(digest: str) -> list[str]:
    """The tags under which cosign would have put something about a manifest."""
    return [f"{referrers_tag(digest)}{ending}" for ending in _COSIGN]


def _names(entry: Descriptor) -> set[str]:
    platform = entry.get("platform") or {}
    short = f"{platform.get('os')}/{platform.get('architecture')}"
    if not platform or "unknown" in short:
        return set()
    return {short, f"{short}/{platform['variant']}"} if platform.get("variant") else {short}
