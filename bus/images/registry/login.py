"""Logging in to a registry: which challenge is answered, and who may be asked for a token with the login.

A login goes to the host that it was named for. A registry may name another one as the issuer of its tokens (the realm
of its challenge). That one gets the login only if it is the registry's own host, is known to issue its tokens, or was
named for it. https://distribution.github.io/distribution/spec/auth/token/ and CVE-2020-15157.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import httpx

from bus.images.registry.answers import Declined, Untrusted

# Registries whose tokens come from a host of another name.
_ISSUERS = {"registry-1.docker.io": ("auth.docker.io",), "registry.gitlab.com": ("gitlab.com",)}
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SCHEMES = re.compile(r"(?i)(?:^|,\s*)(bearer|basic|negotiate|digest|ntlm)(?=\s|$)")
_PORTS = {"http": 80, "https": 443}
# RFC 6750; whatever else a token has would go into a header.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")

Origin = tuple[str, str, int | None]
"""scheme, host and port of a URL"""


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


def origin(url: httpx.URL) -> Origin:
    """Return who answers at `url`: another scheme, host or port is somebody else."""
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)


def challenge(headers: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return the kind of a challenge, `bearer` before `basic`, and its parameters; empty where none can be answered."""
    found: dict[str, dict[str, str]] = {}
    for header in headers:
        starts = [*_SCHEMES.finditer(header)]
        ends = [*(start.start() for start in starts[1:]), len(header)]
        for start, end in zip(starts, ends[: len(starts)], strict=True):
            text = header[start.end() : end]
            parameters = {m[1].lower(): re.sub(r"\\(.)", r"\1", m[2]) if m[3] is None else m[3]
                          for m in _PARAMETER.finditer(text)}  # fmt: skip
            found.setdefault(start[1].lower(), parameters)
    kind = next((kind for kind in ("bearer", "basic") if kind in found), "")
    return kind, found.get(kind, {})


def token_url(asked: dict[str, str], registry: httpx.URL, token_hosts: Sequence[str]) -> httpx.URL:
    """Return where a token is asked for; raise Untrusted where the login would go to whom nobody named.

    `asked` are the parameters of the challenge of `registry`; `token_hosts` (host[:port]) were named for it.
    """
    written = asked.get("realm", "")
    try:
        realm = httpx.URL(written)
        host = realm.host
    except httpx.InvalidURL:
        realm, host = httpx.URL(), ""
    name = _shown(registry)
    if realm.scheme not in _PORTS or not host or realm.userinfo:
        raise Untrusted(
            f"{name} names {written[:200]!r} as the issuer of its tokens, which is no URL; nothing was sent"
        )
    if registry.scheme == "https" and realm.scheme != "https":
        raise Untrusted(
            f"{name} names {written[:200]} as the issuer of its tokens, which would get the login in clear; "
            "nothing was sent; have the registry name it with https://"
        )
    known = (registry.host, *_ISSUERS.get(registry.host, ()), *token_hosts)
    if not any(_same(realm, wanted) for wanted in known):
        issuer = realm.netloc.decode()
        raise Untrusted(
            f"{name} names {written[:200]} as the issuer of its tokens: nobody said that {issuer} may get the login of "
            f"{name}, so nothing was sent; if it is the issuer, write in the stack file bus:images.registries: "
            f'{{"{name}": {{tokenHosts: ["{issuer}"]}}}}, or give --token-host {name}={issuer}'
        )
    sent: dict[str, str] = {str(key): asked[key] for key in ("service", "scope") if key in asked}
    return realm.copy_merge_params(sent)


def token(content: dict[str, object], what: str) -> str:
    """Return the token of an issuer's answer; raise Declined where there is none."""
    found = content.get("token") or content.get("access_token")
    if not isinstance(found, str) or not _TOKEN.fullmatch(found):
        raise Declined(f"{what} answered without a token")
    return found


def _same(realm: httpx.URL, wanted: str) -> bool:
    """Whether `realm` is at `wanted`: a host with any port of it, or host:port."""
    try:
        named = httpx.URL(f"https://{wanted}" if wanted.count(":") < 2 or "[" in wanted else f"https://[{wanted}]")
    except httpx.InvalidURL:
        return False
    # httpx drops the port that a scheme has by itself, so that `host:443` reads like `host`.
    port = 443 if wanted.endswith(":443") else named.port
    return named.host == realm.host and port in (None, origin(realm)[2])


def _shown(url: httpx.URL) -> str:
    return url.netloc.decode()
