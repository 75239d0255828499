"""One registry of the OCI distribution API: https://github.com/opencontainers/distribution-spec/blob/main/spec.md"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from bus.image_digest import checked, digest_of, is_digest
from bus.images import manifests
from bus.images.manifests import IMAGE, INDEX, BadManifest
from bus.images.registry import private
from bus.images.registry.answers import (
    INDEX_BYTES,
    MANIFEST_BYTES,
    SHORT_BYTES,
    Answer,
    Damaged,
    Declined,
    MissingImage,
    NoAnswer,
    NoRegistry,
    RegistryError,
    Unreadable,
    Untrusted,
    not_a_registrys,
)
from bus.images.registry.login import Login
from bus.images.registry.session import Content, Session

__all__ = [
    "IMAGE",
    "INDEX",
    "Damaged",
    "Manifest",
    "MissingImage",
    "NoAnswer",
    "NoRegistry",
    "Registry",
    "RegistryError",
    "Unreadable",
    "Untrusted",
    "as_manifest",
    "digest_of",
    "retrying",
]

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
# Pages of a list of referrers; an image with more of them than this has is nobody's.
_MOST_PAGES = 20


@dataclass(frozen=True)
class Manifest:
    """A manifest or an index as it is stored, byte for byte."""

    content: bytes
    media_type: str
    digest: str

    @property
    def described(self) -> dict[str, Any]:
        """The content read as JSON, every descriptor of it with a digest and a size; raises RegistryError."""
        try:
            return manifests.read(self.content)
        except BadManifest as error:
            raise RegistryError(f"{self.digest}: {error}") from None


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


class Registry:
    """Manifests and blobs of one registry; safe to use from several threads.

    `token_hosts` may issue the tokens of its login; `ca` are certificates (PEM) that it is verified with. Raises
    Insecure for plain HTTP towards a public address.
    """

    def __init__(
        self,
        host: str,
        *,
        insecure: bool = False,
        login: Login | None = None,
        token_hosts: Sequence[str] = (),
        ca: str = "",
        cut_seconds: float = 300,
    ) -> None:
        if insecure:
            private.check(host)
        self.host = host
        self._session = Session(host, insecure, login or Login(), token_hosts, ca, cut_seconds)

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    def digest(self, name: str, version: str) -> str:
        """The digest that a tag stands for now; raises MissingImage."""
        answer = self._ask("HEAD", f"/v2/{name}/manifests/{version}", _ACCEPT)
        digest = answer.headers.get("Docker-Content-Digest", "")
        # Some registries do not say it, and what is none says nothing.
        return digest if is_digest(digest) else self.manifest(name, version).digest

    def manifest(self, name: str, version: str) -> Manifest:
        """A manifest by tag or digest; raises MissingImage, or RegistryError for content that is not what it claims."""
        what = f"{self.host}/{name}{'@' if is_digest(version) else ':'}{version}"
        answer = self._ask("GET", f"/v2/{name}/manifests/{version}", _ACCEPT, limit=INDEX_BYTES)
        digest = digest_of(answer.content)
        if ":" in version and version != digest:
            raise RegistryError(f"{what}: the registry answered content of digest {digest}")
        kind = answer.media_type
        described = answer.json(what)
        if "schemaVersion" not in described and "mediaType" not in described:
            raise not_a_registrys(what, answer)
        if "manifests" not in described and len(answer.content) > MANIFEST_BYTES:
            raise NoRegistry(f"{what}: a manifest of {len(answer.content)} bytes; {MANIFEST_BYTES} is all that one has")
        if described.get("schemaVersion") == 1:
            raise RegistryError(f"{what}: is of Docker's schema 1, which nodes pull no more; build and push it again")
        return Manifest(answer.content, _media_type(kind, described), digest)

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
        answer = self._ask("PUT", f"/v2/{name}/manifests/{version}", headers, manifest.content)
        return "OCI-Subject" in answer.headers

    def referrers(self, name: str, digest: str) -> list[dict[str, Any]] | None:
        """Descriptors of what refers to a manifest: signatures, SBOMs; None where the registry has no such list.

        Registries that know nothing of it answer with any refusal: 404, and 400, 401, 403, 405, 406 or 501
        (goharbor/harbor#18305).
        """
        found: list[dict[str, Any]] = []
        target, what = f"/v2/{name}/referrers/{digest}", f"{self.host}/{name}: referrers of {digest}"
        for _ in range(_MOST_PAGES):
            try:
                answer = self._ask("GET", target, {"Accept": INDEX}, limit=INDEX_BYTES)
            except Declined:
                return None
            if answer.media_type != INDEX:
                return None
            try:
                found += manifests.read(answer.content).get("manifests") or []
            except BadManifest as error:
                raise RegistryError(f"{what}: {error}") from None
            following = httpx.Response(200, headers=dict(answer.headers)).links.get("next", {}).get("url")
            if not following:
                return found
            target = str(httpx.URL(answer.url).join(following).copy_with(fragment=None))
        raise NoRegistry(f"{what}: more than {_MOST_PAGES} pages")

    def tags(self, name: str) -> frozenset[str] | None:
        """Every tag of an image; None where the registry does not list them, or may have more than it lists."""
        try:
            answer = self._ask("GET", f"/v2/{name}/tags/list?n={_TAGS_AT_ONCE}", {}, limit=INDEX_BYTES)
        except Declined:
            return None
        listed = answer.json(f"{self.host}/{name}: list of tags").get("tags") or []
        found = frozenset(tag for tag in listed if isinstance(tag, str)) if isinstance(listed, list) else frozenset()
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
        what = f"{self.host}/{name}: blob {checked(digest, name)}"
        started = self._session.ask("POST", f"/v2/{name}/blobs/uploads/")
        place = self._session.place(started.headers.get("Location", ""), what)
        joint = "&" if urlsplit(place).query else "?"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        self._session.ask("PUT", f"{place}{joint}digest={quote(digest)}", headers, content)

    def mount(self, name: str, digest: str, other: str) -> bool:
        """Has image `name` share a blob that image `other` of this registry has; False where it will not."""
        target = f"/v2/{name}/blobs/uploads/?mount={quote(digest)}&from={quote(other, safe='/')}"
        answer = self._session.ask("POST", target)
        if answer.status == 202:  # an upload was begun in its place: give it up
            self._session.ask("DELETE", self._session.place(answer.headers.get("Location", ""), name))
        return answer.status == 201

    def _blob_from(self, name: str, digest: str, first: int) -> Iterator[bytes]:
        what = f"{self.host}/{name}: blob {digest}"
        headers = {"Range": f"bytes={first}-"} if first else {}
        try:
            with self._session.stream(f"/v2/{name}/blobs/{digest}", headers, what) as answer:
                skip = first if answer.status_code == 200 else 0  # a registry that knows no ranges starts anew
                for piece in answer.iter_raw(_PIECE_BYTES):
                    yield piece[skip:]
                    skip = max(0, skip - len(piece))
        except httpx.HTTPError as error:
            raise NoAnswer(f"{what}: cut off: {type(error).__name__}: {error}") from error

    def _ask(
        self, method: str, target: str, headers: Mapping[str, str], content: Content = None, limit: int = SHORT_BYTES
    ) -> Answer:
        for attempt in retrying():
            with attempt:
                answer = self._session.ask(method, target, headers, content, limit)
        return answer


def _media_type(said: str, described: Mapping[str, Any]) -> str:
    """The type of a manifest: as the registry says it, or as the manifest does where it says nothing of use."""
    if said.startswith("application/vnd."):
        return said
    return str(described.get("mediaType") or (INDEX if "manifests" in described else IMAGE))
