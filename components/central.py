"""The bricks of central: release of the customer's umbrella chart."""

from typing import ClassVar

from components.umbrella import Umbrella


class Central(Umbrella):
    """APIs, stream jobs and imports of the head office."""

    token: ClassVar[str] = "bus:index:Central"
