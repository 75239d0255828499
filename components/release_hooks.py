"""What a release does around its own step: made ready before it, and reported on when it fails.

Hooks of the resource and not a step of the program, because the engine alone knows whether it will install or upgrade
(docs/adr/0030). In a preview none of them runs.
"""

from datetime import timedelta

import pulumi

from bus.cluster.access import Cluster
from bus.deployment import Release
from bus.releases.failure.report import report
from bus.releases.recovery import prepare
from bus.releases.recovery.state import WantedRelease
from components.waiting import waited_for


def hooks(name: str, cluster: Cluster, release: Release) -> pulumi.ResourceHookBinding:
    """The hooks of the release resource `name`; they live in this run only, so a destroy goes without them."""
    return pulumi.ResourceHookBinding(
        before_create=[_made_ready(f"{name}-install", cluster, release, known=False)],
        before_update=[_made_ready(f"{name}-upgrade", cluster, release, known=True)],
        on_error=[_reported(f"{name}-failed", cluster, release)],
    )


def wanted_of(release: Release) -> WantedRelease:
    """A release as the state function takes it."""
    return WantedRelease(release.name, release.chart, timedelta(seconds=release.timeout_seconds))


def _made_ready(name: str, cluster: Cluster, release: Release, *, known: bool) -> pulumi.ResourceHook:
    def run() -> None:
        prepare.recover(cluster, wanted_of(release), known=known, say=pulumi.log.warn)

    async def hook(args: pulumi.ResourceHookArgs) -> None:
        await waited_for(run)

    return pulumi.ResourceHook(name, hook)


def _reported(name: str, cluster: Cluster, release: Release) -> pulumi.ErrorHook:
    def run() -> str:
        try:
            return report(cluster, release.name)
        except Exception as error:  # the failure itself is the engine's to say; a report that fails must not hide it
            return f"release {release.name} in {cluster.namespace} failed, and why cannot be read: {error}"

    async def hook(args: pulumi.ErrorHookArgs) -> bool:
        pulumi.log.warn(await waited_for(run))
        return False  # never retried: the timeout was its time

    return pulumi.ErrorHook(name, hook)
