"""Are the clusters of a stack there? Each one that is not, at once, with where the stack file names it."""

from collections.abc import Mapping

from bus.access import Cluster, Unreachable
from bus.errors import Problem
from bus.kube import check_reachable
from bus.settings import Settings


def unreachable(settings: Settings, clusters: Mapping[str, Cluster]) -> dict[str, Problem]:
    """What is said of each site whose API server does not answer."""
    problems: dict[str, Problem] = {}
    for site, cluster in clusters.items():
        try:
            check_reachable(cluster)
        except Unreachable as error:
            key = settings.kubeconfig_keys.get(site)
            path = f"bus:{key}" if key else f"bus:sites.{site}"
            allowed = f"the cluster of {site} cannot be reached: {error}"
            way_out = "check the network, the context and KUBECONFIG"
            problems[site] = Problem(settings.file, path, None, allowed, way_out)
    return problems
