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
        self.leaves = []
        self.register_outputs({})
