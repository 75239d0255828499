"""Delivery: every image of a site is in the customer's registry before anything is deployed from it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bus.deployment import Deployment, SitePlan
from components.providers.copies import ImageCopies


@dataclass(frozen=True)
class DeliveryArgs:
    """`after` are the resources of every earlier tier."""

    deployment: Deployment
    site: SitePlan
    after: Sequence[pulumi.Resource]


class Delivery(pulumi.ComponentResource):
    """The images of one site's releases, copied registry to registry with their digests unchanged."""

    leaves: list[pulumi.Resource]

    def __init__(self, name: str, args: DeliveryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bus:index:Delivery", name, None, opts)
        delivery = args.deployment.settings.content.delivery
        if delivery is None:
            raise ValueError(f"{name}: the stack names no customer registry")
        images = ImageCopies(
            f"{name}-images",
            images=args.deployment.deliveries(args.site.name),
            insecure=delivery.insecure,
            source_insecure=delivery.source_insecure,
            source_mirror=delivery.source_mirror or "",
            platforms=delivery.platforms,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        self.leaves = [images]
        self.register_outputs({})
