"""The bricks of a complexe: release of the customer's umbrella chart."""

from typing import ClassVar

from components.umbrella import Umbrella


class Complexe(Umbrella):
    """Box office, web and stream jobs of one cinema."""

    token: ClassVar[str] = "bus:index:Complexe"
