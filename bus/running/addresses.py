"""Whether the mirror on central reaches the brokers of a complexe on another cluster, by the names they advertise.

A client asks the bootstrap address once, and from then on the names that the answer has (docs/adr/0002).
"""

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bus.config.stack_file import Site
from bus.running.sizes import Finding

DOMAIN = "cluster.local"
_KEY = "kafka.mirrorBootstrapServers"
_ADVERTISED = "advertised.listeners"


@dataclass(frozen=True)
class Brokers:
    """What is known of how brokers are reached."""

    wanted: tuple[str, ...]
    """hosts that they will advertise, once the chart is deployed as it is wanted"""
    deployed: tuple[str, ...] = ()
    """hosts that the chart has them advertise now; empty where it is not there"""
    seen: tuple[str, ...] | None = None
    """hosts in the answer of the bootstrap address; None where it did not answer"""
    domain: str = DOMAIN


def advertised(namespace: str, config: Mapping[str, str], domain: str = DOMAIN) -> tuple[str, ...]:
    """The hosts that brokers of charts/kafka advertise, with `config` of its values; the last line of a key wins."""
    own = f"INTERNAL://kafka-@ORDINAL@.kafka-headless.{namespace}.svc.{domain}:9092,ADMIN://localhost:@ADMIN_PORT@"
    return tuple(_host(listener) for listener in str(config.get(_ADVERTISED) or own).split(","))


def deployed(settings: str) -> tuple[str, ...]:
    """The hosts that brokers advertise by a server.properties; empty where it does not say."""
    found = [line.partition("=")[2] for line in settings.splitlines() if line.startswith(f"{_ADVERTISED}=")]
    return tuple(_host(listener) for listener in found[-1].split(",")) if found else ()


def is_internal(host: str, namespaces: Collection[str], domain: str = DOMAIN) -> bool:
    """Whether a host means something else, or nothing, outside of its own cluster."""
    name = host.strip("[]").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        endings = (".svc", f".{domain}", f".{DOMAIN}", ".localhost")
        return "." not in name or name.endswith(endings) or name.rsplit(".", 1)[1] in namespaces
    return address.is_loopback or address.is_unspecified or address.is_link_local


def judged(name: str, site: Site, brokers: Brokers, namespaces: Collection[str]) -> Finding | None:
    """Why central's mirror cannot copy from and to `site`, which is on another cluster; None where it may."""
    bootstrap = site.kafka.mirror_bootstrap_servers
    if bootstrap is None:
        said = (
            f"{name} is on another cluster than central, and kafka.{site.namespace}:9092, where the mirror on central "
            f"would look for its brokers, is a name of that cluster alone"
        )
        return Finding(_KEY, None, said, _remedy(name))

    def internal(hosts: Sequence[str]) -> list[str]:
        return [host for host in hosts if is_internal(host, namespaces, brokers.domain)]

    hosts = [_host(server) for server in bootstrap.split(",")]
    if len(internal(hosts)) == len(hosts):
        said = f"{name} is on another cluster than central, where {_listed(hosts)} is not these brokers"
        return Finding(_KEY, bootstrap, said, _remedy(name))
    reachable = len(internal(brokers.wanted)) < len(brokers.wanted)
    if reachable and (brokers.seen is None or brokers.deployed != brokers.wanted):
        return None
    if brokers.seen is None:
        said = f"whatever answers there, the brokers of {name} advertise {_listed(brokers.wanted)}"
        unasked = f"; {bootstrap} does not answer from here, so that what it advertises is not known"
        return Finding(_KEY, bootstrap, f"{said}, and central is on another cluster{unasked}", _remedy(name))
    if not (bad := internal(brokers.seen)):
        return None
    said = f"its brokers advertise {_listed(bad)}, which central, on another cluster, does not reach"
    return Finding(_KEY, bootstrap, said, _remedy(name))


def unasked(name: str, finding: Finding) -> Finding:
    """The same where nobody can tell whether the site is on another cluster at all."""
    said = (
        f"whether {name} is on another cluster than central cannot be told without a right to read kube-system; if so: "
    )
    return replace(finding, said=said + finding.said, refused=False)


def _host(text: str) -> str:
    address = text.strip().rpartition("://")[2]
    return address.rpartition(":")[0] or address


def _listed(hosts: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(host or "their own host names" for host in hosts))


def _remedy(name: str) -> str:
    return (
        f"name brokers that advertise names which central reaches: a listener of their own for it "
        f"(docs/topics.md, The mirror between two clusters); or leave bus:sites.{name}.mirror out; where central does "
        f"reach them by these names, say so: kafka.reachableFromCentral: true"
    )
