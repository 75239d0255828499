"""What the providers of this folder share: how a resource's properties name a site's servers."""

import sys
from collections.abc import Mapping
from typing import Any

from pulumi.dynamic import ConfigureRequest

from bus.access import Cluster

KEYS = ("site", "namespace", "context", "mode")


def cluster(props: Mapping[str, Any], request: ConfigureRequest) -> Cluster:
    """The cluster of a site; its kubeconfig comes from the stack's secrets, so that no state copies it."""
    kubeconfig = request.config.get(f"bus:{props['site']}.kubeconfig") or ""
    return Cluster(props["context"], kubeconfig, props["namespace"], props["mode"])


def say(text: str) -> None:
    """A line in the diagnostics of the update that is no warning: progress, estimates."""
    print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """A line in the diagnostics of the update; a provider process has no other way to Pulumi's log."""
    say(f"warning: {text}")
