"""kafka-notif, apart from the base: it may start only once its topic exists (docs/adr/0005)."""

from typing import ClassVar

from components.umbrella import Umbrella


class Notif(Umbrella):
    """The notification service of a site."""

    token: ClassVar[str] = "bus:index:Notif"
