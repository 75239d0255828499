"""The images of a stack as their registries have them, as one resource: a preview shows a tag that moved."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ResourceProvider, UpdateResult

from bus.image_reference import parse
from bus.images.registry import trust
from bus.images.registry.lookup import Found, look_up
from bus.images.registry.registries import Access, Registries
from bus.images.registry.trust import Trust
from bus.images.signatures import verifying
from bus.images.signatures.cosign import Policy, matches
from components.providers import connection
from components.providers.guarding import guarded

_INPUTS = ("images", "digests", "mirror", "insecure", "registries", "verify")


@guarded("image digests")
class ImagePinsProvider(ResourceProvider):
    """Looks images up and changes nothing; credentials are those that Docker has on this machine."""

    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuses an image that its registry lacks; a registry that does not answer is a warning."""
        access = Access(news["mirror"], bool(news["insecure"]), trust=trust.from_props(news.get("registries")))
        with Registries(access) as registries:
            found = look_up(news["images"], registries)
            wanted = Policy.from_props(news.get("verify"))
            unsigned = verifying.unsigned(found, registries, wanted)
        before: dict[str, str] = _olds.get("digests") or {}
        _warn(found, before)
        if wanted:
            _warn_of_tags(news["images"], wanted)
        known = {image: before[image] for image in found.unknown if image in before}
        inputs = {**news, "digests": dict(sorted({**known, **found.digests}.items()))}
        missing = [f"{image} does not exist in its registry; push it first" for image in found.missing]
        return CheckResult(inputs, [connection.failure(text) for text in missing + refused(unsigned, wanted)])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compares images and digests; a key that an older state lacks is as good as an empty one."""
        return DiffResult(changes=any((_olds.get(k) or None) != (_news.get(k) or None) for k in _INPUTS), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Records what `check` has found."""
        return CreateResult(f"{len(props['images'])} images", props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Records what `check` has found."""
        return UpdateResult(_news)


def refused(unsigned: Mapping[str, str], wanted: Policy | None) -> list[str]:
    """Return what is refused for want of a signature; where none is required, say it and return nothing."""
    lines = [f"{image} {reason}" for image, reason in unsigned.items()]
    if wanted and wanted.require:
        return lines
    for line in lines:
        connection.warn(line)
    return []


def _warn_of_tags(images: Sequence[str], wanted: Policy) -> None:
    """Says which images may be others by the time they are pulled: a signature is of a digest."""
    tags = [image for image in images if "@" not in image and not matches(parse(image), wanted.exempt)]
    if tags:
        more = f" and {len(tags) - 1} more" if len(tags) > 1 else ""
        connection.warn(f"{tags[0]}{more}: deployed by a tag, which may stand for another image than the one verified")


def _warn(found: Found, before: dict[str, str]) -> None:
    """Says what could not be looked up, once for each registry, and which tags stand for another image now."""
    unknown = found.unknown
    for host in sorted({parse(image).host for image in unknown}):
        images = sorted(image for image in unknown if parse(image).host == host)
        more = f" and {len(images) - 1} more" if len(images) > 1 else ""
        connection.warn(f"{images[0]}{more} cannot be verified: {unknown[images[0]]}")
    for image, digest in found.digests.items():
        if image in before and before[image] != digest:
            remedy = "pods that run keep the old image; pin it: bus set-image"
            connection.warn(f"{image} was {before[image]} and is {digest} now: the tag was pushed again; {remedy}")


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
        verify: Policy | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props: dict[str, Any] = {"images": list(images), "mirror": mirror, "insecure": insecure, "digests": None}
        props["registries"] = trust.to_props(known or {})
        props["verify"] = verify.to_props() if verify else None
        super().__init__(ImagePinsProvider(), name, props, opts)
