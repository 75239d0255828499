"""Signatures of cosign, verified with public keys alone: no network but the registry, no transparency log.

Two formats. The older one signs a payload of JSON that names the image's digest ("simple signing"); it stands under
the tag `sha256-<hex>.sig`. The newer one (cosign 3) is a bundle of sigstore with a DSSE envelope around an in-toto
statement; it refers to the image. Either signs one digest: that of the index where there are several platforms, which
names them all.

https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md, BUNDLE_SPEC.md and
https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Literal

from bus.image_digest import is_digest
from bus.image_reference import Reference

SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle"
"""the beginning of every version's media type"""
SIGNATURE = "dev.cosignproject.cosign/signature"
_TYPES = ("cosign container image signature", "https://sigstore.dev/cosign/sign/v1")
_PREDICATE = "https://sigstore.dev/cosign/sign/v1"
_STATEMENT = "application/vnd.in-toto+json"
_LEAST_RSA_BITS = 2048


class BadKey(ValueError):
    """Text that is no public key which cosign's signatures can be verified with; it is never shown."""


@dataclass(frozen=True)
class Signature:
    """A signature as a registry has it, `content` being what was signed or the whole bundle."""

    kind: Literal["simple", "bundle"]
    content: bytes
    signature: bytes = b""


@dataclass(frozen=True)
class Key:
    """A public key, and the images that it is for: globs of host/path, all images where there are none."""

    pem: str = field(repr=False)
    images: tuple[str, ...] = ()
    name: str = ""
    """what a message calls it: the file, or the place in the stack file"""

    def is_for(self, image: Reference) -> bool:
        """Tell whether the key may sign an image."""
        return not self.images or matches(image, self.images)


@dataclass(frozen=True)
class Policy:
    """Whose signature images must have; with `require` false a missing one is a warning."""

    keys: tuple[Key, ...]
    require: bool = True
    exempt: tuple[str, ...] = ()
    """globs of images that nobody signs"""

    def to_props(self) -> dict[str, Any]:
        """Return the same for a resource: public keys are no secret."""
        keys = [{"pem": key.pem, "images": list(key.images), "name": key.name} for key in self.keys]
        return {"keys": keys, "require": self.require, "exempt": list(self.exempt)}

    @classmethod
    def from_props(cls, props: dict[str, Any] | None) -> "Policy | None":
        """Read what `to_props` has written; None for a state of before, and where nothing is verified."""
        if not props:
            return None
        keys = tuple(Key(one["pem"], tuple(one["images"]), one["name"]) for one in props["keys"])
        return cls(keys, bool(props["require"]), tuple(props["exempt"]))


def matches(image: Reference, globs: Sequence[str]) -> bool:
    """Tell whether one of `globs` is for an image, its tag and digest apart."""
    place = f"{image.repository}/{image.name}"
    return any(fnmatchcase(place, glob) for glob in globs)


def check_key(pem: str) -> None:
    """Raise BadKey unless `pem` is a public key that can be used."""
    _verifier(pem)


def judge(image: Reference, digest: str, signatures: Sequence[Signature], policy: Policy) -> str:
    """Return why an image is not signed as the policy wants it; empty where it is."""
    if matches(image, policy.exempt):
        return ""
    keys = [key for key in policy.keys if key.is_for(image)]
    if not keys:
        return "no key of bus:images.verify is for it; name it in `images` of one, or in bus:images.verify.exempt"
    if not signatures:
        return f"is not signed: its registry has no signature of {digest}; cosign sign --key KEY {image.repository}/..."
    others = set[str]()
    for signature in signatures:
        for key in keys:
            signed = signed_digest(signature, key.pem)
            if signed == digest:
                return ""
            if signed:
                others.add(f"{key.name or 'a key'} signed {signed}")
    names = ", ".join(key.name or "a key without a name" for key in keys)
    if others:
        return f"is wrongly signed: {'; '.join(sorted(others))}, and it is {digest}"
    return f"is wrongly signed: none of its {len(signatures)} signature(s) is by {names}"


def signed_digest(signature: Signature, pem: str) -> str:
    """Return the digest of the image that a key has signed; empty where it has signed no image."""
    try:
        return _of_simple(signature, pem) if signature.kind == "simple" else _of_bundle(signature.content, pem)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ""  # JSON of something else, or no base64: whoever pushed it did not sign an image


def _of_simple(signature: Signature, pem: str) -> str:
    if not _is_by(pem, signature.signature, signature.content):
        return ""
    critical = json.loads(signature.content)["critical"]
    digest = critical["image"]["docker-manifest-digest"]
    return digest if critical["type"] in _TYPES and is_digest(digest) else ""


def _of_bundle(content: bytes, pem: str) -> str:
    envelope = json.loads(content)["dsseEnvelope"]
    payload, kind = _decoded(envelope["payload"]), envelope["payloadType"]
    # https://github.com/secure-systems-lab/dsse/blob/master/protocol.md#signature-definition
    signed = b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(payload), payload)
    if not any(_is_by(pem, _decoded(one["sig"]), signed) for one in envelope["signatures"]):
        return ""
    statement = json.loads(payload)
    # An SBOM or a provenance that the same key has signed says nothing of whether the image may run.
    if kind != _STATEMENT or statement["predicateType"] != _PREDICATE:
        return ""
    digests = [f"sha256:{subject['digest']['sha256']}" for subject in statement["subject"]]
    return digests[0] if len(digests) == 1 and is_digest(digests[0]) else ""


def simple(content: bytes, annotation: object) -> Signature:
    """Return a signature of the older format: what was signed, and the annotation beside it."""
    try:
        return Signature("simple", content, _decoded(annotation))
    except (ValueError, TypeError, AttributeError):
        return Signature("simple", content)


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("no base64") from None


@cache
def _verifier(pem: str) -> Any:
    """The public key of a PEM text; raises BadKey."""
    from cryptography.exceptions import UnsupportedAlgorithm  # a tenth of a second, that most runs do not need
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if "PRIVATE KEY" in pem:
        raise BadKey("is a private key: take it out of here, renew it, and give the public one (cosign public-key)")
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadKey("is no public key in PEM (-----BEGIN PUBLIC KEY-----)") from None
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    if isinstance(key, ed25519.Ed25519PublicKey) or (
        isinstance(key, rsa.RSAPublicKey) and key.key_size >= _LEAST_RSA_BITS
    ):
        return key
    raise BadKey(f"is no key that is verified here: ECDSA P-256, Ed25519, or RSA of {_LEAST_RSA_BITS} bits or more")


def _is_by(pem: str, signature: bytes, content: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding

    key = _verifier(pem)
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, content, ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, content)
        else:
            key.verify(signature, content, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True
