"""Values of releases that follow from the stack's typed settings, in the shape of the charts."""

from collections.abc import Collection, Mapping
from pathlib import Path

from bus.config.settings import Settings
from bus.config.stack_file import Site
from bus.deployment import PULL_SECRET
from bus.merge import Values, merge
from bus.releases.render.values import places


def shared_values(settings: Settings, delivered: bool = True) -> Values:
    """Return `global` of a release: one registry for all images."""
    shared: Values = {}
    if settings.stack_file.delivery and delivered:
        shared["repository"] = settings.stack_file.delivery.registry
        if settings.pull_secret:
            shared["imagePullSecrets"] = [PULL_SECRET]
    return {"global": shared}


def login_values(site: Site, users: Collection[str]) -> Values:
    """`global` of a site whose brokers ask for a login: which bricks have one, in Secret kafka-<brick>."""
    if not site.kafka.authorization:
        return {}
    return {"global": {"kafka": {"users": sorted(users), "passwordRevision": site.kafka.password_revision}}}


def base_values(settings: Settings, name: str, config: Mapping[str, str]) -> Values:
    """What typed settings fix in the customer's base chart."""
    site, listener = settings.stack_file.sites[name], settings.admin_listener(name)
    kafka = {
        "replicaCount": site.kafka.brokers,
        "mode": site.kafka.mode,
        # Brokers that nobody forwards to keep what they advertise: another host would restart them for nothing.
        "admin": {"host": listener.host, "port": listener.port} if listener else {"port": settings.admin_port(name)},
        **({"authorization": {"enabled": True}} if site.kafka.authorization else {}),
    }
    infra = {
        "kafka": kafka,
        "zookeeper": {"enabled": site.kafka.mode == "zookeeper"},
        "es": {"replicaCount": site.elasticsearch.nodes},
        "kafka-notif": {"enabled": False},
    }
    return {"isiinfra": infra, "odoo": {"database": site.odoo.database}, "config": {"data": dict(config)}}


def enabled(folder: Path, chart: str, site: Site) -> Values:
    """`enabled: true` for every optional brick of `chart` that the site names."""
    found = places(folder, chart)
    values: Values = {}
    for brick in site.enable:
        path = found.get(brick, ((), ""))[0]
        if path:
            nested: Values = {"enabled": True}
            for part in reversed(path):
                nested = {part: nested}
            values = merge(values, nested)
    return values


def mirror_login(site: Site, user: str) -> Values:
    """Where the mirror finds its login for a side that asks for one: in central's namespace."""
    if not site.kafka.authorization:
        return {}
    return {"login": {"secret": f"kafka-{user}", "passwordRevision": site.kafka.password_revision}}
