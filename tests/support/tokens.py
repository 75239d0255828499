"""Who issues tokens for a registry, as GitLab or Harbor do: https://distribution.github.io/distribution/spec/auth/jwt/"""

import base64
import json
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

SERVICE, ISSUER = "registry.test", "tokens.test"
LEEWAY_SECONDS = 60
"""how long docker-registry goes on taking a token that has run out"""


@dataclass
class Issuer:
    """An issuer that answers at `realm`; `config` is what docker-registry must be told of it."""

    realm: str
    certificate: Path
    asked: list[str] = field(default_factory=list)
    """scopes of every token that was given"""

    @property
    def config(self) -> dict[str, Any]:
        """The `auth` of a registry's configuration."""
        about = {"realm": self.realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(self.certificate)}
        return {"token": about}


@contextmanager
def issuer(folder: Path, username: str, password: str, *, lives_seconds: int = 60) -> Iterator[Issuer]:
    """Gives whoever has the password a token for whatever is asked, and nobody else."""
    key, certificate = folder / "token.key", folder / "token.pem"
    request = ["-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=tokens", "-days", "2"]
    subprocess.run(
        ["openssl", "req", *request, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60
    )
    wanted = f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != wanted:
                self.send_error(401)
                return
            scopes = " ".join(parse_qs(urlsplit(self.path).query).get("scope", [])).split()
            made.asked += scopes
            body = json.dumps({"token": _token(key, certificate, username, scopes, lives_seconds)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: a test looks at `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Issuer(f"http://127.0.0.1:{server.server_port}/token", certificate)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


def _token(key: Path, certificate: Path, user: str, scopes: list[str], lives_seconds: int) -> str:
    """A JWT signed with the key of the certificate that it carries."""
    now = int(time.time())
    access = []
    for scope in scopes:
        kind, name, actions = scope.split(":")
        access.append({"type": kind, "name": name, "actions": actions.split(",")})
    lines = [line for line in certificate.read_text().splitlines() if "CERTIFICATE" not in line]
    header = {"typ": "JWT", "alg": "RS256", "x5c": ["".join(lines)]}
    who = {"iss": ISSUER, "sub": user, "aud": SERVICE, "jti": uuid.uuid4().hex}
    claims = {**who, "exp": now + lives_seconds, "nbf": now - 5, "iat": now, "access": access}
    signed = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
    command = ["openssl", "dgst", "-sha256", "-sign", str(key)]
    signature = subprocess.run(command, input=signed.encode(), capture_output=True, check=True).stdout
    return f"{signed}.{_encoded(signature)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
