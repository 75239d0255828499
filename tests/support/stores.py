"""A registry in memory, as a toy server answers it."""

import json
from typing import Any

from bus.image_digest import digest_of
from bus.images.manifests import IMAGE
from tests.support.toys import Answering, Asked


class Store:
    """A registry of manifests and blobs in memory; `referrers` is what it answers to the call of that name."""

    def __init__(self, referrers: Answering = (404, {}, b""), gitlab: bool = False, tags: int = 0) -> None:
        self.manifests: dict[str, bytes] = {}
        self.blobs: dict[str, bytes] = {}
        self._referrers, self._gitlab, self._tags = referrers, gitlab, tags

    def put(self, kind: str = IMAGE, tag: str = "", **described: Any) -> dict[str, Any]:
        content = json.dumps({"schemaVersion": 2, "mediaType": kind, **described}).encode()
        self.manifests[digest_of(content)] = content
        if tag:
            self.manifests[tag] = content
        return {"mediaType": kind, "digest": digest_of(content), "size": len(content)}

    def blob(self, content: bytes) -> dict[str, Any]:
        self.blobs[digest_of(content)] = content
        return {"mediaType": "x", "digest": digest_of(content), "size": len(content)}

    def answer(self, asked: Asked) -> Answering:
        path, _, last = asked.path.rpartition("/")
        if "/referrers/" in asked.path:
            return self._referrers
        if "/tags/" in asked.path:
            tags = [tag for tag in self.manifests if ":" not in tag] + [f"t{n}" for n in range(self._tags)]
            return 200, {}, json.dumps({"tags": tags[:100]}).encode()
        if asked.method == "POST":
            return 202, {"Location": "/v2/a/blobs/uploads/1"}, b""
        if asked.method == "PUT":
            if "uploads" in path:
                self.blob(asked.body)
            else:
                self.manifests |= {last: asked.body, digest_of(asked.body): asked.body}
            return 201, {}, b""
        if self._gitlab and last.startswith("sha256-") and len(last) == 71:
            last = last.replace("-", ":")
        content = (self.blobs if path.endswith("blobs") else self.manifests).get(last)
        if content is None:
            return 404, {}, b""
        kind = json.loads(content)["mediaType"] if path.endswith("manifests") else "application/octet-stream"
        return 200, {"Content-Type": kind, "Docker-Content-Digest": digest_of(content)}, content
