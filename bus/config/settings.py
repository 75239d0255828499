"""A stack's typed settings; every error of its file at once, each with its path."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bus.config import admin_listener, hosted_registry, names, registry_logins, yaml_limits
from bus.config.admin_listener import AdminListener
from bus.config.database_roles import ODOO2KAFKA_PASSWORD, ODOO_PASSWORD
from bus.config.parsing import nearest, parse
from bus.config.stack_file import CENTRAL, NAMESPACE, Delivery, Mirror, Site, StackFile
from bus.database.roles import ODOO2KAFKA
from bus.errors import InvalidInput, Problem

# Names in cineges-secret, the same on every site: docs/spec.md.
SECRETS = {
    "odoo.masterPassword": "Odoo's database manager password (odoo.conf)",
    "odoo.password": "password of the Odoo user that the bricks log in as",
    ODOO_PASSWORD: "password of the PostgreSQL role that Odoo uses",
    "as400.password": "password of the AS/400 user (central only)",
}
# The same, for which there is another where the stack file has none.
OPTIONAL_SECRETS = {
    ODOO2KAFKA_PASSWORD: "password of the PostgreSQL role of odoo2kafka-job; default: one that the stack makes, "
    "or Odoo's where PostgreSQL runs elsewhere",
}
SECRETS_OF_A_SITE = {
    "kubeconfig": "kubeconfig of the site's cluster, in the place of a context",
    hosted_registry.KEY: "who may log in to the registry that the site runs, an htpasswd file with bcrypt",
}
DELIVERY_LOGIN = ("delivery.username", "delivery.password")
"""what images are pushed to the customer's registry with"""
PULL_LOGIN = ("delivery.pullUsername", "delivery.pullPassword")
"""what nodes pull them with: every namespace has it"""


@dataclass(frozen=True)
class Settings:
    """A validated stack file: the same as `StackFile`, plus what follows from it."""

    stack: str
    file: str
    stack_file: StackFile
    secret_keys: Mapping[str, Mapping[str, str]] = field(repr=False)
    """site -> name in cineges-secret -> config key that holds it"""
    kubeconfig_keys: Mapping[str, str]
    """site -> config key of its kubeconfig, where it has one"""
    delivery_login: bool = False
    """whether the stack has credentials to push to the customer's registry"""
    pull_login: bool = False
    """whether it has others for the nodes, which only pull"""
    htpasswd_keys: Mapping[str, str] = field(default_factory=dict)
    """site -> config key of the htpasswd file of its docker-registry, where it has one"""

    @property
    def pull_secret(self) -> bool:
        """Whether every namespace gets a pull secret: with the pull login, or else with the one that pushes."""
        return self.pull_login or self.delivery_login

    @property
    def complexes(self) -> list[str]:
        """Names of the complexes, sorted."""
        return sorted(name for name in self.stack_file.sites if name != CENTRAL)

    def context(self, site: str) -> str:
        """The kubeconfig context of a site; empty where a kubeconfig of its own is used."""
        return (
            "" if site in self.kubeconfig_keys else self.stack_file.sites[site].context or self.stack_file.context or ""
        )

    def access(self, site: str) -> Literal["port-forward", "direct"]:
        """How the runner reaches Kafka and Elasticsearch of a site."""
        return self.stack_file.sites[site].access or self.stack_file.access

    def admin_port(self, site: str) -> int:
        """First local port of the port-forwards to pods of Kafka that do not say where they are advertised."""
        found = self.stack_file.sites[site]
        return found.kafka.admin_port or admin_listener.default_port(found.namespace)

    def admin_listener(self, site: str) -> AdminListener | None:
        """What a site's brokers advertise to the runner; None where it reaches them without a port-forward."""
        return _forwarded(site, self.stack_file.sites[site], self.access(site))


def _forwarded(name: str, site: Site, access: str) -> AdminListener | None:
    if access == "direct" or site.kafka.bootstrap_servers:
        return None
    return admin_listener.listener(name, site.namespace, site.kafka.admin_port)


