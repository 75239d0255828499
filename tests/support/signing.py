"""Signatures in cosign's two formats, made with keys of a test's own; recorded ones of cosign itself are in cosign/."""

import base64
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from bus.images.manifests import INDEX, referrers_tag
from bus.images.signatures.cosign import SIGNATURE, SIMPLE
from tests.support.stores import Store

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
STATEMENT, SIGN = "application/vnd.in-toto+json", "https://sigstore.dev/cosign/sign/v1"


class Signer:
    """Whoever has a private key."""

    def __init__(self, kind: str = "ecdsa") -> None:
        making: dict[str, Callable[[], Any]] = {
            "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
            "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
            "ed25519": ed25519.Ed25519PrivateKey.generate,
            "rsa": lambda: rsa.generate_private_key(65537, 2048),
            "rsa1024": lambda: rsa.generate_private_key(65537, 1024),
        }
        self._key = making[kind]()

    @property
    def pem(self) -> str:
        """The public key."""
        encoding, kind = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return str(self._key.public_key().public_bytes(encoding, kind).decode())

    @property
    def private(self) -> str:
        """The private key, which nobody may be given."""
        kind, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return str(self._key.private_bytes(serialization.Encoding.PEM, kind, none).decode())

    def sign(self, content: bytes) -> bytes:
        """A signature of bytes."""
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(content, ec.ECDSA(hashes.SHA256()))
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(content)
        return bytes(self._key.sign(content, padding.PKCS1v15(), hashes.SHA256()))

    def simple(self, store: Store, digest: str, of: str = "", **critical: Any) -> None:
        """Puts a signature in the older format beside an image; `of` is the digest that it names."""
        image = {"docker-manifest-digest": of or digest}
        about = {"identity": {"docker-reference": "r.io/a"}, "image": image, "type": "cosign container image signature"}
        content = json.dumps({"critical": about | critical, "optional": None}).encode()
        annotation = base64.b64encode(self.sign(content)).decode()
        layer = {**store.blob(content), "mediaType": SIMPLE, "annotations": {SIGNATURE: annotation}}
        store.put(tag=f"{referrers_tag(digest)}.sig", config=store.blob(b"{}"), layers=[layer])

    def bundle(self, store: Store, digest: str, of: str = "", kind: str = STATEMENT, **statement: Any) -> None:
        """The same in the newer format."""
        subject = [{"name": "", "digest": {"sha256": (of or digest).removeprefix("sha256:")}}]
        about = {"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": SIGN, "predicate": {}}
        payload = json.dumps(about | statement).encode()
        signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
        signatures = [{"sig": base64.b64encode(self.sign(signed)).decode()}]
        envelope = {"payload": base64.b64encode(payload).decode(), "payloadType": kind, "signatures": signatures}
        layer = {
            **store.blob(json.dumps({"mediaType": BUNDLE, "dsseEnvelope": envelope}).encode()),
            "mediaType": BUNDLE,
        }
        made = store.put(
            artifactType=BUNDLE, config=store.blob(b"{}"), layers=[layer], subject={"digest": digest, "size": 1}
        )
        store.put(INDEX, referrers_tag(digest), manifests=[{**made, "artifactType": BUNDLE}])
