"""Logging in to a registry: basic credentials, or a token from whoever the registry names in its challenge."""

import base64
import re
import threading
from collections.abc import Generator
from dataclasses import dataclass, field

import httpx

_SCOPE = re.compile(r"/v2/(.+)/(?:blobs|manifests|referrers|tags)/")


@dataclass(frozen=True)
class Login:
    """Credentials of one registry; empty ones ask as anybody."""

    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The value of an Authorization header; empty where there are no credentials."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}" if self.username else ""


class Challenged(httpx.Auth):
    """Answers a registry's challenge, and keeps the answer per image for the requests that follow.

    https://distribution.github.io/distribution/spec/auth/token/
    """

    def __init__(self, login: Login) -> None:
        self._basic = login.basic
        self._kept: dict[tuple[str, bool], str] = {}
        self._lock = threading.Lock()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """One request, and once more where the registry asks who we are; only the first may have a body to stream."""
        found = _SCOPE.match(request.url.path)
        # A token to read does not let one write, so each is kept by itself.
        key = (found[1] if found else "", request.method not in ("GET", "HEAD"))
        with self._lock:
            kept = self._kept.get(key)
        if kept:
            request.headers["Authorization"] = kept
        response = yield request
        if response.status_code != 401:
            return
        kind, _, rest = response.headers.get("WWW-Authenticate", "").partition(" ")
        if kind.lower() == "bearer":
            answer = yield self._ask_for_token(rest)
            if answer.status_code != 200:
                return
            answer.read()
            body = answer.json()
            header = f"Bearer {body.get('token') or body.get('access_token')}"
        else:
            header = self._basic
        if not header or header == kept:
            return
        with self._lock:
            self._kept[key] = header
        request.headers["Authorization"] = header
        yield request

    def _ask_for_token(self, challenge: str) -> httpx.Request:
        asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        realm = asked.pop("realm", "")
        headers = {"Authorization": self._basic} if self._basic else {}
        return httpx.Request("GET", realm, params=asked, headers=headers)
