"""The objects of a release in its cluster: found, and removed."""

import time
from collections.abc import Iterable
from typing import Any

import kr8s
from kr8s.objects import object_from_spec

from bus.cluster.access import Cluster
from bus.cluster.kube import kube_api
from bus.releases.objects import Key

_GONE_SECONDS = 60.0


def remove(cluster: Cluster, keys: Iterable[Key], seconds: float = _GONE_SECONDS) -> None:
    """Deletes objects and waits until they are gone; those that are not there are fine. Raises TimeoutError."""
    api = kube_api(cluster)
    left = {}
    for key in keys:
        found = find(api, key)
        if found is not None:
            found.delete(propagation_policy="Background")
            left[key] = found
    deadline = time.monotonic() + seconds
    while left:
        left = {key: one for key, one in left.items() if one.exists()}
        if left and time.monotonic() > deadline:
            names = ", ".join(map(str, sorted(left)))
            raise TimeoutError(f"{cluster.namespace}: still there {seconds:.0f} s after their removal: {names}")
        time.sleep(0.2 if left else 0)


def find(api: Any, key: Key) -> Any | None:
    """The object of a cluster, None where it or its kind is not there."""
    spec = {"apiVersion": key.version, "kind": key.kind, "metadata": {"name": key.name, "namespace": key.namespace}}
    try:
        found = object_from_spec(spec, api=api, allow_unknown_type=True)
        found.refresh()
    except kr8s.NotFoundError:
        return None
    return found
