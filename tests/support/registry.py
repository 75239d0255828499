"""Debian's docker-registry on loopback, and images made here: several layers, several platforms, referrers."""

import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bus.images.registry.client import INDEX, Manifest, Registry, digest_of
from bus.images.registry.registries import Access
from sandbox.images.build import compiled
from tests.support.processes import Server, free_port, running

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"
# htpasswd of users `bus` and `nodes` with the passwords below: docker-registry takes bcrypt only, and the standard
# library of newer Pythons makes none.
HTPASSWD = "bus:$2y$05$EnSlCaV0yfHBIR1bdcGrkunnm4E2rhVONys1NzD.6WT6fY1SNlSgi\n"
PULL_HTPASSWD = "nodes:$2y$05$EnSlCaV0yfHBIR1bdcGrkuRBUw6Hq/Y2PhdWpUbOuUNQPh5CaMkrS\n"
USER, PASSWORD = "bus", "s3cret-9"
PULL_USER, PULL_PASSWORD = "nodes", "p0ll-only-7"


@dataclass
class Running:
    """A registry that answers at `host`; its access log tells what was asked of it."""

    host: str
    server: Server
    folder: Path
    access: Access = field(default_factory=lambda: Access(insecure=True))

    def client(self, cut_seconds: float = 30) -> Registry:
        """A client without credentials."""
        return Registry(self.host, insecure=True, cut_seconds=cut_seconds)

    def requests(self) -> list[str]:
        """Every request so far, as `GET /v2/... status`, from the access log."""
        lines = self.server.log.read_text(errors="replace")
        return [f"{m[1]} {m[2]} {m[3]}" for m in re.finditer(r'"([A-Z]+) (/v2/\S*) HTTP/[\d.]+" (\d+)', lines)]

    def blob_bytes(self) -> int:
        """What the blobs on its disk weigh."""
        found = (self.folder / "docker/registry/v2/blobs").rglob("data")
        return sum(file.stat().st_size for file in found)


@contextmanager
def registry(
    folder: Path,
    *,
    htpasswd: bool = False,
    storage: Path | None = None,
    auth: dict[str, Any] | None = None,
    sparse: bool = False,
) -> Iterator[Running]:
    """A registry of its own, with its data below `folder` (or at `storage`).

    With `sparse` it is one of distribution 3 that takes an index without all that it names; 2.8 has no such setting.
    """
    folder.mkdir(parents=True, exist_ok=True)
    host, data = f"127.0.0.1:{free_port()}", storage or folder / "data"
    config: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": False}},
        "storage": {"filesystem": {"rootdirectory": str(data)}, "delete": {"enabled": True}},
        "http": {"addr": host},
    }
    if htpasswd:
        (folder / "htpasswd").write_text(HTPASSWD)
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
    if auth:
        config["auth"] = auth
    if sparse:
        config["validation"] = {"manifests": {"indexes": {"platforms": "none"}}}
    (folder / "config.yaml").write_text(json.dumps(config))

    def ready() -> bool:
        try:
            return httpx.get(f"http://{host}/v2/").status_code in (200, 401)
        except httpx.HTTPError:
            return False

    binary = compiled("distribution") if sparse else "docker-registry"
    command: list[str | Path] = [binary, "serve", folder / "config.yaml"]
    with running(command, ready, folder / "log") as server:
        yield Running(host, server, data)


@dataclass
class Maker:
    """Pushes images of seeded random bytes, so that two makers of one seed make the same ones."""

    client: Registry
    seed: int = 0

    def blob(self, name: str, size: int, key: str) -> dict[str, Any]:
        """A layer of `size` bytes that depends on `key` alone."""
        content = random.Random(f"{self.seed} {key}").randbytes(size)
        return self._put(name, content, LAYER)

    def image(self, name: str, tag: str, layers: list[dict[str, Any]], **more: Any) -> Manifest:
        """One platform's image; `more` goes into its manifest."""
        config = self._put(name, json.dumps({"architecture": "amd64", "os": "linux", "tag": tag}).encode(), CONFIG)
        body = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers, **more}
        return self.manifest(name, tag, body)

    def index(self, name: str, tag: str, images: dict[str, Manifest]) -> Manifest:
        """An image of several platforms, `images` by os/architecture."""
        entries = [
            {**_descriptor(image), "platform": dict(zip(("os", "architecture"), platform.split("/"), strict=True))}
            for platform, image in images.items()
        ]
        return self.manifest(name, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})

    def manifest(self, name: str, version: str, body: dict[str, Any]) -> Manifest:
        """Any manifest under a tag, or under its digest where `version` is empty."""
        content = json.dumps(body).encode()
        manifest = Manifest(content, body["mediaType"], digest_of(content))
        self.client.put_manifest(name, version or manifest.digest, manifest)
        return manifest

    def signature(self, name: str, subject: Manifest, text: str) -> Manifest:
        """A referrer as OCI 1.1 wants it, listed under the fallback tag: docker-registry 2.8 has no list of its own."""
        body = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": "application/vnd.example.signature",
            "config": self._put(name, b"{}", EMPTY),
            "layers": [self._put(name, text.encode(), "text/plain")],
            "subject": _descriptor(subject),
        }
        made = self.manifest(name, "", body)
        tag = subject.digest.replace(":", "-")
        entry = {**_descriptor(made), "artifactType": body["artifactType"]}
        self.manifest(name, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]})
        return made

    def _put(self, name: str, content: bytes, media_type: str) -> dict[str, Any]:
        digest = digest_of(content)
        if not self.client.has("blobs", name, digest):
            self.client.put_blob(name, digest, len(content), iter([content]))
        return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _descriptor(manifest: Manifest) -> dict[str, Any]:
    return {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.content)}
