"""Toy servers on loopback that answer what a hostile, odd or broken registry answers, and remember what they got."""

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ELSEWHERE = "127.0.0.2"
"""another host than 127.0.0.1, on this machine too"""


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def login(self) -> str:
        """The Authorization header; empty where there is none."""
        return self.headers.get("Authorization", "")


Answering = tuple[int, dict[str, str], bytes]


@dataclass
class Toy:
    """A server at `host` (host:port); `answer` may be replaced once its address is known."""

    host: str
    url: str
    asked: list[Asked] = field(default_factory=list)
    answer: Callable[[Asked], Answering] = lambda _: (404, {}, b"")

    @property
    def logins(self) -> list[str]:
        """Every login that somebody has sent here."""
        return [one.login for one in self.asked if one.login]


@contextmanager
def toy(
    answer: Callable[[Asked], Answering] | None = None, at: str = "127.0.0.1", tls: Path | None = None
) -> Iterator[Toy]:
    """Answers on a free port of `at`; with `tls`, a folder for its certificate `ca.pem`, over TLS."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            one = Asked(self.command, self.path, dict(self.headers.items()), self.body)
            made.asked.append(one)
            status, headers, content = made.answer(one)
            self.send_response(status)
            for key, value in ({"Content-Length": str(len(content))} | headers).items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                try:
                    self.wfile.write(content)
                except OSError:
                    self.close_connection = True  # whoever asked has read enough

        do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: a test looks at `asked`."""

    server = ThreadingHTTPServer((at, 0), Handler)
    host = f"{at}:{server.server_port}"
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate(tls, at))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    made = Toy(host, f"{'https' if tls else 'http'}://{host}")
    if answer:
        made.answer = answer
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


def certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """A certificate of its own signature for an address, `ca.pem`, and its key."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, address)]),
    )
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(private)
    return folder / "ca.pem", folder / "key.pem"
