"""Images that other stacks run, delivered beside a stack's own: what recette tests is there already."""

from collections.abc import Mapping

from bus.image_reference import parse
from bus.images.promotion.deployed import NotDeployed

Pins = Mapping[str, Mapping[str, str]]
"""site -> brick -> image with tag and digest, as stack output `pins` has it"""


def copies(own: Mapping[str, str], stacks: Mapping[str, Pins | None], registry: str) -> dict[str, str]:
    """What `stacks` run and `own` lacks: reference where it comes from -> reference in the customer's `registry`.

    A tag that stands for another image there already stays with it: the second one goes by its digest alone. Raises
    NotDeployed.
    """
    taken = {target.partition("@")[0] for target in own.values()}
    found: dict[str, str] = {}
    for stack, pins in sorted(stacks.items()):
        for text in sorted({text for site in _deployed(stack, pins).values() for text in site.values()}):
            if text in own or text in found:
                continue
            target = parse(text).relocated(registry)
            tagged, _, digest = target.pinned.partition("@")
            if tagged in taken and not digest:
                continue  # the same tag of the same image
            found[text] = str(target) if tagged in taken else target.pinned
            taken.add(tagged)
    return found


def reasons(stacks: Mapping[str, Pins | None]) -> dict[str, list[str]]:
    """Image -> where it runs: `recette runs it on central as kafka`. Raises NotDeployed."""
    found: dict[str, list[str]] = {}
    for stack, pins in sorted(stacks.items()):
        for site, bricks in sorted(_deployed(stack, pins).items()):
            for brick, text in sorted(bricks.items()):
                found.setdefault(text, []).append(f"{stack} runs it on {site} as {brick}")
    return found


def _deployed(stack: str, pins: Pins | None) -> Pins:
    if not pins:
        raise NotDeployed(f"stack {stack}, named in bus:delivery.alsoFrom, has no output pins: deploy it first")
    return pins