def load(stack: str, config: Mapping[str, str], encrypted: frozenset[str] | set[str]) -> Settings:
    """Settings from Pulumi's flat config; raises Refused with every problem of the stack file.

    `config` maps full keys (`bus:sites`) to strings, structured ones as JSON; `encrypted` are the keys that the
    stack file holds encrypted.
    """
    file = f"Pulumi.{stack}.yaml"
    own = {key.removeprefix(f"{NAMESPACE}:"): value for key, value in config.items() if key.startswith(f"{NAMESPACE}:")}
    if not own:
        remedy = f"is {file} there and not empty, and the right file given with --config-file?"
        raise InvalidInput(
            [Problem(file, "", None, f"has no key of the program, {NAMESPACE}:customer for one", remedy)]
        )
    hidden = {key.removeprefix(f"{NAMESPACE}:") for key in encrypted if key.startswith(f"{NAMESPACE}:")}
    dotted = {key for key in own if "." in key}
    raw = _decoded(file, {key: value for key, value in own.items() if key not in dotted})
    content, problems = parse(StackFile, raw, file, f"{NAMESPACE}:")
    problems = [_without_joint(problem) for problem in problems] + _misspelt(file, config)
    problems += [
        Problem(
            file,
            f"{NAMESPACE}:{key}",
            None,
            "holds a secret inside a structured value, which Pulumi hands out in clear",
            f"give each secret a key of its own: pulumi config set --secret {NAMESPACE}:<site>.<name>",
        )
        for key in sorted(hidden & raw.keys())
    ]
    found = raw.get("sites")
    sites: dict[str, Any] = found if isinstance(found, dict) else {}
    secret_problems, secret_keys, kubeconfig_keys = _secrets(file, list(sites), dotted, hidden, sites)
    problems += secret_problems
    htpasswd_keys = {site: key for site in sites if (key := f"{site}.{hosted_registry.KEY}") in dotted}
    judged = content.sites if content else _sound(sites)
    access = str(raw.get("access") or StackFile.model_fields["access"].default)
    problems += _across(file, judged, raw.get("context"), access, kubeconfig_keys, config)
    if sites and CENTRAL not in sites:
        problems.append(Problem(file, f"{NAMESPACE}:sites", None, f"a stack has exactly one site called {CENTRAL}"))
    enabled = {name: judged[name].enable if name in judged else () for name in sites}
    problems += names.problems(file, enabled)
    logins = {site: own[key] for site, key in htpasswd_keys.items()}
    host = _host(raw.get("delivery"))
    if host in sites and host not in judged:
        host = None  # what it enables cannot be told
    problems += hosted_registry.problems(file, enabled, host, logins, registry_logins.read(own))
    complexes = sorted(sites.keys() - {CENTRAL})
    allowed = f"is no complexe; complexes: {', '.join(complexes) or 'none'}"
    offline = [name for name in (content.allow_offline if content else ()) if name not in complexes]
    problems += [Problem(file, f"{NAMESPACE}:allowOffline", name, allowed) for name in offline]
    for pair in (DELIVERY_LOGIN, PULL_LOGIN):
        if len(half := dotted & {*pair}) == 1:
            missing = f"{NAMESPACE}:{next(key for key in pair if key not in half)}"
            remedy = f"pulumi config set --secret {missing}"
            problems.append(Problem(file, missing, None, f"is required beside {NAMESPACE}:{min(half)}", remedy))
    if problems or content is None:
        raise InvalidInput(problems)

    def has(login: tuple[str, str]) -> bool:
        return bool(dotted & {*login})

    return Settings(
        stack, file, content, secret_keys, kubeconfig_keys, has(DELIVERY_LOGIN), has(PULL_LOGIN), htpasswd_keys
    )


