"""Fixtures that several modules of this folder share."""

from tests.servers.kwok import kwok

__all__ = ["kwok"]
