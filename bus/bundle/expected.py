"""Whom a bundle must be of, and whether it may be loaded now: decided from its signed description."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bus.bundle.contents import Bundle

Loaded = Mapping[str, Mapping[str, object]]
"""customer/stack -> serial and date of the bundle that was loaded last"""


@dataclass(frozen=True)
class Expected:
    """What the customer's operator says of a bundle: whose key, for whom, and whether an older one will do."""

    public_key: Path | None = None
    """None: whoever made it (--unsigned)"""
    customer: str = ""
    stack: str = ""
    """empty: as the registry remembers from the bundle before"""
    allow_older: bool = False


def refusals(bundle: Bundle, expected: Expected) -> list[str]:
    """Return why a bundle is not the one that was named: another customer's, or another stack's."""
    said = ((expected.customer, bundle.customer, "customer"), (expected.stack, bundle.stack, "stack"))
    return [
        f"it is for {what} {found!r}, and --{what} names {wanted!r}: ask for the right bundle, or name that one"
        for wanted, found, what in said
        if wanted and wanted != found
    ]


def refusals_of_load(bundle: Bundle, expected: Expected, loaded: Loaded) -> list[str]:
    """Return why a bundle may not be loaded into a registry that remembers `loaded`, with the remedy of each."""
    if wrong := refusals(bundle, expected):
        return wrong
    name = f"{bundle.customer}/{bundle.stack}"
    before = loaded.get(name)
    if before is None:
        if expected.customer and expected.stack:
            return []
        remembered = f"remembers bundles of {', '.join(sorted(loaded))} alone" if loaded else "remembers no bundle yet"
        return [
            f"it is for {name}, and {bundle.registry} {remembered}: where that is what you want, say so with "
            f"--customer {bundle.customer} --stack {bundle.stack}"
        ]
    serial = before.get("serial")
    if isinstance(serial, int) and bundle.serial < serial and not expected.allow_older:
        return [
            f"its serial number is {bundle.serial} ({bundle.made}), and {serial} ({before.get('made')}) was loaded "
            "before: ask for a newer bundle; to go back on purpose: --allow-older"
        ]
    return []


def noted(bundle: Bundle, loaded: Loaded) -> dict[str, Mapping[str, object]]:
    """Return what a registry remembers once it has this bundle."""
    return {**loaded, f"{bundle.customer}/{bundle.stack}": {"serial": bundle.serial, "made": bundle.made}}
