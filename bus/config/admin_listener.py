"""Where the runner reaches a site's brokers through port-forwards: an address of its own that the site has alone.

A client uses the addresses that brokers advertise, so a forward must listen exactly where its broker says it is
(docs/adr/0002). All of 127.0.0.0/8 is this machine, and nobody else's. The address and the port follow from the site
alone: no site moves because another one is added or removed.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

# Of each pod of Kafka: where its broker n is advertised, <host>:<port + n>. Pods of bus 0.1 have none: localhost.
ANNOTATION = "bus/admin-listener"
LOCALHOST = "localhost"
# 127.0.0.0/16 has the machine's own services: 127.0.0.1, 127.0.0.53 of systemd-resolved, 127.0.1.1 of Debian.
# 254 * 256 * 254 addresses of the rest, none of which ends in 0 or 255.
_FIRST, _SECOND, _THIRD = range(1, 255), range(256), range(1, 255)


@dataclass(frozen=True)
class AdminListener:
    """What the brokers of a site advertise to the runner: broker n is at `port + n` of `host`."""

    host: str
    port: int

    def of_broker(self, ordinal: int) -> str:
        """host:port of broker `ordinal`."""
        return f"{self.host}:{self.port + ordinal}"

    def places(self, brokers: int) -> list[tuple[str, int]]:
        """The host and port of every broker of a site with `brokers` of them."""
        return [(self.host, self.port + ordinal) for ordinal in range(brokers)]

    @property
    def address(self) -> str:
        """The address that a forward listens on."""
        return "127.0.0.1" if self.host == LOCALHOST else self.host


def listener(site: str, namespace: str, admin_port: int | None) -> AdminListener:
    """What a site's brokers advertise; a port that the stack file names is one of localhost."""
    if admin_port:
        return AdminListener(LOCALHOST, admin_port)
    return AdminListener(loopback(site, namespace), default_port(namespace))


def loopback(site: str, namespace: str) -> str:
    """The loopback address of a site, from its name and namespace: one of 16.5 million."""
    number = int.from_bytes(sha256(f"{site} {namespace}".encode()).digest()[:8])
    number, third = divmod(number, len(_THIRD))
    number, second = divmod(number, len(_SECOND))
    return f"127.{_FIRST[number % len(_FIRST)]}.{_SECOND[second]}.{_THIRD[third]}"


def default_port(namespace: str) -> int:
    """The first of 16 ports, 20000 to 30224: what pods without the annotation advertise on localhost."""
    return 20000 + zlib.crc32(namespace.encode()) % 640 * 16


def advertised(annotations: Mapping[str, str], admin_port: int) -> AdminListener:
    """What a pod of Kafka advertises, by its own annotations; `admin_port` is that of a pod without one."""
    host, _, port = annotations.get(ANNOTATION, "").rpartition(":")
    return AdminListener(host, int(port)) if host else AdminListener(LOCALHOST, admin_port)
