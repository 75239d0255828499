"""Complexes of other clusters that the mirror on central cannot reach: their brokers asked, and the verdict."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from bus.cluster.access import Cluster, Unreachable
from bus.cluster.reachable import SITES_AT_ONCE
from bus.config.stack_file import CENTRAL
from bus.deployment import Deployment, SitePlan
from bus.fan_out import fan_out
from bus.releases.render.values import brick_values
from bus.running import addresses, asking, reading
from bus.running.sizes import Finding


def judged(deployment: Deployment, clusters: Mapping[str, Cluster], charts: Path) -> Iterator[tuple[str, Finding]]:
    """Site and finding of each complexe whose brokers central cannot reach; `clusters` are those that answer."""
    if deployment.mirror is None or CENTRAL not in clusters:
        return
    central = clusters[CENTRAL]
    elsewhere = [
        name for name in clusters if _is_mirrored(deployment.sites[name]) and not _same(clusters[name], central)
    ]
    if not elsewhere:
        return
    namespaces = {site.site.namespace for site in deployment.sites.values()}
    uids = fan_out([CENTRAL, *elsewhere], lambda name: _uid(clusters[name]), at_once=SITES_AT_ONCE).values
    others = [name for name in elsewhere if uids[name] is None or uids[name] != uids[CENTRAL]]
    asked = fan_out(
        others, lambda name: _brokers(deployment.sites[name], clusters[name], charts), at_once=SITES_AT_ONCE
    )
    for name, brokers in asked.values.items():
        finding = addresses.judged(name, deployment.sites[name].site, brokers, namespaces)
        if finding:
            known = uids[name] is not None and uids[CENTRAL] is not None
            yield name, finding if known else addresses.unasked(name, finding)


def _is_mirrored(site: SitePlan) -> bool:
    mirror = site.site.mirror
    return (
        site.kind != CENTRAL
        and bool(mirror.ctrl2cplx or mirror.cplx2ctrl)
        and not (site.site.kafka.reachable_from_central)
    )


def _same(one: Cluster, other: Cluster) -> bool:
    """Whether both are reached the same way; another way may lead to the same cluster still."""
    return (one.context, one.kubeconfig) == (other.context, other.kubeconfig)


def _uid(cluster: Cluster) -> str | None:
    from bus.cluster import kube  # as in bus/cluster/endpoints.py

    with suppress(Unreachable):
        return kube.cluster_uid(cluster)
    return None


def _brokers(site: SitePlan, cluster: Cluster, charts: Path) -> addresses.Brokers:
    """How the brokers of a site advertise themselves: wanted, deployed, and as they answer from here."""
    values = brick_values(charts, site.base.chart, site.base.values, "kafka")
    shared = (values.get("global") or {}) | (site.base.values.get("global") or {})
    domain = str(shared.get("clusterDomain") or addresses.DOMAIN)
    settings = ""
    with suppress(Unreachable):
        settings = reading.kafka_settings(cluster)
    bootstrap = site.site.kafka.mirror_bootstrap_servers
    return addresses.Brokers(
        addresses.advertised(site.site.namespace, values.get("config") or {}, domain),
        addresses.deployed(settings),
        asking.advertised_by(bootstrap) if bootstrap else None,
        domain,
    )
