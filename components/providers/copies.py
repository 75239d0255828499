"""The images of one site in the customer's registry, as one resource."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from bus.cluster.endpoints import registry_host
from bus.errors import UserError
from bus.image_reference import parse
from bus.images.copy.copying import Copying, CopyResult
from bus.images.registry import trust
from bus.images.registry.login import Login
from bus.images.registry.lookup import look_up
from bus.images.registry.registries import Access, ImageLocation, Registries
from bus.images.registry.trust import Trust
from bus.images.signatures import verifying
from bus.images.signatures.cosign import Policy
from components.providers import connection
from components.providers.guarding import guarded
from components.providers.pins import refused

_INPUTS = (
    "images",
    "digests",
    "insecure",
    "sourceInsecure",
    "sourceMirror",
    "platforms",
    "registries",
    "host",
    "verify",
)
_IMAGES_AT_ONCE, _BLOBS_AT_ONCE = 4, 8


class Undelivered(UserError, ValueError):
    """Images that could not be looked up or copied, each with its reason."""


@guarded("delivered images")
class ImageCopiesProvider(ResourceProvider):
    """Copies what is missing, registry to registry; never removes an image from a customer's registry."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        """Keeps the registry's credentials, which no state may hold."""
        self._username = req.config.get("bus:delivery.username") or ""
        self._password = req.config.get("bus:delivery.password") or ""
        self._request = req

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Finds the digest of every image, so that a preview shows a tag that moved and refuses one that is missing."""
        with self._source(news) as registries:
            found = look_up(news["images"], registries)
            wanted = Policy.from_props(news.get("verify"))
            unsigned = verifying.unsigned(found, registries, wanted)
        failures = [f"{image} does not exist in its registry; push it first" for image in found.missing]
        failures += [f"{image} cannot be looked up: {reason}" for image, reason in found.refused.items()]
        for image, reason in {**found.silent, **found.unreadable}.items():
            before = (_olds.get("digests") or {}).get(image)
            if before is None:
                failures.append(f"{image} cannot be looked up: {reason}")
            else:
                connection.warn(f"{image} cannot be looked up, its last known digest is taken: {reason}")
                found.digests[image] = before
        failures += refused(unsigned, wanted)
        inputs = {**news, "digests": dict(sorted(found.digests.items()))}
        return CheckResult(inputs, [connection.failure(text) for text in failures])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compares images and digests; a key that an older state lacks is as good as an empty one."""
        return DiffResult(changes=any((_olds.get(k) or None) != (_news.get(k) or None) for k in _INPUTS), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Copies every image; what is there already moves no byte."""
        return CreateResult(f"{len(props['images'])} images", self._copy(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Copies what is new or has moved."""
        return UpdateResult(self._copy(_news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """What the customer's registry still has: an image that was lost or spoilt there is drift: it comes back."""
        images: dict[str, str] = props["images"]
        with self._target(props) as registries:
            found = look_up(images.values(), registries)
        # A registry that fails over every image is ill, and has lost none of them.
        ill = {} if found.digests or found.missing else found.unreadable
        if unknown := {**found.silent, **ill, **found.refused}:
            raise Undelivered("\n".join(f"{image}: {reason}" for image, reason in sorted(unknown.items())))
        there = {source: found.digests[target] for source, target in images.items() if target in found.digests}
        seen = {**props, "digests": there}
        return ReadResult(id_, seen, {key: seen.get(key) for key in _INPUTS})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Removes nothing: the images are the customer's now."""

    def _copy(self, props: Mapping[str, Any]) -> dict[str, Any]:
        """Copies all images that can be copied, and then says of the others why they could not be."""
        images: dict[str, str] = props["images"]
        wrong, moved = [], 0
        with (
            self._source(props) as sources,
            self._target(props) as targets,
            ThreadPoolExecutor(max_workers=_BLOBS_AT_ONCE) as blobs,
            ThreadPoolExecutor(max_workers=_IMAGES_AT_ONCE) as pool,
        ):
            copying = Copying(blobs, props.get("platforms") or ())

            def one(source: str, target: str) -> CopyResult:
                place, wanted = sources.place(parse(source)), parse(target)
                pinned = ImageLocation(place.registry, place.name, props["digests"][source])
                return copying.copy(pinned, targets.place(wanted), wanted.tag)

            tasks = {pool.submit(one, source, target): source for source, target in sorted(images.items())}
            for number, task in enumerate(as_completed(tasks), 1):
                if error := task.exception():
                    wrong.append(f"{tasks[task]}: {error}")
                else:
                    moved += task.result().size_bytes
                    _say(f"{number} of {len(tasks)} images", tasks[task], task.result())
        if wrong:
            raise Undelivered(
                "\n".join(["not delivered; the next update goes on where this one ended:", *sorted(wrong)])
            )
        return {**props, "copiedBytes": moved}

    @contextmanager
    def _source(self, props: Mapping[str, Any]) -> Iterator[Registries]:
        """The registries that images come from, with whatever login Docker has for them."""
        known = trust.from_props(props.get("registries"))
        access = Access(props["sourceMirror"], bool(props["sourceInsecure"]), trust=known)
        with Registries(access) as registries:
            yield registries

    @contextmanager
    def _target(self, props: Mapping[str, Any]) -> Iterator[Registries]:
        """The customer's registry, with the stack's credentials where it has some."""
        login, insecure = Login(self._username, self._password), bool(props["insecure"])
        known = trust.from_props(props.get("registries"))
        with ExitStack() as stack:
            if host := props.get("host"):
                # What nodes pull from is read-only; images go to the instance beside it.
                mirror = stack.enter_context(registry_host(connection.cluster(host, self._request)))
                access = Access(mirror, True, {mirror: login})
            else:
                hosts = {parse(target).host.lower() for target in props["images"].values()}
                access = Access("", insecure, dict.fromkeys(hosts, login) if self._username else {}, known)
            yield stack.enter_context(Registries(access))


def _say(progress: str, image: str, copied: CopyResult) -> None:
    """One line for an image that moved anything."""
    if copied.blobs or copied.mounted or copied.referrers:
        what = f"{copied.blobs} blobs, {copied.size_bytes / 1e6:.1f} MB, {copied.mounted} shared"
        connection.say(f"{progress}: {image}: {what}, {copied.referrers} referrers")


class ImageCopies(pulumi.dynamic.Resource, module="bus", name="ImageCopies"):
    """Images by their source: `images` maps the reference they come from -> the one they are deployed from."""

    def __init__(
        self,
        name: str,
        *,
        images: pulumi.Input[Mapping[str, str]],
        insecure: bool,
        source_insecure: bool,
        source_mirror: str,
        platforms: Sequence[str] = (),
        known: Mapping[str, Trust] | None = None,
        host: connection.SiteEndpoint | None = None,
        verify: Policy | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props: dict[str, Any] = {
            "images": images,
            "insecure": insecure,
            "sourceInsecure": source_insecure,
            "sourceMirror": source_mirror,
            "platforms": list(platforms),
            "registries": trust.to_props(known or {}),
            "host": host.props if host else None,
            "verify": verify.to_props() if verify else None,
            "copiedBytes": None,
        }
        super().__init__(ImageCopiesProvider(), name, props, opts)
