"""Every image of a stack with why it is there, from the charts rendered with the stack's very values."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bus import image_reference
from bus.deployment import Deployment
from bus.image_reference import Reference, parse
from bus.images.delivered import rendered, running
from bus.images.delivered.proof import Objects
from bus.images.delivered.rendered import Named
from bus.images.delivered.running import Pins

EXTRA = "declared in bus:delivery.extraImages"


@dataclass
class Listed:
    """One image: `pulled` as pods name it, `source` where it comes from, and every reason why it is here."""

    pulled: str
    source: str
    why: list[str] = field(default_factory=list)
    digest: str = ""
    """that of its registry; empty until somebody has asked, or where nobody answers"""


@dataclass
class Listing:
    """What a stack's charts name: images; what is certainly one and cannot be read; what may be one."""

    images: list[Listed]
    unreadable: list[str]
    doubtful: list[str]


def listing(deployment: Deployment, objects: Iterable[Objects], stacks: Mapping[str, Pins | None]) -> Listing:
    """Every image of a stack; `stacks` are the pins of those in bus:delivery.alsoFrom. Raises NotDeployed."""
    found: dict[str, Listed] = {}
    unreadable, doubtful = [], []

    def add(pulled: str, source: str, why: str) -> None:
        entry = found.setdefault(pulled, Listed(pulled, source))
        if why not in entry.why:
            entry.why.append(why)

    for part in objects:
        sources, where = _sources(deployment, part), f"{part.site}: {part.release.name}"
        for named in rendered.named(part.documents, deployment.settings.stack_file.images.not_images):
            said = f"{where}: {named.why}"
            known = [pulled for pulled in sources if named.names(pulled)]
            image = _readable(named)
            if known:
                for pulled in known:
                    add(pulled, sources[pulled], f"{said} ({named.role})")
            elif image and (named.certain or named.versioned):
                add(named.image, image.pinned, f"{said} ({named.role})")
            elif named.certain:
                unreadable.append(f"{said} = {named.image!r} is no image reference: [host/]path[:tag][@sha256:...]")
            else:
                doubtful.append(f"{said} = {named.image!r} may be an image without its tag")
    for source, target, why in _declared(deployment, stacks):
        pulled = str(parse(target))
        if why or pulled not in found:
            add(pulled, source, why or "a brick of the stack, though no object names it")
    return Listing([found[pulled] for pulled in sorted(found)], unreadable, doubtful)


def reasons(deployment: Deployment, stacks: Mapping[str, Pins | None]) -> dict[str, list[str]]:
    """Image where it comes from -> the bricks that run it, and why else it is delivered; without rendering anything."""
    found: dict[str, list[str]] = {}
    for site in deployment.sites:
        for release in deployment.releases(site):
            for brick, image in release.images.items():
                found.setdefault(image.pinned, []).append(f"{site}: {release.name}: {brick}")
    for source, _, why in _declared(deployment, stacks):
        if why:
            found.setdefault(source, []).append(why)
    return found


def _sources(deployment: Deployment, part: Objects) -> dict[str, str]:
    """What the pods of a release may name -> where it comes from."""
    if not part.release.delivered:
        return {str(image): image.pinned for image in part.release.images.values()}
    return {str(parse(target)): source for source, target in deployment.deliveries(part.site).items()}


def _declared(deployment: Deployment, stacks: Mapping[str, Pins | None]) -> Iterator[tuple[str, str, str]]:
    """(source, target, why) of every image that is there whatever the objects say; no reason for a brick's own."""
    own = {source: target for site in deployment.sites for source, target in deployment.deliveries(site).items()}
    delivery = deployment.settings.stack_file.delivery
    extra = {parse(image).pinned for image in delivery.extra_images} if delivery else set()
    for source, target in own.items():
        yield source, target, EXTRA if source in extra else ""
    run = running.reasons(stacks)
    for source, target in {**own, **running.copies(own, stacks, deployment.registry)}.items():
        for why in run.get(source, ()):
            yield source, target, why


def _readable(named: Named) -> Reference | None:
    try:
        return image_reference.pulled(named.image)
    except ValueError:
        return None
