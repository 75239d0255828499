"""The images of one site in the customer's registry, as one resource."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from bus.images.copying import Place, copy
from bus.images.reference import parse
from bus.images.registry import MissingImage, Registry, RegistryError
from components.providers import connection

_INPUTS = ("images", "digests", "insecure", "sourceInsecure", "sourceMirror")
_AT_ONCE = 4


class ImageCopiesProvider(ResourceProvider):
    """Copies what is missing, registry to registry; never removes an image from a customer's registry."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        """Keeps the registry's credentials, which no state may hold."""
        self._username = req.config.get("bus:delivery.username") or ""
        self._password = req.config.get("bus:delivery.password") or ""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Finds the digest of every image, so that a preview shows a tag that moved and refuses one that is missing."""
        failures, digests = [], {}
        with self._registries(news) as registries:
            for source in sorted(news["images"]):
                place = registries.source(source)
                try:
                    digests[source] = place.registry.digest(place.name, place.version)
                except MissingImage:
                    failures.append(CheckFailure("images", f"{source} does not exist in its registry; push it first"))
                except RegistryError as error:
                    before = (_olds.get("digests") or {}).get(source)
                    if before is None:
                        failures.append(CheckFailure("images", f"{source} cannot be looked up: {error}"))
                    else:
                        connection.warn(f"{source} cannot be looked up, its last known digest is taken: {error}")
                        digests[source] = before
        return CheckResult({**news, "digests": digests}, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compares images and digests."""
        return DiffResult(changes=any(_olds.get(key) != _news.get(key) for key in _INPUTS), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Copies every image; what is there already moves no byte."""
        return CreateResult(f"{len(props['images'])} images", self._copy(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Copies what is new or has moved."""
        return UpdateResult(self._copy(_news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """What the customer's registry still has: an image that was removed there is drift, and comes back."""
        there = {}
        with self._registries(props) as registries:
            for source, target in props["images"].items():
                place = registries.target(target)
                try:
                    there[source] = place.registry.digest(place.name, place.version)
                except MissingImage:
                    continue
        seen = {**props, "digests": there}
        return ReadResult(id_, seen, {key: seen[key] for key in _INPUTS})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Removes nothing: the images are the customer's now."""

    def _copy(self, props: Mapping[str, Any]) -> dict[str, Any]:
        with self._registries(props) as registries:

            def one(source: str, target: str) -> int:
                pinned = replace(registries.source(source), version=props["digests"][source])
                return copy(pinned, registries.target(target)).size_bytes

            with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
                tasks = {source: pool.submit(one, source, target) for source, target in sorted(props["images"].items())}
        wrong = [f"{source}: {task.exception()}" for source, task in tasks.items() if task.exception()]
        if wrong:
            raise ValueError("\n".join(wrong))
        return {**props, "copiedBytes": sum(task.result() for task in tasks.values())}

    def _registries(self, props: Mapping[str, Any]) -> "_Registries":
        return _Registries(props, self._username, self._password)


class _Registries(ExitStack):
    """One client per registry for all images of a call, so that connections and tokens are shared."""

    def __init__(self, props: Mapping[str, Any], username: str, password: str) -> None:
        super().__init__()
        self._props = props
        self._login = {"username": username, "password": password}
        self._opened: dict[tuple[str, bool], Registry] = {}
        self._lock = threading.Lock()

    def source(self, image: str) -> Place:
        """Where an image comes from: its own registry, or the one that stands for all of them."""
        reference = parse(image)
        host = self._props["sourceMirror"] or reference.host
        return Place(self._open(host, self._props["sourceInsecure"], {}), reference.path, reference.version)

    def target(self, image: str) -> Place:
        """Where an image goes, with the customer's credentials."""
        reference = parse(image)
        registry = self._open(reference.host, self._props["insecure"], self._login)
        return Place(registry, reference.path, reference.version)

    def _open(self, host: str, insecure: bool, login: Mapping[str, str]) -> Registry:
        with self._lock:
            key = (host, bool(login))
            if key not in self._opened:
                self._opened[key] = Registry(host, insecure=insecure, **login)
                self.callback(self._opened[key].close)
            return self._opened[key]


class ImageCopies(pulumi.dynamic.Resource, module="bus", name="ImageCopies"):
    """Images by their source: `images` maps the reference they come from -> the one they are deployed from."""

    def __init__(
        self,
        name: str,
        *,
        images: Mapping[str, str],
        insecure: bool,
        source_insecure: bool,
        source_mirror: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props: dict[str, Any] = {
            "images": dict(images),
            "insecure": insecure,
            "sourceInsecure": source_insecure,
            "sourceMirror": source_mirror,
            "copiedBytes": None,
        }
        super().__init__(ImageCopiesProvider(), name, props, opts)
