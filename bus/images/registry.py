"""One registry of the OCI distribution API, over httpx: https://github.com/opencontainers/distribution-spec/blob/main/spec.md"""

import hashlib
import json
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from bus.errors import Mendable
from bus.images.login import Challenged, Login

INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
_MANIFESTS = (
    INDEX,
    IMAGE,
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_ACCEPT = {"Accept": ", ".join(_MANIFESTS)}
_PIECE_BYTES = 1 << 20
_ATTEMPTS = 7
# What is Unreadable stays so, or is sent.
_GLANCES = 3
# The least that registries in use cut a list at.
_TAGS_AT_ONCE = 100


class RegistryError(Mendable):
    """A registry that answers with an error; the message names image, registry and status."""


class NoAnswer(RegistryError):
    """A registry that cannot be reached, was cut off, or says that it is overloaded: worth another try."""


class Unreadable(NoAnswer):
    """A registry that fails over one thing it is asked for, as a full disk leaves it: an empty link to a blob."""


class Damaged(RegistryError):
    """A registry that takes a manifest and does not give it back: part of it is on its disk, and stays there."""


class MissingImage(RegistryError):
    """An image that its registry does not have."""


@dataclass(frozen=True)
class Manifest:
    """A manifest or an index as it is stored, byte for byte."""

    content: bytes
    media_type: str
    digest: str

    @property
    def described(self) -> dict[str, Any]:
        """The content read as JSON."""
        found: dict[str, Any] = json.loads(self.content)
        return found


def digest_of(content: bytes) -> str:
    """The name of `content` in any registry."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def as_manifest(described: Mapping[str, Any]) -> Manifest:
    """A manifest of our own making."""
    content = json.dumps(described, separators=(",", ":")).encode()
    return Manifest(content, described["mediaType"], digest_of(content))


def _enough(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    return state.attempt_number >= (_GLANCES if isinstance(error, Unreadable) else _ATTEMPTS)


def retrying() -> Retrying:
    """Tries what a registry did not answer seven times in all, over some seven seconds: a NodePort may come late."""
    wait = wait_random_exponential(multiplier=0.3, max=5)
    return Retrying(retry=retry_if_exception_type(NoAnswer), stop=_enough, wait=wait, reraise=True)


@cache
def _tls() -> ssl.SSLContext:
    """What every registry is verified with; one for all, since making one takes as long as twenty requests."""
    return httpx.create_ssl_context()


class Registry:
    """Manifests and blobs of one registry; safe to use from several threads."""

    def __init__(
        self, host: str, *, insecure: bool = False, login: Login | None = None, cut_seconds: float = 300
    ) -> None:
        self.host = host
        self._client = httpx.Client(
            base_url=f"{'http' if insecure else 'https'}://{host}",
            auth=Challenged(login or Login()),
            timeout=httpx.Timeout(10.0, read=cut_seconds, write=cut_seconds),
            limits=httpx.Limits(max_connections=None),
            verify=_tls(),
            follow_redirects=True,
        )

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def digest(self, name: str, version: str) -> str:
        """The digest that a tag stands for now; raises MissingImage."""
        answer = self._ask("HEAD", f"/v2/{name}/manifests/{version}", _ACCEPT)
        return answer.headers.get("Docker-Content-Digest") or self.manifest(name, version).digest

    def manifest(self, name: str, version: str) -> Manifest:
        """A manifest by tag or digest; raises MissingImage, or RegistryError for content that is not what it claims."""
        answer = self._ask("GET", f"/v2/{name}/manifests/{version}", _ACCEPT)
        digest = digest_of(answer.content)
        if version.startswith("sha256:") and version != digest:
            raise RegistryError(f"{self.host}/{name}@{version}: the registry answered content of digest {digest}")
        return Manifest(answer.content, answer.headers["Content-Type"], digest)

    def has(self, kind: str, name: str, version: str) -> bool:
        """Whether a manifest or blob (`kind` is "manifests" or "blobs") is there, and not as a full disk leaves it.

        What is Unreadable is mended by sending it once more; where the registry is ill as a whole, that says so.
        """
        try:
            self._ask("HEAD", f"/v2/{name}/{kind}/{version}", _ACCEPT if kind == "manifests" else {})
        except (MissingImage, Unreadable):
            return False
        return True

    def put_manifest(self, name: str, version: str, manifest: Manifest) -> bool:
        """Stores a manifest under a tag or its digest; whether the registry itself keeps the list of its referrers."""
        headers = {"Content-Type": manifest.media_type}
        for attempt in retrying():
            with attempt:
                answer = self._call("PUT", f"/v2/{name}/manifests/{version}", headers, manifest.content)
        return "OCI-Subject" in answer.headers

    def referrers(self, name: str, digest: str) -> list[dict[str, Any]] | None:
        """Descriptors of what refers to a manifest: signatures, SBOMs; None where the registry has no such list."""
        try:
            answer = self._ask("GET", f"/v2/{name}/referrers/{digest}", {"Accept": INDEX})
        except MissingImage:
            return None
        return list(answer.json().get("manifests") or []) if INDEX in answer.headers.get("Content-Type", "") else None

    def tags(self, name: str) -> frozenset[str] | None:
        """Every tag of an image; None where the registry does not list them, or may have more than it lists."""
        try:
            answer = self._ask("GET", f"/v2/{name}/tags/list?n={_TAGS_AT_ONCE}", {})
        except NoAnswer:
            raise
        except RegistryError:
            return None
        found = frozenset(answer.json().get("tags") or [])
        return found if len(found) < _TAGS_AT_ONCE and "Link" not in answer.headers else None

    def blob(self, name: str, digest: str) -> Iterator[bytes]:
        """A blob's content in pieces, without ever holding it whole; a download that is cut goes on where it was."""
        done, failures = 0, 0
        while True:
            try:
                for piece in self._blob_from(name, digest, done):
                    done, failures = done + len(piece), 0
                    yield piece
            except NoAnswer:
                failures += 1
                if failures == _ATTEMPTS:
                    raise
                time.sleep(0.2 * 2**failures)
            else:
                return

    def put_blob(self, name: str, digest: str, size: int, content: Iterator[bytes]) -> None:
        """Uploads a blob in one request; the registry itself refuses content of another digest."""
        started = self._call("POST", f"/v2/{name}/blobs/uploads/")
        place = urljoin(str(self._client.base_url), started.headers["Location"])
        joint = "&" if urlsplit(place).query else "?"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        self._call("PUT", f"{place}{joint}digest={quote(digest)}", headers, content)

    def mount(self, name: str, digest: str, other: str) -> bool:
        """Has image `name` share a blob that image `other` of this registry has; False where it will not."""
        answer = self._call("POST", f"/v2/{name}/blobs/uploads/?mount={quote(digest)}&from={quote(other, safe='/')}")
        if answer.status_code == 202:  # an upload was begun in its place: give it up
            self._call("DELETE", urljoin(str(self._client.base_url), answer.headers["Location"]))
        return answer.status_code == 201

    def _blob_from(self, name: str, digest: str, first: int) -> Iterator[bytes]:
        what = f"{self.host}/{name}: blob {digest}"
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={first}-"} if first else {})}
        try:
            with self._client.stream("GET", f"/v2/{name}/blobs/{digest}", headers=headers) as answer:
                if answer.status_code not in (200, 206):
                    answer.read()
                    self._judge(answer, what)
                skip = first if answer.status_code == 200 else 0  # a registry that knows no ranges starts anew
                for piece in answer.iter_raw(_PIECE_BYTES):
                    yield piece[skip:]
                    skip = max(0, skip - len(piece))
        except httpx.HTTPError as error:
            raise NoAnswer(f"{what}: cut off: {type(error).__name__}: {error}") from error

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> httpx.Response:
        for attempt in retrying():
            with attempt:
                answer = self._call(method, path, headers)
        return answer

    def _call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        content: bytes | Iterator[bytes] | None = None,
    ) -> httpx.Response:
        try:
            answer = self._client.request(method, path, headers=headers, content=content)
        except httpx.HTTPError as error:
            raise NoAnswer(f"{self.host} does not answer: {type(error).__name__}: {error}") from error
        except httpx.StreamConsumed as error:
            # The token had run out: there is another by now, and what was being sent must be begun anew.
            raise NoAnswer(f"{self.host}: a login ran out during an upload") from error
        self._judge(answer, f"{self.host}{urlsplit(path).path.removeprefix('/v2')}")
        return answer

    def _judge(self, answer: httpx.Response, what: str) -> None:
        status = answer.status_code
        if status == 404:
            raise MissingImage(f"{what} does not exist")
        if status in (401, 403):
            way_out = "log in to it (docker login), or for a delivery set bus:delivery.username and .password"
            raise RegistryError(f"{what}: access refused ({status}); {way_out}")
        if status in (429, 500, 502, 503, 504):
            # ENOSPC, as docker-registry hands on what its disk says.
            full = "no space is left on the registry's disk; " if '"Err":28}' in answer.text else ""
            kind = Unreadable if status == 500 and answer.request.method in ("HEAD", "GET") else NoAnswer
            raise kind(f"{what}: {full}status {status}: {answer.text[:300]}")
        if status >= 300:
            raise RegistryError(f"{what}: status {status}: {answer.text[:300]}")