def cineges_config(settings: Settings, site_name: str, *, runs_postgres: bool = False) -> dict[str, str]:
    """The keys of ConfigMap cineges-config, names as in the seed; `config:` of the site has the last word.

    Where the site runs no PostgreSQL of its own, odoo2kafka-job logs in to the other one as Odoo does.
    """
    site = settings.stack_file.sites[site_name]
    data = {
        "odoo.host": site.odoo.host,
        "odoo.port": str(site.odoo.port),
        "odoo.useSsl": str(site.odoo.use_ssl).lower(),
        "odoo.user": site.odoo.user,
        "odoo.postgres.user": site.postgres.user,
        "odoo2kafka.postgres.user": ODOO2KAFKA if runs_postgres else site.postgres.user,
    }
    if site.as400:
        data["as400.user"] = site.as400.user
        if site.as400.address:
            data["as400.address"] = site.as400.address
    if site.cinema_code:
        data["cineges.cinemaCode"] = site.cinema_code
    if site.slot_name:
        data["o2k.slot.name"] = site.slot_name
    return data | site.config


def _misspelt(file: str, config: Mapping[str, str]) -> list[Problem]:
    """Keys of a namespace that looks like ours: Pulumi would pass over them, and so over what was meant."""
    names = {key: key.partition(":")[0] for key in sorted(config)}
    wrong = [key for key, name in names.items() if name != NAMESPACE and nearest(name, [NAMESPACE])]
    meant = [f"did you mean {NAMESPACE}:{key.partition(':')[2]}?" for key in wrong]
    return [Problem(file, key, None, "unknown key", remedy) for key, remedy in zip(wrong, meant, strict=True)]


def _decoded(file: str, own: Mapping[str, str]) -> dict[str, Any]:
    """Return what config strings hold; raises Refused where one is nested deeper than anything here reads."""
    raw, deep = {}, []
    for key, value in own.items():
        try:
            raw[key] = _decode(value)
        except RecursionError:
            deep.append(key)
    deep += [key for key, value in raw.items() if yaml_limits.nested(value)]
    if deep:
        raise InvalidInput([Problem(file, f"{NAMESPACE}:{key}", None, yaml_limits.TOO_DEEP) for key in sorted(deep)])
    return raw


def _decode(value: str) -> object:
    """A config string as YAML meant it: Pulumi keeps structured values as JSON and scalars as text."""
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _without_joint(problem: Problem) -> Problem:
    return Problem(problem.file, problem.path.replace(":.", ":", 1), problem.value, problem.allowed, problem.remedy)


def required_secrets(site: str, has_as400: bool) -> list[str]:
    """Names in cineges-secret that a site cannot do without."""
    return [name for name in SECRETS if name != "as400.password" or (site == CENTRAL or has_as400)]


def _secrets(
    file: str, sites: list[str], dotted: set[str], hidden: set[str], raw_sites: Mapping[str, Any]
) -> tuple[list[Problem], dict[str, dict[str, str]], dict[str, str]]:
    problems: list[Problem] = []
    found: dict[str, dict[str, str]] = {}
    names = [*SECRETS, *OPTIONAL_SECRETS, *SECRETS_OF_A_SITE]
    known = {f"{site}.{name}" for site in sites for name in names} | {
        *SECRETS,
        *OPTIONAL_SECRETS,
        *DELIVERY_LOGIN,
        *PULL_LOGIN,
    }
    for key in sorted(dotted - known):
        allowed = f"unknown key; secrets are bus:<name> or bus:<site>.<name> with names {', '.join(names)}"
        problems.append(Problem(file, f"{NAMESPACE}:{key}", None, f"{allowed}; sites {', '.join(sites)}"))
    for key in sorted((dotted & known) - hidden):
        remedy = f"pulumi config set --secret {NAMESPACE}:{key}, and change the value: git may have kept this one"
        problems.append(Problem(file, f"{NAMESPACE}:{key}", None, "is a secret but stands in clear", remedy))
    for site in sites:
        raw_site = raw_sites.get(site)
        has_as400 = isinstance(raw_site, dict) and raw_site.get("as400") is not None
        found[site] = {}
        for name in required_secrets(site, has_as400):
            held = next((key for key in (f"{site}.{name}", name) if key in dotted), None)
            if held is None:
                remedy = f"pulumi config set --secret {NAMESPACE}:{site}.{name} (or {NAMESPACE}:{name} for all sites)"
                problems.append(
                    Problem(file, f"{NAMESPACE}:{site}.{name}", None, f"missing secret: {SECRETS[name]}", remedy)
                )
            else:
                found[site][name] = held
        if ODOO_PASSWORD in found[site]:
            own = (f"{site}.{ODOO2KAFKA_PASSWORD}", ODOO2KAFKA_PASSWORD)
            found[site][ODOO2KAFKA_PASSWORD] = next((key for key in own if key in dotted), found[site][ODOO_PASSWORD])
    kubeconfigs = {site: f"{site}.kubeconfig" for site in sites if f"{site}.kubeconfig" in dotted}
    return problems, found, kubeconfigs


