"""One registry of the OCI distribution API, over httpx: https://github.com/opencontainers/distribution-spec/blob/main/spec.md"""

import base64
import hashlib
import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx

_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_TIMEOUT = httpx.Timeout(30.0, read=300.0, write=300.0)


class RegistryError(Exception):
    """A registry that does not answer, or answers with an error; the message names image, registry and status."""


class MissingImage(RegistryError):
    """An image that its registry does not have."""


@dataclass(frozen=True)
class Manifest:
    """A manifest or an index as it is stored, byte for byte."""

    content: bytes
    media_type: str
    digest: str


class _Login(httpx.Auth):
    """Basic credentials, or a token from whoever the registry names in its challenge."""

    def __init__(self, username: str, password: str) -> None:
        self._basic = base64.b64encode(f"{username}:{password}".encode()).decode() if username else ""
        self._tokens: dict[str, str] = {}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """https://distribution.github.io/distribution/spec/auth/token/"""
        scope = "/".join(request.url.path.split("/")[:-2])
        if scope in self._tokens:
            request.headers["Authorization"] = self._tokens[scope]
        response = yield request
        if response.status_code != 401:
            return
        kind, _, rest = response.headers.get("WWW-Authenticate", "").partition(" ")
        if kind.lower() == "bearer":
            challenge = dict(re.findall(r'(\w+)="([^"]*)"', rest))
            realm = challenge.pop("realm", "")
            headers = {"Authorization": f"Basic {self._basic}"} if self._basic else {}
            answer = yield httpx.Request("GET", realm, params=challenge, headers=headers)
            if answer.status_code != 200:
                return
            answer.read()
            body = answer.json()
            self._tokens[scope] = f"Bearer {body.get('token') or body.get('access_token')}"
        elif self._basic:
            self._tokens[scope] = f"Basic {self._basic}"
        else:
            return
        request.headers["Authorization"] = self._tokens[scope]
        yield request


class Registry:
    """Manifests and blobs of one registry."""

    def __init__(self, host: str, *, insecure: bool = False, username: str = "", password: str = "") -> None:
        self.host = host
        self._client = httpx.Client(
            base_url=f"{'http' if insecure else 'https'}://{host}",
            auth=_Login(username, password),
            timeout=_TIMEOUT,
            follow_redirects=True,
        )

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def digest(self, name: str, version: str) -> str:
        """The digest that a tag stands for now; raises MissingImage."""
        answer = self._call("HEAD", f"/v2/{name}/manifests/{version}", headers={"Accept": ", ".join(_MANIFESTS)})
        return answer.headers.get("Docker-Content-Digest") or self.manifest(name, version).digest

    def manifest(self, name: str, version: str) -> Manifest:
        """A manifest by tag or digest; raises MissingImage, or RegistryError for content that is not what it claims."""
        answer = self._call("GET", f"/v2/{name}/manifests/{version}", headers={"Accept": ", ".join(_MANIFESTS)})
        digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        if version.startswith("sha256:") and version != digest:
            raise RegistryError(f"{self.host}/{name}@{version}: the registry answered content of digest {digest}")
        return Manifest(answer.content, answer.headers["Content-Type"], digest)

    def has(self, kind: str, name: str, digest: str) -> bool:
        """Whether a manifest or blob (`kind` is "manifests" or "blobs") is there."""
        headers = {"Accept": ", ".join(_MANIFESTS)} if kind == "manifests" else {}
        try:
            self._call("HEAD", f"/v2/{name}/{kind}/{digest}", headers=headers)
        except MissingImage:
            return False
        return True

    def put_manifest(self, name: str, version: str, manifest: Manifest) -> None:
        """Stores a manifest under a tag or its digest."""
        headers = {"Content-Type": manifest.media_type}
        self._call("PUT", f"/v2/{name}/manifests/{version}", headers=headers, content=manifest.content)

    def blob(self, name: str, digest: str) -> Iterator[bytes]:
        """A blob's content in pieces, without ever holding it whole."""
        try:
            with self._client.stream("GET", f"/v2/{name}/blobs/{digest}") as answer:
                if answer.status_code != 200:
                    raise RegistryError(f"{self.host}/{name}: blob {digest}: status {answer.status_code}")
                yield from answer.iter_bytes(1 << 20)
        except httpx.HTTPError as error:
            raise RegistryError(f"{self.host}/{name}: blob {digest}: {error}") from error

    def put_blob(self, name: str, digest: str, size: int, content: Iterator[bytes]) -> None:
        """Uploads a blob in one request; the registry itself refuses content of another digest."""
        started = self._call("POST", f"/v2/{name}/blobs/uploads/")
        place = urljoin(str(self._client.base_url), started.headers["Location"])
        joint = "&" if urlsplit(place).query else "?"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        self._call("PUT", f"{place}{joint}digest={digest}", headers=headers, content=content)

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
            raise RegistryError(f"{self.host} does not answer: {type(error).__name__}: {error}") from error
        what = f"{self.host}{urlsplit(path).path.removeprefix('/v2')}"
        if answer.status_code == 404:
            raise MissingImage(f"{what} does not exist")
        if answer.status_code in (401, 403):
            raise RegistryError(
                f"{what}: access refused ({answer.status_code}); set bus:delivery.username and .password"
            )
        if answer.status_code >= 300:
            raise RegistryError(f"{what}: status {answer.status_code}: {answer.text[:200]}")
        return answer
