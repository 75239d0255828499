"""Are the clusters of a stack there? Each one that is not, at once, with where the stack file names it."""

from collections.abc import Mapping

from bus.cluster.access import Cluster
from bus.cluster.kube import check_reachable
from bus.config.settings import Settings
from bus.errors import Problem, UserError
from bus.fan_out import Progress, fan_out

# One that swallows packets takes ten seconds.
SITES_AT_ONCE = 32


def unreachable(
    settings: Settings, clusters: Mapping[str, Cluster], progress: Progress | None = None
) -> dict[str, Problem]:
    """What is said of each site whose API server does not answer."""
    answers = fan_out(clusters, lambda site: check_reachable(clusters[site]), at_once=SITES_AT_ONCE, progress=progress)
    return {site: problem(settings, site, error) for site, error in answers.failures.items()}


def problem(settings: Settings, site: str, error: UserError) -> Problem:
    """What is said of a site whose cluster does not answer, or does not answer one question."""
    key = settings.kubeconfig_keys.get(site)
    path = f"bus:{key}" if key else f"bus:sites.{site}"
    allowed = f"the cluster of {site} cannot be reached: {error}"
    return Problem(settings.file, path, None, allowed, "check the network, the context and KUBECONFIG")
