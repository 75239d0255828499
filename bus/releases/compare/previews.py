"""The releases of a whole stack compared with what is deployed: side by side, with every problem of every site."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import kr8s

from bus.cluster.access import Cluster, Unreachable
from bus.deployment import Deployment, Release
from bus.errors import Problem, UserError
from bus.fan_out import Progress, fan_out
from bus.releases.compare import preview
from bus.releases.compare.preview import ReleasePreview
from bus.releases.recovery.state import Revision
from bus.releases.render import charts, rendering
from bus.releases.render.guard import Unexpected
from bus.releases.render.rendering import NoHelm

# Each waits for its cluster most of the time. Helm processes among them are bounded by bus.releases.render.rendering.
RELEASES_AT_ONCE = 8
History = Mapping[str, Mapping[str, Sequence[Revision]]]
"""site -> release -> its records"""


@dataclass(frozen=True)
class Previews:
    """What `pulumi up` would change, site by site in the order of the stack."""

    changed: Sequence[ReleasePreview]
    problems: Sequence[Problem]
    """releases that Helm cannot render or keep, and those whose cluster did not answer"""


def of_stack(
    deployment: Deployment,
    clusters: Mapping[str, Cluster],
    history: History,
    folder: Path,
    staged: Path,
    say: Callable[[str], None],
) -> Previews:
    """Compare every release of the sites in `clusters`; `say` gets a line now and then where that takes long."""
    releases = {(site, release.name): release for site in clusters for release in deployment.releases(site)}

    def compared(key: tuple[str, str]) -> ReleasePreview | None:
        site, name = key
        cluster, records = clusters[site], history[site][name]
        try:
            return preview.preview(site, releases[key], cluster, records, folder, staged)
        except kr8s.NotFoundError:
            raise Unreachable("its records change: somebody deploys it; wait until that ends") from None

    results = fan_out(
        releases,
        compared,
        at_once=RELEASES_AT_ONCE,
        progress=Progress("releases compared", say),
        name=lambda key: f"{key[1]} of {key[0]}",
    )
    changed = [one for one in results.values.values() if one]
    return Previews(changed, list(_problems(deployment.settings.file, releases, results.values, results.failures)))


def guarded(
    deployment: Deployment, sites: Iterable[str], folder: Path, staged: Path, say: Callable[[str], None]
) -> list[Problem]:
    """Render every release of some sites, and return what must not be applied of it."""
    releases = {(site, release.name): release for site in sites for release in deployment.releases(site)}

    def render(key: tuple[str, str]) -> None:
        release, namespace = releases[key], deployment.sites[key[0]].site.namespace
        chart = charts.stage(folder, release.chart, staged, bare=True)
        rendering.render(chart, release.name, namespace, release.values)

    results = fan_out(
        releases,
        render,
        at_once=rendering.HELMS_AT_ONCE,
        progress=Progress("releases rendered", say),
        name=lambda key: f"{key[1]} of {key[0]}",
    )
    return list(_problems(deployment.settings.file, releases, {}, results.failures))


def _problems(
    stack_file: str,
    releases: Mapping[tuple[str, str], Release],
    values: Mapping[tuple[str, str], ReleasePreview | None],
    failures: Mapping[tuple[str, str], UserError],
) -> Iterable[Problem]:
    """One for each release that cannot be deployed, in the order of the releases."""
    for key, release in releases.items():
        found, error = values.get(key), failures.get(key)
        file = f"charts/{release.chart}"
        if isinstance(error, Unexpected):
            yield from error.problems
        elif isinstance(error, NoHelm):
            yield Problem(error.file or file, "", None, f"site {key[0]}: {error}")
        elif error:
            allowed = f"release {release.name} of {key[0]} cannot be compared with what is deployed: {error}"
            yield Problem(stack_file, f"bus:sites.{key[0]}", None, allowed)
        elif found and found.refused:
            yield Problem(file, "", None, f"site {key[0]}: {found.refused}")
