"""The removal of one release, as a resource that is deleted in its place (docs/adr/0035)."""

from datetime import timedelta
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ResourceProvider, UpdateResult

from bus.cluster.access import Cluster
from bus.releases.recovery.state import WantedRelease
from bus.releases.recovery.uninstall import uninstall
from components.providers import connection
from components.providers.guarding import guarded

_INPUTS = ("release", "chart", "namespace", "context", "kubeconfig", "timeoutSeconds")


@guarded("removal")
class UninstallProvider(ResourceProvider):
    """Remembers where a release is, and removes it when the resource goes."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compares inputs; none of them replaces, since that would remove what runs."""
        return DiffResult(changes=any(_olds.get(key) != _news.get(key) for key in _INPUTS), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Touches nothing: the release comes after it."""
        return CreateResult(f"{props['namespace']}/{props['release']}", props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Touches nothing: the state keeps where the release is to be found now."""
        return UpdateResult(_news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Removes the release with its records; what an earlier removal did already is fine."""
        cluster = Cluster(_props["context"], _props["kubeconfig"], _props["namespace"])
        wanted = WantedRelease(_props["release"], _props["chart"], timedelta(seconds=_props["timeoutSeconds"]))
        uninstall(cluster, wanted, say=connection.warn)


class Uninstall(pulumi.dynamic.Resource, module="bus", name="Uninstall"):
    """Goes after its release and does what Pulumi would do for it: `deleted_with` of the release names it.

    `kubeconfig` is a Pulumi secret, empty for a context of the ambient one. It has to be in the state, for a site that
    is removed takes its configuration along.
    """

    def __init__(
        self,
        name: str,
        *,
        release: str,
        chart: str,
        namespace: str,
        context: str,
        kubeconfig: pulumi.Output[str],
        timeout_seconds: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props: dict[str, Any] = {
            "release": release,
            "chart": chart,
            "namespace": namespace,
            "context": context,
            "kubeconfig": kubeconfig,
            "timeoutSeconds": timeout_seconds,
        }
        super().__init__(UninstallProvider(), name, props, opts)
