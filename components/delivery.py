"""Delivery: every image of a site is in the customer's registry before anything is deployed from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

from bus.deployment import PULL_SECRET, Deployment, SitePlan
from bus.images.delivered import running
from bus.images.registry import trust
from bus.images.registry.credentials import docker_config
from bus.images.registry.login import Login
from bus.images.signatures import verifying
from components.providers.connection import SiteEndpoint
from components.providers.copies import ImageCopies


@dataclass(frozen=True)
class DeliveryArgs:
    """`after` are the resources of every earlier tier."""

    deployment: Deployment
    site: SitePlan
    after: Sequence[pulumi.Resource]
    login: tuple[pulumi.Output[str], pulumi.Output[str]] | None = None
    """user and password that nodes pull from the customer's registry with, both secret"""
    also_from: Sequence[str] = ()
    """stacks whose running images come along"""
    host: SiteEndpoint | None = None
    """the site that runs the customer's registry, where one of the stack does"""


class Delivery(pulumi.ComponentResource):
    """The images of one site's releases, copied registry to registry with their digests unchanged."""

    leaves: list[pulumi.Resource]

    def __init__(self, name: str, args: DeliveryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bus:index:Delivery", name, None, opts)
        delivery = args.deployment.settings.stack_file.delivery
        if delivery is None:
            raise ValueError(f"{name}: the stack names no customer registry")
        images = ImageCopies(
            f"{name}-images",
            images=self._images(args),
            insecure=delivery.insecure,
            source_insecure=delivery.source_insecure,
            source_mirror=delivery.source_mirror or "",
            platforms=delivery.platforms,
            host=args.host,
            verify=verifying.policy(args.deployment.settings.stack_file.images, Path.cwd()),
            known=trust.read(args.deployment.settings.stack_file.images, Path.cwd()),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        self.leaves = [images]
        if args.login:
            self.leaves.append(self._pull_secret(name, args, delivery.registry.split("/")[0], args.login))
        self.register_outputs({})

    def _images(self, args: DeliveryArgs) -> pulumi.Input[Mapping[str, str]]:
        """The site's own images, and those that other stacks had running at their last deployment."""
        own, registry = args.deployment.deliveries(args.site.name), args.deployment.registry
        if not args.also_from:
            return own
        opts = pulumi.ResourceOptions(parent=self)
        pins = {
            stack: pulumi.StackReference(stack, opts=opts).get_output("pins") for stack in sorted(set(args.also_from))
        }
        return pulumi.Output.all(**pins).apply(lambda found: {**own, **running.copies(own, found, registry)})

    def _pull_secret(
        self, name: str, args: DeliveryArgs, host: str, login: tuple[pulumi.Output[str], pulumi.Output[str]]
    ) -> k8s.core.v1.Secret:
        """What the site's pods pull with, named in `global.imagePullSecrets` of every release."""
        content = pulumi.Output.all(*login).apply(lambda pair: docker_config(host, Login(*pair)))
        return k8s.core.v1.Secret(
            f"{name}-pull",
            metadata={
                "name": PULL_SECRET,
                "namespace": args.site.site.namespace,
                "annotations": {"pulumi.com/patchForce": "true"},  # one left by the old process is taken over
            },
            type="kubernetes.io/dockerconfigjson",
            string_data={".dockerconfigjson": content},
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
