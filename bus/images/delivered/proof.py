"""Proof of a delivery: the charts rendered with the stack's very values name nothing that was not delivered."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bus.config.parsing import YamlLoader
from bus.deployment import Deployment, Release
from bus.errors import InvalidInput, Problem
from bus.image_reference import parse
from bus.images.delivered import rendered
from bus.releases.render import charts, rendering
from bus.releases.render.guard import Unexpected
from bus.releases.render.rendering import NoHelm


@dataclass(frozen=True)
class Objects:
    """What one release of one site renders to."""

    site: str
    release: Release
    documents: Sequence[Mapping[str, Any]]


def check(deployment: Deployment, charts_folder: Path, staged: Path) -> None:
    """Render every release of a stack that has a customer's registry.

    Raises InvalidInput with all that is not there.
    """
    if deployment.registry:
        rendered_and_judged(deployment, charts_folder, staged)


def rendered_and_judged(deployment: Deployment, charts_folder: Path, staged: Path) -> list[Objects]:
    """Every release of a stack rendered; raises InvalidInput where one cannot be, or names what is not delivered."""
    found: list[Objects] = []
    problems: list[Problem] = []
    for site in deployment.sites:
        for release in deployment.releases(site):
            folder = charts.stage(charts_folder, release.chart, staged, bare=True)
            try:
                found.append(Objects(site, release, render(folder, release, deployment.sites[site].site.namespace)))
            except Unexpected as error:
                problems += error.problems
            except NoHelm as error:
                where = f"{site}, release {release.name}: {error}"
                problems.append(Problem(error.file or f"charts/{release.chart}", "", None, where))
    if deployment.registry:
        problems += [problem for part in found for problem in _undelivered(deployment, part)]
    if problems:
        raise InvalidInput(list(dict.fromkeys(problems)))
    return found


def _undelivered(deployment: Deployment, part: Objects) -> list[Problem]:
    where, others = f"{part.site}, release {part.release.name}", deployment.settings.stack_file.images.not_images
    if not part.release.delivered:  # the registry that is delivered to comes from where it is (ADR 0045)
        own = {str(image) for image in part.release.images.values()}
        return judge(part.documents, part.release.chart, where, own, (), deployment.registry, others)
    delivered = {str(parse(target)) for target in deployment.deliveries(part.site).values()}
    hosts = {parse(image).host for image in deployment.images}
    return judge(part.documents, part.release.chart, where, delivered, hosts, deployment.registry, others)


def judge(
    documents: Sequence[Mapping[str, Any]],
    chart: str,
    where: str,
    delivered: Iterable[str],
    hosts: Iterable[str],
    registry: str,
    others: Collection[str] = (),
) -> list[Problem]:
    """What rendered objects name that is not among the `delivered`, or is of the source registries' `hosts`.

    `others` are texts that only look like an image.
    """
    file, there, problems = f"charts/{chart}", set(delivered), []
    extra = "name it in bus:delivery.extraImages, and in the values by its place in the customer's registry"
    for found in rendered.named(documents, others):
        if any(found.names(image) for image in there):
            continue
        if found.certain:
            remedy = (
                "have the chart write it with imagehelper, and name it in bus:delivery.extraImages if it is no brick's"
            )
            allowed = f"{where}: {found.image} is in no list of what is delivered"
        else:
            remedy = f"{extra}; if it is no image, name it in bus:images.notImages"
            allowed = f"{where}: {found.image} looks like an image and is not delivered"
        problems.append(Problem(file, found.why, None, allowed, remedy))
    for place in rendered.mentions(documents, hosts, registry):
        allowed = f"{where}: names a source registry, which the customer does not reach"
        problems.append(Problem(file, place, None, allowed, extra))
    return problems


def render(folder: Path, release: Release, namespace: str) -> list[dict[str, Any]]:
    """The objects of a release, rendered from a staged chart; raises NoHelm."""
    manifest = rendering.render(folder, release.name, namespace, release.values)
    return [document for document in yaml.load_all(manifest, Loader=YamlLoader) if document]
