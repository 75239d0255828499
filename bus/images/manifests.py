"""What a manifest names: platforms of an index, blobs of an image, and what refers to it. Pure.

https://github.com/opencontainers/image-spec/blob/main/image-index.md and manifest.md
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Descriptor = Mapping[str, Any]
# Where BuildKit says which image of an index its attestations belong to.
_BELONGS_TO = "vnd.docker.reference.digest"
# cosign's own tags of signatures, attestations and SBOMs, older than the referrers of OCI 1.1.
_COSIGN = (".sig", ".att", ".sbom")


class NoPlatform(ValueError):
    """An index that lacks a platform which is asked of it."""


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
