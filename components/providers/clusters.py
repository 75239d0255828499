"""Which cluster a site is on, as its first resource: another one is refused before anything starts there."""

from typing import Any

import pulumi
from pulumi.dynamic import CheckResult, ConfigureRequest, CreateResult, DiffResult, ResourceProvider, UpdateResult

from bus.cluster.access import Cluster, Unreachable
from components.providers import connection
from components.providers.connection import SiteEndpoint
from components.providers.guarding import guarded

_INPUTS = (*connection.KEYS, "clusterUid")


@guarded("cluster pin")
class ClusterPinProvider(ResourceProvider):
    """Records the uid of a site's cluster, which the Kubernetes provider compares to none (docs/adr/0037)."""

    serialize_as_secret_always = False
    _request: ConfigureRequest

    def configure(self, req: ConfigureRequest) -> None:
        """Keeps the stack's config, for kubeconfigs."""
        self._request = req

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuses another cluster than that of the first `up`, whose uid becomes an input, or of the stack file."""
        pinned: str | None = news.get("clusterUid") or _olds.get("clusterUid")
        found = uid(connection.cluster(news, self._request))
        inputs = {**news, "clusterUid": pinned or found}
        if pinned and found and found != pinned:
            return CheckResult(inputs, [connection.failure(refusal(news["site"], pinned, found))])
        return CheckResult(inputs, [])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compares inputs: one that was not known is recorded."""
        return DiffResult(changes=any(_olds.get(key) != _news.get(key) for key in _INPUTS), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Records what `check` has found."""
        return CreateResult(props["site"], props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Records what `check` has found."""
        return UpdateResult(_news)


def refusal(site: str, pinned: str, found: str) -> str:
    """Why another cluster is refused, and the ways out."""
    return (
        f"the cluster of {site} is another one than at the last pulumi up (uid of its namespace kube-system "
        f"{pinned} -> {found}): all would start empty there, and what runs now be left behind; check context and "
        f"kubeconfig, or run pulumi destroy before the change; if the cluster was made anew, set "
        f"bus:sites.{site}.clusterUid: {found}, and run pulumi refresh before pulumi up"
    )


def uid(cluster: Cluster) -> str | None:
    """The uid of a cluster; None where it does not answer, which others say, or where it may not be read."""
    from bus.cluster import kube  # imports kr8s, which takes a third of a second, and a program needs none

    try:
        return kube.cluster_uid(cluster)
    except Unreachable:
        return None


class ClusterPin(pulumi.dynamic.Resource, module="bus", name="ClusterPin"):
    """The cluster of one site; `cluster_uid` is the stack file's pin, else that of the first `up` holds."""

    def __init__(
        self, name: str, *, place: SiteEndpoint, cluster_uid: str | None, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props: dict[str, Any] = {**place.props, "clusterUid": cluster_uid}
        super().__init__(ClusterPinProvider(), name, props, opts)
