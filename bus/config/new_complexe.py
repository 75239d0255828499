"""The entry of one more complexe in a stack file: what it shares with another one, and what it needs of its own."""

from collections.abc import Iterator, Mapping, Set
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from bus.config.stack_file import CENTRAL
from bus.errors import UserError

# What a complexe takes over from the one that it is made like. Everything else of a site is its own: where it is, who
# it is, and how its servers are reached. A test holds that each key of the types is in one of the two lists.
SHARED = ("access", "podSecurity", "kafka", "elasticsearch", "postgres", "mirror", "enable", "values")
OWN = ("namespace", "context", "clusterUid", "odoo", "as400", "cinemaCode", "slotName", "config")
SHARED_BELOW = {
    "kafka": (
        "brokers",
        "replicationFactor",
        "mode",
        "reassignmentBytesPerSecond",
        "authorization",
        "passwordRevision",
    ),
    "elasticsearch": ("nodes",),
}
OWN_BELOW = {
    "kafka": ("adminPort", "bootstrapServers", "mirrorBootstrapServers", "reachableFromCentral", "clusterId"),
    "elasticsearch": ("endpoint",),
}


class NotAdded(UserError):
    """A complexe that cannot be added; the message lists everything that stands in the way."""


@dataclass(frozen=True)
class Given:
    """What the user says of the new complexe; None for what was not said."""

    cinema_code: str | None = None
    namespace: str | None = None
    database: str | None = None
    slot_name: str | None = None
    context: str | None = None
    bootstrap_servers: str | None = None
    mirror_bootstrap_servers: str | None = None
    elasticsearch_endpoint: str | None = None


@dataclass(frozen=True)
class Missing:
    """One thing that only the user knows: the field of `Given`, what it is, and why no default exists."""

    name: str
    what: str
    why: str

    @property
    def option(self) -> str:
        """The option of `bus add-complexe` that gives it."""
        return f"--{self.name.replace('_', '-')}"


@dataclass(frozen=True)
class Around:
    """The stack that a complexe is added to."""

    sites: Mapping[str, Any]
    context: str | None = None
    """the stack-wide `bus:context`"""
    kubeconfigs: Set[str] = field(default_factory=frozenset)
    """sites whose kubeconfig the stack file holds as a secret"""

    def model(self, name: str, like: str | None) -> str:
        """The complexe that `name` is made like: `like`, or the first one of the stack. Raise NotAdded."""
        if name in self.sites:
            raise NotAdded(f"the stack has a site {name} already")
        complexes = [site for site in self.sites if site != CENTRAL]
        model = like or next(iter(complexes), None)
        if model is None or model not in complexes:
            raise NotAdded(f"no complexe {like or ''} to make {name} like; complexes: {', '.join(complexes) or 'none'}")
        return model

    def by_kubeconfig(self, name: str, model: str, context: str | None) -> bool:
        """Whether the new site is reached by a kubeconfig secret: its own, or because its model is."""
        return name in self.kubeconfigs or (context is None and model in self.kubeconfigs)

    def cluster(self, site: str) -> str:
        """What tells the cluster of an existing site from that of another one."""
        own = (self.sites.get(site) or {}).get("context") or self.context
        return f"kubeconfig of {site}" if site in self.kubeconfigs else f"context {own}"


def missing(around: Around, name: str, model: str, given: Given) -> list[Missing]:
    """Everything that has to be said of the new complexe and was not. Never filled in from another site."""
    return list(_missing(around, name, model, given))


def _missing(around: Around, name: str, model: str, given: Given) -> Iterator[Missing]:
    theirs = around.sites[model]
    if not given.cinema_code:
        yield Missing("cinema_code", "code of the cinema, from the index of central", "each cinema has its own")
    if not given.namespace and model not in theirs["namespace"]:
        why = f"{theirs['namespace']}, that of {model}, does not contain the name {model}, so none follows from it"
        yield Missing("namespace", f"Kubernetes namespace of {name}", why)
    by_kubeconfig = around.by_kubeconfig(name, model, given.context)
    if not (given.context or around.context or by_kubeconfig):
        why = f"{_theirs(theirs, model, 'context')}and the stack has no bus:context for all sites"
        yield Missing("context", f"kubeconfig context of the cluster of {name}", why)
    kafka, elasticsearch = theirs.get("kafka") or {}, theirs.get("elasticsearch") or {}
    mirrored = any((theirs.get("mirror") or {}).values())
    elsewhere = by_kubeconfig or f"context {given.context or around.context}" != around.cluster(CENTRAL)
    if not given.mirror_bootstrap_servers and (kafka.get("mirrorBootstrapServers") or (mirrored and elsewhere)):
        why = _theirs(kafka, model, "mirrorBootstrapServers") or "it may be in another cluster than central; "
        yield Missing("mirror_bootstrap_servers", f"brokers of {name} as the mirror on central reaches them", why)
    if not given.bootstrap_servers and kafka.get("bootstrapServers"):
        why = _theirs(kafka, model, "bootstrapServers")
        yield Missing("bootstrap_servers", f"brokers of {name} as the runner reaches them", why)
    if not given.elasticsearch_endpoint and elasticsearch.get("endpoint"):
        why = _theirs(elasticsearch, model, "endpoint")
        yield Missing("elasticsearch_endpoint", f"Elasticsearch of {name} as the runner reaches it", why)


def _theirs(block: Mapping[str, Any], model: str, key: str) -> str:
    return f"{model} has {block[key]}, which is its own; " if block.get(key) else ""


def refusal(name: str, file: str, lacking: list[Missing], kubeconfig: str) -> NotAdded:
    """All that is missing as one message, each with its option; `kubeconfig` is the command instead of a context."""
    lines = [f"{name} was not added to {file}: {len(lacking)} option(s) are missing, nothing was written:"]
    for number, one in enumerate(lacking, 1):
        other = f"; or, instead of a context, set its kubeconfig first: {kubeconfig}" if one.name == "context" else ""
        lines.append(f"  {number}. {one.option}: {one.what}; {one.why.removesuffix('; ')}{other}")
    return NotAdded("\n".join(lines))


def entry(around: Around, name: str, model: str, given: Given) -> dict[str, Any]:
    """The entry of `name`: what it shares with `model`, then its own."""
    theirs = around.sites[model]
    # Copies: one object in two places would be written as an anchor and its alias.
    shared = {key: deepcopy(theirs[key]) for key in SHARED if key in theirs}
    for block, keys in SHARED_BELOW.items():
        if block in shared:
            for key in [key for key in shared[block] if key not in keys]:
                del shared[block][key]
    servers = {
        ("kafka", "bootstrapServers"): given.bootstrap_servers,
        ("kafka", "mirrorBootstrapServers"): given.mirror_bootstrap_servers,
        ("elasticsearch", "endpoint"): given.elasticsearch_endpoint,
    }
    for (block, key), value in servers.items():
        if value:
            shared.setdefault(block, {})[key] = value
    own: dict[str, Any] = {
        "namespace": given.namespace or theirs["namespace"].replace(model, name),
        "context": given.context,
        "odoo": {"database": given.database or f"complexe-{name}"},
        "cinemaCode": given.cinema_code,
        "slotName": given.slot_name or f"debezium_{name.replace('-', '_')}",
    }
    own = {key: value for key, value in own.items() if value is not None}
    first: dict[str, Any] = {key: own.pop(key) for key in ("namespace", "context") if key in own}
    return {**first, **{key: value for key, value in shared.items() if value != {}}, **own}
