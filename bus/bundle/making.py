"""Making a bundle, and loading one into a registry."""

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bus.bundle import archive, contents, memory
from bus.bundle.archive import BadBundle
from bus.bundle.contents import Bundle
from bus.bundle.expected import Expected, noted, refusals, refusals_of_load
from bus.deployment import Deployment
from bus.errors import on_disk
from bus.image_reference import parse
from bus.images.copy.copying import Copying, CopyResult, parts
from bus.images.copy.layout import Layout
from bus.images.delivered import proof
from bus.images.delivered.running import Pins
from bus.images.manifests import blobs as blobs_of
from bus.images.registry.lookup import look_up
from bus.images.registry.registries import Access, ImageLocation, Registries
from bus.images.signatures import verifying
from bus.releases.render import charts

_IMAGES_AT_ONCE, _BLOBS_AT_ONCE = 4, 8


def make(
    root: Path,
    deployment: Deployment,
    target: Path,
    access: Access,
    key: Path | None = None,
    earlier: Path | None = None,
    stacks: Mapping[str, Pins | None] | None = None,
    serial: int | None = None,
    earlier_key: Path | None = None,
) -> Bundle:
    """Write the bundle of a stack, signed with `key`; with `earlier`, without the blobs that one has.

    `stacks` are the pins of those in bus:delivery.alsoFrom. `serial` is by default the present second, and has to be
    above that of `earlier`, which `earlier_key` (by default the public half of `key`) has signed. Raise BadBundle,
    RegistryError, NotDeployed, and InvalidInput where the charts name what would not be in it.
    """
    if not deployment.registry:
        raise BadBundle(
            f"{deployment.settings.file} names no customer registry; set bus:delivery.registry to where it will be"
        )
    file, delivery = deployment.settings.file, deployment.settings.stack_file.delivery
    hosted = delivery and delivery.hosted_by
    if hosted:
        raise BadBundle(
            f"{file}: bus:delivery.hostedBy = {hosted!r}: a bundle is loaded before anything of it runs; "
            f"take the key away, and name a registry that is there by then"
        )
    now = datetime.now(UTC)
    serial = int(now.timestamp()) if serial is None else serial
    with _beside(target) as work:
        folder, staged = work / "bundle", work / "charts"
        proof.check(deployment, root / "charts", staged)
        signer = earlier_key or (archive.public_half(key, work / "signer.pem") if key and earlier else None)
        elsewhere = _earlier(earlier, work / "earlier", deployment, serial, signer)
        with Registries(access) as registries:
            found = look_up(contents.deliveries(deployment, stacks or {}), registries)
            wrong = dict.fromkeys(found.missing, "does not exist in its registry") | found.unknown
            wanted = verifying.policy(deployment.settings.stack_file.images, root)
            unsigned = verifying.unsigned(found, registries, wanted)
            if wanted and wanted.require:
                wrong = unsigned | wrong
            elif unsigned:
                print(*(f"warning: {image}: {why}" for image, why in unsigned.items()), sep="\n", file=sys.stderr)
            if wrong:
                raise BadBundle("\n".join(f"{image}: {reason}" for image, reason in sorted(wrong.items())))
            bundle = contents.describe(deployment, stacks or {}, found.digests, elsewhere, serial, now)
            layout, copies = Layout(folder, elsewhere), []
            for goes_to, (path, tag) in contents.paths(bundle).items():
                source = registries.place(parse(str(bundle.images[goes_to]["source"])))
                pinned = ImageLocation(source.registry, source.name, str(bundle.images[goes_to]["digest"]))
                copies.append((pinned, ImageLocation(layout, path, tag), tag))
            _copy(copies, {})
        for site in deployment.sites.values():
            used = {release.chart for release in deployment.releases(site.name)}
            places = {chart: charts.stage(root / "charts", chart, staged, bare=True) for chart in sorted(used)}
            contents.write_site(folder, deployment, site, places)
        bundle.write(folder)
        (folder / "README.txt").write_text(
            contents.readme(deployment, bundle, archive.fingerprint(key, private=True) if key else "")
        )
        archive.seal(folder, key)
        archive.pack(folder, target)
    return bundle


