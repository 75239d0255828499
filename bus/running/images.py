"""The version of the product inside an image: what its user says, its configuration in a registry, its tag."""

import json
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from bus.image_reference import Reference
from bus.images import manifests
from bus.images.registry.client import RegistryError
from bus.images.registry.credentials import BadCredentials
from bus.images.registry.registries import Access, ImageLocation, Registries
from bus.running.versions import Version, named, of_config, of_tag

# Far more than any configuration has, and little to hold.
_LARGEST = 4 << 20
_Key = tuple[str, str]


class Images:
    """Versions of images, each looked up once; safe to use from several threads."""

    def __init__(self, access: Access, versions: Mapping[str, str]) -> None:
        self._access, self._versions = access, versions
        self._stack = ExitStack()
        self._registries: Registries | None = None
        self._lock = threading.Lock()
        self._found: dict[_Key, Version | None] = {}

    def __enter__(self) -> "Images":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stack.close()

    def version(self, brick: str, image: Reference) -> Version | None:
        """The version of the brick's product in an image; None where nothing says it."""
        key = (brick, image.pinned)
        if key not in self._found:
            self._found[key] = named(self._versions, image) or self._configured(brick, image) or of_tag(image.tag)
        return self._found[key]

    def _configured(self, brick: str, image: Reference) -> Version | None:
        try:
            return of_config(brick, config(self._opened().place(image)))
        except (RegistryError, BadCredentials, ValueError, KeyError):
            return None  # whether an image exists is for others to say; of this one nothing more is known

    def _opened(self) -> Registries:
        with self._lock:
            if self._registries is None:
                self._registries = self._stack.enter_context(Registries(self._access))
            return self._registries


def config(place: ImageLocation) -> Mapping[str, Any]:
    """The configuration of an image, or of the first platform of an index; raises RegistryError or ValueError."""
    described = place.registry.manifest(place.name, place.version).described
    if listed := manifests.children(described):
        real = [one for one in listed if (one.get("platform") or {}).get("os", "linux") != "unknown"] or listed
        described = place.registry.manifest(place.name, real[0]["digest"]).described
    content = bytearray()
    for piece in place.registry.blob(place.name, described["config"]["digest"]):
        content += piece
        if len(content) > _LARGEST:
            raise ValueError(f"{place}: its configuration has more than {_LARGEST} bytes")
    found = json.loads(bytes(content))
    return found if isinstance(found, dict) else {}
