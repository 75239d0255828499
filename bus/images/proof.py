"""Proof of a delivery: the charts rendered with the stack's very values name nothing that was not delivered."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bus import charts
from bus.deployment import Deployment, Release
from bus.errors import Problem, Refused
from bus.images import rendered
from bus.images.reference import parse
from bus.releases import rendering
from bus.releases.rendering import NoHelm


def check(plan: Deployment, charts_folder: Path, staged: Path) -> None:
    """Renders every release of a stack that has a customer's registry; raises Refused with all that is not there."""
    if not plan.registry:
        return
    problems: list[Problem] = []
    hosts = {parse(image).host for image in plan.images}
    for site in plan.sites:
        brought = {str(parse(target)) for target in plan.deliveries(site).values()}
        for release in plan.releases(site):
            delivered, sources = brought, hosts
            if not release.delivered:  # the registry that is delivered to (ADR 0045)
                delivered, sources = {str(image) for image in release.images.values()}, set()
            where = f"{site}, release {release.name}"
            folder = charts.stage(charts_folder, release.chart, staged)
            try:
                documents = render(folder, release, plan.sites[site].settings.namespace)
            except NoHelm as error:
                problems.append(Problem(f"charts/{release.chart}", "", None, f"{where}: {error}"))
                continue
            problems += judge(documents, release.chart, where, delivered, sources, plan.registry)
    if problems:
        raise Refused(list(dict.fromkeys(problems)))


def judge(
    documents: Sequence[Mapping[str, Any]],
    chart: str,
    where: str,
    delivered: Iterable[str],
    hosts: Iterable[str],
    registry: str,
) -> list[Problem]:
    """What rendered objects name that is not among the `delivered`, or is of the source registries' `hosts`. Pure."""
    file, there, problems = f"charts/{chart}", set(delivered), []
    extra = "name it in bus:delivery.extraImages, and in the values by its place in the customer's registry"
    for found in rendered.named(documents):
        if found.image in there or any(image.startswith((f"{found.image}:", f"{found.image}@")) for image in there):
            continue  # the second: its tag stands elsewhere
        if found.certain:
            way_out = (
                "have the chart write it with imagehelper, and name it in bus:delivery.extraImages if it is no brick's"
            )
            allowed = f"{where}: {found.image} is in no list of what is delivered"
        else:
            way_out, allowed = extra, f"{where}: {found.image} looks like an image and is not delivered"
        problems.append(Problem(file, found.why, None, allowed, way_out))
    for place in rendered.mentions(documents, hosts, registry):
        allowed = f"{where}: names a source registry, which the customer does not reach"
        problems.append(Problem(file, place, None, allowed, extra))
    return problems


def render(folder: Path, release: Release, namespace: str) -> list[dict[str, Any]]:
    """The objects of a release, rendered from a staged chart; raises NoHelm."""
    manifest = rendering.render(folder, release.name, namespace, release.values)
    return [document for document in yaml.safe_load_all(manifest) if document]
