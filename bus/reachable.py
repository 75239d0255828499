"""Are the clusters of a stack there? Each one that is not, at once, with where the stack file names it."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from bus.access import Cluster, Unreachable
from bus.errors import Problem
from bus.kube import check_reachable
from bus.settings import Settings


def unreachable(settings: Settings, clusters: Mapping[str, Cluster]) -> dict[str, Problem]:
    """What is said of each site whose API server does not answer."""
    with ThreadPoolExecutor(max(1, len(clusters))) as pool:  # one that swallows packets takes ten seconds
        answers = pool.map(_silence, clusters.values())
    return {
        site: _problem(settings, site, error)
        for site, error in zip(clusters, answers, strict=True)
        if error is not None
    }


def _silence(cluster: Cluster) -> Unreachable | None:
    try:
        check_reachable(cluster)
    except Unreachable as error:
        return error
    return None


def _problem(settings: Settings, site: str, error: Unreachable) -> Problem:
    key = settings.kubeconfig_keys.get(site)
    path = f"bus:{key}" if key else f"bus:sites.{site}"
    allowed = f"the cluster of {site} cannot be reached: {error}"
    return Problem(settings.file, path, None, allowed, "check the network, the context and KUBECONFIG")
