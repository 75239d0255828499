"""Are the clusters of a stack there? Each one that is not, at once, with where the stack file names it."""

from collections.abc import Mapping

from bus.access import Cluster, Unreachable
from bus.errors import Problem
from bus.kube import check_reachable
from bus.settings import Settings


def unreachable(settings: Settings, clusters: Mapping[str, Cluster], otherwise: str = "") -> list[Problem]:
    """The sites whose API server does not answer; `otherwise` is what can be done without them."""
    problems = []
    for site, cluster in clusters.items():
        try:
            check_reachable(cluster)
        except Unreachable as error:
            key = settings.kubeconfig_keys.get(site)
            path = f"bus:{key}" if key else f"bus:sites.{site}"
            allowed = f"the cluster of {site} cannot be reached: {error}"
            way_out = "check the network, the context and KUBECONFIG"
            problems.append(
                Problem(settings.file, path, None, allowed, f"{way_out}; {otherwise}" if otherwise else way_out)
            )
    return problems
