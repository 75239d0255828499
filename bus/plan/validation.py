"""What is wrong with a stack as a whole: names of bricks and their images (bus.plan.environment: their variables)."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from bus.config.bricks import Brick
from bus.config.free_content import number_problems
from bus.config.names import base_chart, umbrella
from bus.config.parsing import nearest
from bus.config.settings import Settings
from bus.config.stack_file import kind_of
from bus.deployment import MIRROR, NOTIF, REGISTRY, Deployment, Release, umbrellas
from bus.errors import Problem
from bus.image_reference import parse
from bus.releases.render import charts
from bus.releases.render.values import Layer, Path_, brick_layer

# docker-registry is a release of its own; what sites.<site>.enable may name besides the umbrellas' optional bricks.
_OWN_RELEASE = frozenset({NOTIF, MIRROR, REGISTRY})
Places = Mapping[str, Mapping[str, tuple[Path_, str]]]
"""chart of a release -> brick -> where it is in the values, and its chart"""


def layers(settings: Settings, site: str, bricks: Mapping[str, Brick]) -> list[Layer]:
    """The values that people write, lowest precedence first."""
    return [
        *(brick_layer(brick) for brick in bricks.values()),
        Layer(settings.file, "bus:values", settings.stack_file.values),
        Layer(settings.file, f"bus:sites.{site}.values", settings.stack_file.sites[site].values),
    ]


def unknown_bricks(settings: Settings, known: frozenset[str]) -> list[Problem]:
    """Names in the stack file that are no brick of any chart."""
    content, file = settings.stack_file, settings.file
    named = [(f"bus:values.{brick}", brick) for brick in content.values]
    for name, site in content.sites.items():
        named += [(f"bus:sites.{name}.values.{brick}", brick) for brick in site.values]
        named += [(f"bus:sites.{name}.enable", brick) for brick in site.enable]
    allowed = f"no chart has this brick; bricks: {', '.join(sorted(known))}"
    return [Problem(file, path, brick, allowed, nearest(brick, known)) for path, brick in named if brick not in known]


def changed_numbers(settings: Settings, bricks: Mapping[str, Brick]) -> list[Problem]:
    """Return the numbers in values of charts that would be others in a cluster."""
    content, file = settings.stack_file, settings.file
    written = [(brick.file, "values", brick.content.values) for brick in bricks.values()]
    written += [(file, f"bus:values.{brick}", dict(values)) for brick, values in content.values.items()]
    for name, site in content.sites.items():
        written += [(file, f"bus:sites.{name}.values.{brick}", dict(values)) for brick, values in site.values.items()]
    return [problem for where, path, values in written for problem in number_problems(values, where, path)]


def no_umbrellas(settings: Settings, folder: Path) -> list[Problem]:
    """Umbrella charts of the customer that are not in `folder`: without them nothing else can be judged."""
    missing = [
        chart for chart in umbrellas(settings.stack_file.customer) if not (folder / chart / "Chart.yaml").is_file()
    ]
    if not missing:
        return []
    ends = umbrellas("")
    there = {path.name.removesuffix(end) for end in ends for path in folder.glob(f"*{end}")}
    complete = sorted(name for name in there if all((folder / f"{name}{end}").is_dir() for end in ends))
    allowed = f"has no umbrella chart {', '.join(missing)} in {folder.name}/; customers with all three: "
    remedy = "copy the umbrella charts of another customer, or name one that is there"
    return [Problem(settings.file, "bus:customer", settings.stack_file.customer, allowed + ", ".join(complete), remedy)]


def not_here(settings: Settings, found: Places) -> list[Problem]:
    """Bricks that a site enables, and that only the other kind of site can have."""
    known, problems = {brick for bricks in found.values() for brick in bricks}, []
    customer = settings.stack_file.customer
    for name, site in settings.stack_file.sites.items():
        kind = kind_of(name)
        here = {*found[base_chart(customer)], *found[umbrella(customer, kind)], REGISTRY}
        allowed = f"is no brick of a {kind}; bricks here: {', '.join(sorted(here))}"
        wrong = [brick for brick in site.enable if brick in known and brick not in here | _OWN_RELEASE]
        problems += [Problem(settings.file, f"bus:sites.{name}.enable", brick, allowed) for brick in wrong]
    return problems


def of_images(
    folder: Path, deployment: Deployment, found: Places, bricks: Mapping[str, Brick], spoiled: Collection[str]
) -> list[Problem]:
    """Images that no registry would take the name of, that nobody names, or that have no digest where one is wanted.

    `spoiled` are files that have another fault already.
    """
    problems = [problem for problem in _by_tag_alone(deployment) if problem.file not in spoiled]
    for site, release, brick in running(deployment):
        file = f"values/{brick}.yml"
        image = release.images[brick]
        if not all(isinstance(part, str) for part in (image.repository, image.name, image.tag, image.digest)):
            continue  # a number in the stack file's values, which the schema of the chart refuses
        try:
            parse(image.pinned)
        except ValueError as error:
            where = "repository, name, tag and digest, here or in the stack file's values"
            problems.append(Problem(file, "image", None, str(error), f"mend {where}"))
        chart = found[release.chart][brick][1]
        written = [layer.bricks.get(brick, {}) for layer in layers(deployment.settings, site, bricks)]
        named = chart == brick or any("name" in (one.get("image") or {}) for one in written)
        if not named and file not in spoiled and image.name == _stand_in(folder, chart):
            allowed = f"is required: {brick} would run the stand-in of charts/{chart}"
            remedy = f"write repository, name and tag, or bus:values.{brick}: {{enabled: false}} to leave it out"
            problems.append(Problem(file, "image", None, allowed, remedy))
    return problems


def without_image(folder: Path, found: Mapping[str, tuple[Path_, str]], bricks: Collection[str]) -> list[Problem]:
    """Return a problem for each of the `bricks`, which have no image, whose chart runs one."""
    needy = [brick for brick in sorted(bricks) if charts.default_values(folder, found[brick][1]).get("image")]
    allowed = "is required, and values take it away"
    remedy = "remove `image: null` from the values of {0}, or write bus:values.{0}: {{enabled: false}} to leave it out"
    return [Problem(f"values/{brick}.yml", "image", None, allowed, remedy.format(brick)) for brick in needy]


def _stand_in(folder: Path, chart: str) -> str | None:
    """The image of a type's chart by itself: it starts, and does nothing of what a brick does."""
    name: str | None = (charts.default_values(folder, chart).get("image") or {}).get("name")
    return name


def running(deployment: Deployment) -> Iterator[tuple[str, Release, str]]:
    """Every brick that runs: site, release, name."""
    for site in deployment.sites:
        for release in deployment.releases(site):
            for brick in release.images:
                yield site, release, brick


def _by_tag_alone(deployment: Deployment) -> list[Problem]:
    if not deployment.settings.stack_file.images.require_digest:
        return []
    file, delivery = deployment.settings.file, deployment.settings.stack_file.delivery
    allowed = f"is required by bus:images.requireDigest of {file}"
    extra = [
        Problem(file, f"bus:delivery.extraImages[{number}]", image, f"a digest {allowed}", "add @sha256:... to it")
        for number, image in enumerate(delivery.extra_images if delivery else ())
        if not parse(image).digest
    ]
    return extra + [
        Problem(
            f"values/{brick}.yml",
            "image.digest",
            None,
            f"{allowed}: {release.images[brick]}",
            f"bus set-image {brick} {release.images[brick].tag}",
        )
        for _, release, brick in running(deployment)
        if not release.images[brick].digest
    ]
