"""All registries of one task: opened once each, with the mirror that may stand for them and with whose login."""

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bus.config.stack_file import StackFile
from bus.image_reference import HUB, Reference
from bus.images.copy.store import Store
from bus.images.registry import credentials, trust
from bus.images.registry.client import Registry
from bus.images.registry.login import Login
from bus.images.registry.trust import Trust

# Docker Hub's references name a host that its API does not have.
_API = {HUB: "registry-1.docker.io"}


@dataclass(frozen=True)
class ImageLocation:
    """An image in a registry: the path of its API calls, and a tag or digest."""

    registry: Store
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.registry.host}/{self.name}{'@' if ':' in self.version else ':'}{self.version}"


@dataclass(frozen=True)
class Access:
    """How registries are reached: `mirror` (host:port) answers for all of them, `insecure` is plain HTTP.

    `logins` maps a host to credentials; Docker's own configuration has those of all others. `trust` maps a host to who
    issues its tokens and what it is verified with.
    """

    mirror: str = ""
    insecure: bool = False
    logins: Mapping[str, Login] = field(default_factory=dict)
    trust: Mapping[str, Trust] = field(default_factory=dict)


def sources(content: StackFile, root: Path) -> Access:
    """How the images of a stack are looked up where they come from; `root` is the project's folder."""
    delivery = content.delivery
    mirror = content.images.mirror or (delivery and delivery.source_mirror) or ""
    insecure = content.images.insecure or bool(delivery and delivery.source_insecure)
    return Access(mirror, insecure, trust=trust.read(content.images, root))


class Registries(ExitStack):
    """One client per registry, so that connections and tokens are shared; closed with the context."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access
        self._opened: dict[str, Registry] = {}
        self._lock = threading.Lock()

    def place(self, image: Reference) -> ImageLocation:
        """Where an image is asked for; raises BadCredentials, and Insecure for plain HTTP to a public address."""
        return ImageLocation(self._open(self._access.mirror or image.host), image.path, image.version)

    def _open(self, host: str) -> Registry:
        host = host.lower()
        with self._lock:
            if host not in self._opened:
                login = self._access.logins.get(host) or credentials.find(host)
                known, insecure = self._access.trust.get(host, Trust()), self._access.insecure
                opened = Registry(
                    _API.get(host, host), insecure=insecure, login=login, token_hosts=known.token_hosts, ca=known.ca
                )
                self._opened[host] = opened
                self.callback(opened.close)
            return self._opened[host]
