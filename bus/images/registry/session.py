"""HTTP towards one registry: who gets its login, which redirects are followed, and how much of an answer is read.

The login is for the registry's own origin (scheme, host, port). Another origin that a redirect or a `Location` names
gets the request without it, and a challenge of that origin is never answered: it did not come from the registry
(GHSA-28r5-37g7-p6mp, GHSA-xf85-363p-868w, GHSA-jxpm-75mh-9fp7, CVE-2020-15157).
"""

import re
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

import httpx

from bus.images.registry import login as logins
from bus.images.registry.answers import (
    SHORT_BYTES,
    TOKEN_BYTES,
    Answer,
    Declined,
    NoAnswer,
    NoRegistry,
    Untrusted,
    judge,
    most_bytes,
)
from bus.images.registry.login import Login, origin

_SCOPE = re.compile(r"/v2/(.+)/(?:blobs|manifests|referrers|tags)/")
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
# Compressed, a few hundred kilobytes become as many megabytes; no registry compresses what it is asked for so.
_IDENTITY = {"Accept-Encoding": "identity"}

Content = bytes | Iterator[bytes] | None


@cache
def verified_with(ca: str = "") -> ssl.SSLContext:
    """Return what registries are verified with: the public authorities, or the certificates of the PEM text `ca`.

    One for all, since making one takes as long as twenty requests. Raises ssl.SSLError for text that is no PEM.
    """
    return ssl.create_default_context(cadata=ca) if ca else httpx.create_ssl_context()


