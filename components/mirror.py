"""kafka2kafka: the mirror between central and every complexe, run on central."""

from typing import ClassVar

from components.umbrella import Umbrella


class Mirror(Umbrella):
    """One MirrorMaker 2 for each complexe, both directions."""

    token: ClassVar[str] = "bus:index:Mirror"
