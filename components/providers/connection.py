"""What the providers of this folder share: how a resource's properties name a site's servers."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from pulumi.dynamic import CheckFailure, ConfigureRequest

from bus.cluster.access import Cluster, Unreachable


@dataclass(frozen=True)
class SiteEndpoint:
    """A site and how its servers are reached, as properties of a resource: without its kubeconfig, a secret."""

    site: str
    namespace: str
    context: str
    mode: Literal["port-forward", "direct"]

    @property
    def props(self) -> dict[str, Any]:
        """What a resource keeps of it."""
        return asdict(self)


KEYS = tuple(field.name for field in fields(SiteEndpoint))


def cluster(props: Mapping[str, Any], request: ConfigureRequest) -> Cluster:
    """The cluster of a site; its kubeconfig comes from the stack's secrets, so that no state copies it.

    Raises Unreachable where a removed site has taken its kubeconfig along: the ambient one may be another cluster's.
    """
    kubeconfig = request.config.get(f"bus:{props['site']}.kubeconfig") or ""
    if not (props["context"] or kubeconfig or props["mode"] == "direct"):
        raise Unreachable(f"the stack has no kubeconfig of {props['site']} any more")
    return Cluster(props["context"], kubeconfig, props["namespace"], props["mode"])


def moved(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[CheckFailure]:
    """The refusal of another namespace: its servers would start empty, and the data stay where it is."""
    before, now, site = olds.get("namespace"), news["namespace"], news["site"]
    if not before or before == now:
        return []
    reason = (
        f"bus:sites.{site}.namespace {before} -> {now}: Kafka, Elasticsearch, Odoo and PostgreSQL would start empty "
        f"there, and their data stay in {before}; keep it, or run pulumi destroy before the change: volumes stay"
    )
    return [failure(reason)]


def failure(reason: str) -> CheckFailure:
    """A refusal that names no property: the engine would print the whole value of one before the reason."""
    return CheckFailure("", reason)


def say(text: str) -> None:
    """A line in the diagnostics of the update that is no warning: progress, estimates."""
    print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """A line in the diagnostics of the update; a provider process has no other way to Pulumi's log."""
    say(f"warning: {text}")