class Session:
    """Requests to one registry; safe to use from several threads."""

    def __init__(
        self, host: str, insecure: bool, login: Login, token_hosts: Sequence[str], ca: str, cut_seconds: float
    ) -> None:
        self.host, self.base = host, httpx.URL(f"{'http' if insecure else 'https'}://{host}")
        self._basic, self._token_hosts = login.basic, tuple(token_hosts)
        self._client = httpx.Client(
            timeout=httpx.Timeout(10.0, read=cut_seconds, write=cut_seconds),
            limits=httpx.Limits(max_connections=None),
            verify=verified_with(ca),
            headers=_IDENTITY,
            follow_redirects=False,
        )
        self._kept: dict[tuple[str, bool], str] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        content: Content = None,
        limit: int = SHORT_BYTES,
    ) -> Answer:
        """Return an answer of at most `limit` bytes; raise NoAnswer, Untrusted, NoRegistry, or what the status says.

        `target` is a path of the registry, or a URL that it named.
        """
        try:
            answer = self._whole(self._send(method, target, headers or {}, content), limit)
        except httpx.HTTPError as error:
            raise NoAnswer(f"{self.host} does not answer: {type(error).__name__}: {error}") from error
        judge(answer, f"{self.host}{self._url(target).path.removeprefix('/v2')}")
        return answer

    @contextmanager
    def stream(self, target: str, headers: Mapping[str, str], what: str) -> Iterator[httpx.Response]:
        """Open what is read in pieces with `iter_raw`: as it is sent, never decompressed."""
        response = self._send("GET", target, headers, None)
        try:
            if response.status_code not in (200, 206):
                judge(self._whole(response, SHORT_BYTES), what)
                raise NoRegistry(f"{what}: status {response.status_code}, as no registry answers here")
            _refuse_compressed(response)
            yield response
        finally:
            response.close()

    def place(self, location: str, what: str) -> str:
        """Return the URL of a `Location`; raise NoRegistry where there is none."""
        if not location:
            raise NoRegistry(f"{what}: {self.host} began an upload and did not say where; is it a registry?")
        return str(self._join(self.base, location, what))

    def _send(self, method: str, target: str, headers: Mapping[str, str], content: Content) -> httpx.Response:
        """Send a request along its redirects; the login is added for the registry itself alone."""
        url, asked = self._url(target), method
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._send_once(asked, url, headers, content)
            location = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or not location:
                return response
            response.close()
            following = self._join(url, location, f"{self.host}: {asked} {url.path}")
            if asked not in ("GET", "HEAD") and (content is not None or response.status_code not in (307, 308)):
                raise Untrusted(
                    f"{self.host} redirects {asked} {url.path} to {following.host}, where nothing is sent to; name the "
                    "registry by the address that it has"
                )
            url = following
        raise NoRegistry(f"{self.host}: more than {_MOST_REDIRECTS} redirects, the last one to {url.host}")

    def _send_once(self, method: str, url: httpx.URL, headers: Mapping[str, str], content: Content) -> httpx.Response:
        own = origin(url) == origin(self.base)
        found = _SCOPE.match(url.path)
        # A token to read does not let one write, so each is kept by itself.
        key = (found[1] if found else "", method not in ("GET", "HEAD"))
        with self._lock:
            kept = self._kept.get(key, "") if own else ""
        response = self._client.send(self._request(method, url, headers, content, kept), stream=True)
        if response.status_code != 401:
            return response
        if not own:
            response.close()
            raise Declined(
                f"{self.host} sends one to {url.netloc.decode()}, which wants a login; none was given, since that of "
                f"{self.host} is for no other host"
            )
        header = self._login(response.headers.get_list("WWW-Authenticate"))
        if not header or header == kept:
            return response
        response.close()
        with self._lock:
            self._kept[key] = header
        if isinstance(content, Iterator):
            # The token had run out: there is another by now, and what was being sent must be begun anew.
            raise NoAnswer(f"{self.host}: a login ran out during an upload")
        return self._client.send(self._request(method, url, headers, content, header), stream=True)

    def _login(self, challenges: list[str]) -> str:
        """Return the header that answers the registry's own challenge; empty where there is none to give."""
        kind, asked = logins.challenge(challenges)
        if kind != "bearer":
            return self._basic if kind == "basic" else ""
        url = logins.token_url(asked, self.base, self._token_hosts)
        request = self._request("GET", url, {}, None, self._basic)
        answer = self._whole(self._client.send(request, stream=True), TOKEN_BYTES)
        what = f"{url.netloc.decode()}, the token issuer of {self.host}"
        if answer.status in _REDIRECTS:
            raise Untrusted(
                f"{what}, redirects to another place, which is not followed; have the registry name that one"
            )
        if answer.status in (400, 401, 403, 404):
            return ""  # the registry's own refusal says more to whoever reads it
        judge(answer, what)
        return f"Bearer {logins.token(answer.json(what), what)}"

    def _request(
        self, method: str, url: httpx.URL, headers: Mapping[str, str], content: Content, authorization: str
    ) -> httpx.Request:
        more = {"Authorization": authorization} if authorization else {}
        return self._client.build_request(method, url, headers={**headers, **more}, content=content)

    def _whole(self, response: httpx.Response, limit: int) -> Answer:
        """Read an answer to its end; raise NoRegistry for a good one that has more than `limit` bytes."""
        content, most = b"", most_bytes(response.status_code, limit)
        try:
            _refuse_compressed(response)
            for piece in response.iter_raw(1 << 16):
                content += piece
                if len(content) > most:
                    if response.status_code < 300:
                        raise NoRegistry(
                            f"{response.url} answered more than {most} bytes, the most that such an answer may have"
                        )
                    break
        finally:
            response.close()
        request = response.request
        return Answer(response.status_code, response.headers, content[:most], request.method, str(request.url))

    def _url(self, target: str) -> httpx.URL:
        return self._join(self.base, target, self.host)

    def _join(self, base: httpx.URL, location: str, what: str) -> httpx.URL:
        """Return where `location` leads from `base`; raise Untrusted for http after https, or what is no URL."""
        try:
            url = base.join(location)
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in ("http", "https") or not url.host or url.userinfo:
            raise Untrusted(f"{what}: leads to {location[:200]!r}, which is no URL of http")
        if base.scheme == "https" and url.scheme != "https":
            raise Untrusted(
                f"{what}: leads from https to {location[:200]}, in clear; have the registry name itself with https:// "
                "(a proxy before it must set X-Forwarded-Proto)"
            )
        return url


def _refuse_compressed(response: httpx.Response) -> None:
    how = response.headers.get("Content-Encoding", "identity").strip().lower()
    if how not in ("", "identity") and response.request.method != "HEAD":
        response.close()
        raise NoRegistry(f"{response.url} answered content compressed with {how[:40]}, which nobody asked for")
