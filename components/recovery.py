"""What a release does around its own step: made ready before it, and reported on when it fails.

Hooks of the resource and not a step of the program, because the engine alone knows whether it will install or upgrade
(docs/adr/0030). In a preview none of them runs.
"""

import asyncio
from datetime import timedelta

import pulumi

from bus.access import Cluster
from bus.deployment import Release
from bus.releases import recovery
from bus.releases.state import Wanted


def hooks(name: str, cluster: Cluster, release: Release) -> pulumi.ResourceHookBinding:
    """The hooks of the release resource `name`; they live in this run only, so a destroy goes without them."""
    wanted = wanted_of(release)

    def made_ready(known: bool) -> pulumi.ResourceHook:
        async def hook(args: pulumi.ResourceHookArgs) -> None:
            def run() -> None:
                recovery.recover(cluster, wanted, known=known, say=pulumi.log.warn)

            await asyncio.to_thread(run)  # other sites go on meanwhile

        return pulumi.ResourceHook(f"{name}-{'upgrade' if known else 'install'}", hook)

    return pulumi.ResourceHookBinding(before_create=[made_ready(False)], before_update=[made_ready(True)])


def wanted_of(release: Release) -> Wanted:
    """A release as the state function takes it."""
    return Wanted(release.name, release.chart, timedelta(seconds=release.timeout_seconds))
