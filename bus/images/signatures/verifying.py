"""Asking registries for the signatures of many images: in parallel, every answer, nothing raised."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bus.config.parsing import parse as parse_record
from bus.config.stack_file import NAMESPACE, Images
from bus.errors import Problem
from bus.image_reference import parse
from bus.images.manifests import INDEX, Descriptor, referrers_tag
from bus.images.registry.client import Manifest, MissingImage, RegistryError
from bus.images.registry.credentials import BadCredentials
from bus.images.registry.lookup import Found
from bus.images.registry.registries import ImageLocation, Registries
from bus.images.signatures import cosign
from bus.images.signatures.cosign import BUNDLE, SIGNATURE, SIMPLE, BadKey, Key, Policy, Signature

_AT_ONCE = 8
# A payload has some 300 bytes, a bundle with a certificate and a log entry some 10 kB.
_LARGEST_BYTES = 1 << 20
# An image has one signature, or a few; each of them is a request.
_MOST = 50


def policy(images: Images, root: Path) -> Policy | None:
    """Return what the stack file wants of signatures, its keys read from the project's folder; None for nothing.

    A key that cannot be used, of which `problems` tells, verifies nothing.
    """
    if images.verify is None:
        return None
    keys = tuple(Key(_pem(one.key, root), one.images, _name(one.key, n)) for n, one in enumerate(images.verify.keys))
    return Policy(keys, images.verify.require, images.verify.exempt)


def problems(file: str, images: Images, root: Path) -> list[Problem]:
    """Return keys of the stack file that nothing can be verified with; the text of one is never shown."""
    found = []
    for number, key in enumerate(images.verify.keys if images.verify else ()):
        text, shown = _pem(key.key, root), None if _is_pem(key.key) else key.key
        try:
            cosign.check_key(text) if text else _unreadable()
        except BadKey as error:
            found.append(Problem(file, f"{NAMESPACE}:images.verify.keys[{number}]", shown, str(error)))
    return found


def of_config(config: Mapping[str, Any], root: Path) -> Policy | None:
    """Return the policy of a stack file's `config:` in a checkout; raise BadKey where it has one that is unusable."""
    images, wrong = parse_record(Images, config.get(f"{NAMESPACE}:images") or {}, "")
    if images is None:
        raise BadKey(f"bus:images cannot be read: {wrong[0]}")
    if faults := problems("the stack file", images, root):
        raise BadKey(str(faults[0]))
    return policy(images, root)


def unsigned(found: Found, registries: Registries, wanted: Policy | None) -> dict[str, str]:
    """Return why each image is not signed as the policy wants it; an image that could not be looked up is among them.

    What its registry lacks is not: that is said in its own words.
    """
    if wanted is None:
        return {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = {
            image: pool.submit(_judged, image, digest, registries, wanted) for image, digest in found.digests.items()
        }
    wrong = {image: answer.result() for image, answer in asked.items()}
    for image, reason in found.unknown.items():
        if not cosign.matches(parse(image), wanted.exempt):
            wrong[image] = f"cannot be verified: {reason}"
    return {image: reason for image, reason in sorted(wrong.items()) if reason}


def _judged(image: str, digest: str, registries: Registries, wanted: Policy) -> str:
    reference = parse(image)
    if cosign.matches(reference, wanted.exempt):
        return ""
    try:
        place = registries.place(reference)
        return cosign.judge(reference, digest, list(of_image(place, digest)), wanted)
    except (RegistryError, BadCredentials) as error:
        return f"cannot be verified: {error}"


def of_image(place: ImageLocation, digest: str) -> Iterator[Signature]:
    """Return every signature that a registry has of a digest, in either format; raises RegistryError."""
    old = _tagged(place, f"{referrers_tag(digest)}.sig", digest)
    if old:
        yield from _in(place, old)
    for entry in _referring(place, digest)[:_MOST]:
        kind = str(entry.get("artifactType") or "")
        if kind and not kind.startswith(BUNDLE) and "cosign" not in kind:
            continue  # an SBOM, and so on
        yield from _in(place, place.registry.manifest(place.name, entry["digest"]))


def _in(place: ImageLocation, manifest: Manifest) -> Iterator[Signature]:
    """Each signature of a manifest of signatures."""
    for layer in (manifest.described.get("layers") or [])[:_MOST]:
        kind = str(layer.get("mediaType") or "")
        if not (kind == SIMPLE or kind.startswith(BUNDLE)) or layer["size"] > _LARGEST_BYTES:
            continue
        content = _content(place, layer)
        if kind == SIMPLE:
            yield cosign.simple(content, (layer.get("annotations") or {}).get(SIGNATURE))
        else:
            yield Signature("bundle", content)


def _content(place: ImageLocation, layer: Descriptor) -> bytes:
    content = b""
    for piece in place.registry.blob(place.name, layer["digest"]):
        content += piece
        if len(content) > layer["size"]:
            raise RegistryError(f"{place}: blob {layer['digest']} has more bytes than its manifest says")
    return content


def _referring(place: ImageLocation, digest: str) -> list[Descriptor]:
    """What refers to a digest, by the registry's own list or by the tag that stands for it."""
    listed = place.registry.referrers(place.name, digest)
    if listed is not None:
        return list(listed)
    found = _tagged(place, referrers_tag(digest), digest)
    return list(found.described.get("manifests") or []) if found and found.media_type == INDEX else []


def _tagged(place: ImageLocation, tag: str, subject: str) -> Manifest | None:
    """The manifest under a tag; GitLab's registry answers some of them with the subject itself."""
    try:
        found = place.registry.manifest(place.name, tag)
    except MissingImage:
        return None
    return None if found.digest == subject else found


def _is_pem(text: str) -> bool:
    return "-----BEGIN" in text


def _pem(text: str, root: Path) -> str:
    if _is_pem(text):
        return text
    try:
        return (root / text).read_text()
    except (OSError, UnicodeDecodeError, ValueError):
        return ""


def _name(text: str, number: int) -> str:
    return f"bus:images.verify.keys[{number}]" if _is_pem(text) else text


def _unreadable() -> None:
    raise BadKey("cannot be read: name a file with a public key, from the project's folder, or write the key itself")
