"""docker-registry: an optional image registry with its volume and ingress."""

from typing import ClassVar

from components.umbrella import Umbrella


class Registry(Umbrella):
    """A registry of the customer, run on one of the sites."""

    token: ClassVar[str] = "bus:index:Registry"