def load(file: Path, access: Access, expected: Expected) -> tuple[Bundle, CopyResult]:
    """Check a bundle and bring its images to the registry that it names; raise BadBundle or RegistryError.

    The registry remembers it: an older one, or another stack's, is refused the next time.
    """
    with _beside(file) as folder:
        archive.unpack(file, folder, expected.public_key)
        bundle, layout = Bundle.read(_description(folder)), Layout(folder)
        with Registries(access) as registries:
            loaded = memory.read(registries, bundle.registry)
            _refuse(file, refusals_of_load(bundle, expected, loaded))
            copies = []
            for target, (path, _) in contents.paths(bundle).items():
                image, digest = parse(target), str(bundle.images[target]["digest"])
                copies.append((ImageLocation(layout, path, digest), registries.place(image), image.tag))
            copied = _copy(copies, bundle.elsewhere)
            memory.write(registries, bundle.registry, noted(bundle, loaded))
        return bundle, copied


def verify(file: Path, expected: Expected) -> Bundle:
    """Check a bundle as `load` would, without a registry and without unpacking it; raise BadBundle."""
    bundle = Bundle.read(archive.part(file, contents.DESCRIPTION, expected.public_key))
    _refuse(file, refusals(bundle, expected))
    return bundle


def _refuse(file: Path, reasons: Sequence[str]) -> None:
    if reasons:
        raise BadBundle("\n".join(f"{file} is refused: {reason}" for reason in reasons))


def _description(folder: Path) -> bytes:
    try:
        return (folder / contents.DESCRIPTION).read_bytes()
    except FileNotFoundError:
        raise BadBundle(f"{contents.DESCRIPTION} is missing: this is no bundle") from None


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """A folder beside a bundle for what is in it, gone afterwards; raises DiskError where there is no room for it."""
    folder = file.resolve().parent
    with on_disk(folder), tempfile.TemporaryDirectory(prefix=".bundle-", dir=folder) as work:
        yield Path(work)


def _copy(copies: Sequence[tuple[ImageLocation, ImageLocation, str]], elsewhere: Mapping[str, str]) -> CopyResult:
    """Copies from, to, under a tag; `elsewhere` tells which image of the target has a blob. Raises the first error."""
    with ThreadPoolExecutor(_BLOBS_AT_ONCE) as blobs, ThreadPoolExecutor(_IMAGES_AT_ONCE) as images:
        copying = Copying(blobs)
        for host in {target.registry.host for _, target, _ in copies}:
            for digest, path in elsewhere.items():
                copying.note((host, digest), path)
        done = [images.submit(copying.copy, source, target, tag) for source, target, tag in copies]
    return sum((task.result() for task in done), CopyResult(""))


def _earlier(
    file: Path | None, folder: Path, deployment: Deployment, serial: int, signer: Path | None
) -> dict[str, str]:
    """The blobs that an earlier bundle of the stack brings, or stands on itself -> an image that has them."""
    if file is None:
        return {}
    folder.mkdir()
    archive.unpack(file, folder, signer)
    before, layout = Bundle.read(_description(folder)), Layout(folder)
    wrong = refusals(
        before, Expected(customer=deployment.settings.stack_file.customer, stack=deployment.settings.stack)
    )
    if before.registry.partition("/")[0] != deployment.registry.partition("/")[0]:
        wrong.append(
            f"it brings its images to {before.registry}, and this bundle goes to {deployment.registry}, "
            f"which has none of them; give one of {deployment.registry}, or leave --against out"
        )
    if serial <= before.serial:
        wrong.append(
            f"its serial number is {before.serial}, and that of the new one {serial}: --serial needs a higher one"
        )
    _refuse(file, wrong)
    found = dict(before.elsewhere)
    for target, (path, _) in contents.paths(before).items():
        for part in parts(layout, path, str(before.images[target]["digest"])):
            found.update({str(blob["digest"]): path for blob in blobs_of(part.described)})
    return found
