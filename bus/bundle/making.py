"""Making a bundle, and loading one into a registry."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bus import charts
from bus.bundle import archive, contents
from bus.bundle.archive import BadBundle
from bus.bundle.contents import Bundle
from bus.deployment import Deployment
from bus.errors import on_disk
from bus.images import proof
from bus.images.copying import Copied, Copying, parts
from bus.images.layout import Layout
from bus.images.lookup import look_up
from bus.images.manifests import blobs as blobs_of
from bus.images.reference import parse
from bus.images.registries import Access, Place, Registries
from bus.images.running import Pins

_IMAGES_AT_ONCE, _BLOBS_AT_ONCE = 4, 8


def make(
    root: Path,
    plan: Deployment,
    target: Path,
    access: Access,
    key: Path | None = None,
    earlier: Path | None = None,
    stacks: Mapping[str, Pins | None] | None = None,
) -> Bundle:
    """Writes the bundle of a stack; with `earlier`, without the blobs that one has.

    `stacks` are the pins of those in bus:delivery.alsoFrom. Raises BadBundle, RegistryError, NotDeployed, and Refused
    where the charts name what would not be in it.
    """
    if not plan.registry:
        raise BadBundle(
            f"{plan.settings.file} names no customer registry; set bus:delivery.registry to where it will be"
        )
    hosted = plan.settings.content.delivery and plan.settings.content.delivery.hosted_by
    if hosted:
        raise BadBundle(
            f"{plan.settings.file}: bus:delivery.hostedBy = {hosted!r}: a bundle is loaded before anything of it runs; "
            f"take the key away, and name a registry that is there by then"
        )
    if asking := [name for name, site in plan.sites.items() if site.settings.kafka.authorization]:
        raise BadBundle(
            f"the Kafka of {', '.join(asking)} asks for logins (bus:sites.<site>.kafka.authorization), whose passwords "
            "only pulumi up can make: switch it off for a stack that is delivered as a bundle"
        )
    with _beside(target) as work:
        folder, staged = work / "bundle", work / "charts"
        proof.check(plan, root / "charts", staged)
        elsewhere = _earlier(earlier, work / "earlier", plan.registry)
        with Registries(access) as registries:
            found = look_up(contents.deliveries(plan, stacks or {}), registries)
            wrong = dict.fromkeys(found.missing, "does not exist in its registry") | found.unknown
            if wrong:
                raise BadBundle("\n".join(f"{image}: {reason}" for image, reason in sorted(wrong.items())))
            bundle = contents.describe(plan, stacks or {}, found.digests, elsewhere)
            layout, copies = Layout(folder, elsewhere), []
            for goes_to, (path, tag) in contents.paths(bundle).items():
                source = registries.place(parse(str(bundle.images[goes_to]["source"])))
                pinned = Place(source.registry, source.name, str(bundle.images[goes_to]["digest"]))
                copies.append((pinned, Place(layout, path, tag), tag))
            _copy(copies, {})
        for site in plan.sites.values():
            places = {r.chart: charts.stage(root / "charts", r.chart, staged) for r in plan.releases(site.name)}
            contents.write_site(folder, plan, site, places)
        bundle.write(folder)
        (folder / "README.txt").write_text(contents.readme(plan))
        archive.seal(folder, key)
        archive.pack(folder, target)
    return bundle


def load(file: Path, access: Access, public_key: Path | None) -> tuple[Bundle, Copied]:
    """Checks a bundle and brings its images to the registry that it names; raises BadBundle or RegistryError."""
    with _beside(file) as folder:
        archive.unpack(file, folder)
        archive.check(folder, public_key)
        bundle, layout = Bundle.read(folder), Layout(folder)
        with Registries(access) as registries:
            copies = []
            for target, (path, _) in contents.paths(bundle).items():
                image, digest = parse(target), str(bundle.images[target]["digest"])
                copies.append((Place(layout, path, digest), registries.place(image), image.tag))
            return bundle, _copy(copies, bundle.elsewhere)


def verify(file: Path, public_key: Path | None) -> Bundle:
    """Checks a bundle as `load` would, without a registry; raises BadBundle."""
    with _beside(file) as folder:
        archive.unpack(file, folder)
        archive.check(folder, public_key)
        return Bundle.read(folder)


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """A folder beside a bundle for what is in it, gone afterwards; raises NoDisk where there is no room for it."""
    folder = file.resolve().parent
    with on_disk(folder), tempfile.TemporaryDirectory(prefix=".bundle-", dir=folder) as work:
        yield Path(work)


def _copy(copies: Sequence[tuple[Place, Place, str]], elsewhere: Mapping[str, str]) -> Copied:
    """Copies from, to, under a tag; `elsewhere` tells which image of the target has a blob. Raises the first error."""
    with ThreadPoolExecutor(_BLOBS_AT_ONCE) as blobs, ThreadPoolExecutor(_IMAGES_AT_ONCE) as images:
        copying = Copying(blobs)
        for host in {target.registry.host for _, target, _ in copies}:
            for digest, path in elsewhere.items():
                copying.note((host, digest), path)
        done = [images.submit(copying.copy, source, target, tag) for source, target, tag in copies]
    return sum((task.result() for task in done), Copied(""))


def _earlier(file: Path | None, folder: Path, registry: str) -> dict[str, str]:
    """The blobs that an earlier bundle of `registry` brings, or stands on itself -> an image that has them."""
    if file is None:
        return {}
    archive.unpack(file, folder)
    archive.check(folder, None)
    before, layout = Bundle.read(folder), Layout(folder)
    if before.registry.partition("/")[0] != registry.partition("/")[0]:
        raise BadBundle(
            f"{file} brings its images to {before.registry}, and this bundle goes to {registry}, "
            f"which has none of them; give one of {registry}, or leave --against out"
        )
    found = dict(before.elsewhere)
    for target, (path, _) in contents.paths(before).items():
        for part in parts(layout, path, str(before.images[target]["digest"])):
            found.update({str(blob["digest"]): path for blob in blobs_of(part.described)})
    return found
