"""docker-registry: an optional image registry with its volume and ingress."""

from collections.abc import Mapping
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s

from bus.config import hosted_registry
from components.umbrella import Umbrella


class Registry(Umbrella):
    """A registry of the customer, run on one of the sites."""

    token: ClassVar[str] = "bus:index:Registry"


def logins(
    name: str, namespace: str, users: pulumi.Input[Mapping[str, pulumi.Input[str]]], opts: pulumi.ResourceOptions
) -> k8s.core.v1.Secret:
    """Who may use the registry: htpasswd files by their key in the Secret.

    Made here and not by the chart, so that no hash stands in the release's record.
    """
    return k8s.core.v1.Secret(
        name,
        metadata={"name": hosted_registry.SECRET, "namespace": namespace},
        string_data=users,
        opts=opts,
    )