def _host(raw: object) -> str | None:
    """The site that runs the registry of the delivery; None where none does, or where that cannot be read."""
    delivery = parse(Delivery, raw, "")[0] if raw is not None else None
    return delivery.hosted_by if delivery else None


def _sound(sites: Mapping[str, Any]) -> dict[str, Site]:
    """The sites that can be judged although another part of the file cannot, which is said elsewhere."""
    parsed = {name: parse(Site, raw, "")[0] for name, raw in sites.items()}
    return {name: site for name, site in parsed.items() if site}


def _across(
    file: str,
    sites: Mapping[str, Site],
    shared_context: object,
    shared_access: str,
    kubeconfig_keys: Mapping[str, str],
    config: Mapping[str, str],
) -> list[Problem]:
    """What only shows when the sites are seen together."""
    problems: list[Problem] = []
    root = f"{NAMESPACE}:sites"
    taken: dict[tuple[str, str], str] = {}
    places: dict[tuple[str, int], str] = {}
    for name, site in sites.items():
        path = f"{root}.{name}"
        context = site.context or shared_context
        if name in kubeconfig_keys:
            cluster = config[f"{NAMESPACE}:{kubeconfig_keys[name]}"]
        elif context:
            cluster = f"context {context}"
        else:
            cluster = ""
            remedy = f"name a context, or pulumi config set --secret {NAMESPACE}:{name}.kubeconfig < FILE"
            problems.append(Problem(file, f"{path}.context", None, "no cluster is named for this site", remedy))
        other = taken.setdefault((cluster, site.namespace), name)
        if other != name:
            allowed = f"is also the namespace of site {other}; each site has a namespace of its own"
            problems.append(Problem(file, f"{path}.namespace", site.namespace, allowed))
        if site.kafka.replication_factor > site.kafka.brokers:
            problems.append(
                Problem(
                    file,
                    f"{path}.kafka.replicationFactor",
                    site.kafka.replication_factor,
                    f"exceeds the {site.kafka.brokers} broker(s) of the site; allowed: 1 to {site.kafka.brokers}",
                    "lower it, or raise kafka.brokers",
                )
            )
        listener = _forwarded(name, site, site.access or shared_access)
        for host, port in listener.places(site.kafka.brokers) if listener else ():
            neighbour = places.setdefault((host, port), name)
            if neighbour != name:
                allowed = f"local port {port} of {host} is also used for site {neighbour}; blocks may not overlap"
                remedy = "set another kafka.adminPort of one: a port n, free up to n + brokers - 1"
                problems.append(Problem(file, f"{path}.kafka.adminPort", site.kafka.admin_port, allowed, remedy))
        if name != CENTRAL:
            for key, value in (("cinemaCode", site.cinema_code), ("slotName", site.slot_name)):
                if not value:
                    problems.append(Problem(file, f"{path}.{key}", None, "is required for a complexe"))
        elif site.mirror != Mirror():
            problems.append(
                Problem(
                    file, f"{path}.mirror", None, "patterns belong to the complexes; central is always the other end"
                )
            )
    for key, values in (
        ("slotName", {name: site.slot_name for name, site in sites.items()}),
        ("cinemaCode", {name: site.cinema_code for name, site in sites.items()}),
    ):
        count = Counter(values.values())
        for name, value in values.items():
            if value and count[value] > 1:
                allowed = "is used by more than one site; each needs its own"
                problems.append(Problem(file, f"{root}.{name}.{key}", value, allowed))
    return problems
