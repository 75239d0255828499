"""The images of a stack as their registries have them, as one resource: a preview shows a tag that moved."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ResourceProvider, UpdateResult

from bus.images import trust
from bus.images.lookup import Found, look_up
from bus.images.reference import parse
from bus.images.registries import Access, Registries
from bus.images.trust import Trust
from components.providers import connection

_INPUTS = ("images", "digests", "mirror", "insecure", "registries")


class ImagePinsProvider(ResourceProvider):
    """Looks images up and changes nothing; credentials are those that Docker has on this machine."""

    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuses an image that its registry lacks; a registry that does not answer is a warning."""
        access = Access(news["mirror"], bool(news["insecure"]), trust=trust.from_props(news.get("registries")))
        with Registries(access) as registries:
            found = look_up(news["images"], registries)
        before: dict[str, str] = _olds.get("digests") or {}
        _warn(found, before)
        known = {image: before[image] for image in found.unknown if image in before}
        inputs = {**news, "digests": dict(sorted({**known, **found.digests}.items()))}
        missing = [f"{image} does not exist in its registry; push it first" for image in found.missing]
        return CheckResult(inputs, [connection.failure(text) for text in missing])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compares images and digests; a key that an older state lacks is as good as an empty one."""
        return DiffResult(changes=any((_olds.get(k) or None) != (_news.get(k) or None) for k in _INPUTS), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Records what `check` has found."""
        return CreateResult(f"{len(props['images'])} images", props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Records what `check` has found."""
        return UpdateResult(_news)


def _warn(found: Found, before: dict[str, str]) -> None:
    """Says what could not be looked up, once for each registry, and which tags stand for another image now."""
    unknown = found.unknown
    for host in sorted({parse(image).host for image in unknown}):
        images = sorted(image for image in unknown if parse(image).host == host)
        more = f" and {len(images) - 1} more" if len(images) > 1 else ""
        connection.warn(f"{images[0]}{more} cannot be verified: {unknown[images[0]]}")
    for image, digest in found.digests.items():
        if image in before and before[image] != digest:
            way_out = "pods that run keep the old image; pin it: bus set-image"
            connection.warn(f"{image} was {before[image]} and is {digest} now: the tag was pushed again; {way_out}")


class ImagePins(pulumi.dynamic.Resource, module="bus", name="ImagePins"):
    """`digests` maps each of `images`, as its reference is written, to the digest that its registry has."""

    digests: pulumi.Output[dict[str, str] | None]

    def __init__(
        self,
        name: str,
        *,
        images: Sequence[str],
        mirror: str,
        insecure: bool,
        known: Mapping[str, Trust] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props: dict[str, Any] = {"images": list(images), "mirror": mirror, "insecure": insecure, "digests": None}
        props["registries"] = trust.to_props(known or {})
        super().__init__(ImagePinsProvider(), name, props, opts)
