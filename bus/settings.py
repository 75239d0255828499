"""The stack file (`Pulumi.<stack>.yaml`) as typed settings; every error at once, each with its path."""

import json
import re
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from bus import hosting
from bus.errors import Problem, Refused
from bus.images.reference import parse as parse_image
from bus.parsing import Record, parse

NAMESPACE = "bus"
CENTRAL = "central"
# RFC 1123 label: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SECRETS = {
    "odoo.masterPassword": "Odoo's database manager password (odoo.conf)",
    "odoo.password": "password of the Odoo user that the bricks log in as",
    "odoo.postgres.password": "password of the PostgreSQL role that Odoo uses",
    "as400.password": "password of the AS/400 user (central only)",
}
Kind = Literal["central", "complexe"]


def _label(value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise ValueError("must be a DNS label: lower-case letters, digits and '-', 63 characters at most")
    return value


Label = Annotated[str, AfterValidator(_label)]


def _image(value: str) -> str:
    parse_image(value)
    return value


ImageText = Annotated[str, AfterValidator(_image)]


class Kafka(Record):
    """The brokers of a site."""

    brokers: int = Field(1, ge=1, le=15, description="number of brokers, 1 to 15")
    replication_factor: int = Field(1, ge=1, description="default of the site's topics; at most the number of brokers")
    mode: Literal["kraft", "zookeeper"] = Field("kraft", description="zookeeper only for brokers older than 3.3")
    admin_port: int | None = Field(None, ge=1024, le=65000, description="local port of the admin port-forward")
    bootstrap_servers: str | None = Field(None, description="brokers that the runner reaches by itself, host:port")
    mirror_bootstrap_servers: str | None = Field(None, description="as the mirror on central reaches them, host:port")
    cluster_id: str | None = Field(None, min_length=1, description="id of the cluster; default: that of the first up")
    reassignment_bytes_per_second: int = Field(
        50_000_000, ge=100_000, description="limit of what a change of replication copies, on each broker"
    )
    authorization: bool = Field(False, description="brokers ask who a client is and whether it may (docs/topics.md)")
    password_revision: int = Field(1, ge=1, description="another number renews the passwords of all Kafka users")

    @model_validator(mode="after")
    def _can_be_authorized(self) -> "Kafka":
        if self.authorization and self.mode != "kraft":
            raise ValueError("authorization is for mode kraft only: remove one of the two")
        if self.authorization and self.bootstrap_servers:
            raise ValueError("authorization needs brokers that bus deploys: remove it, or bootstrapServers")
        return self


class Elasticsearch(Record):
    """The Elasticsearch nodes of a site."""

    nodes: int = Field(1, ge=1, le=15, description="number of nodes, 1 to 15")
    endpoint: str | None = Field(None, description="URL that the runner reaches by itself")


class Odoo(Record):
    """Odoo of a site and how the bricks log in to it."""

    database: str = Field(min_length=1, description="name of Odoo's database")
    host: str = "odoo"
    port: int = Field(80, ge=1, le=65535)
    use_ssl: bool = False
    user: str = "admin"


class Postgres(Record):
    """PostgreSQL of a site."""

    user: str = Field("odoo", description="role that Odoo uses")


class As400(Record):
    """The AS/400 behind kgate, which is outside of this deployment."""

    user: str = Field("isi", description="user of the imports")
    address: str | None = Field(None, description="kgate's address, host:port")


class Mirror(Record):
    """What kafka2kafka copies between central and one complexe: topic names, `*` for any characters."""

    ctrl2cplx: tuple[str, ...] = Field((), strict=False, description="topics copied from central to the complexe")
    cplx2ctrl: tuple[str, ...] = Field((), strict=False, description="topics copied from the complexe to central")


class Site(Record):
    """One site: central, or a complexe."""

    namespace: Label = Field(description="Kubernetes namespace of the site")
    context: str | None = Field(None, description="kubeconfig context; or set the secret bus:<site>.kubeconfig")
    access: Literal["port-forward", "direct"] | None = Field(None, description="how Kafka and ES are reached")
    pod_security: Literal["restricted", "baseline", "privileged"] = Field(
        "restricted", description="Pod Security level of the namespace"
    )
    kafka: Kafka = Kafka()
    elasticsearch: Elasticsearch = Elasticsearch()
    odoo: Odoo
    postgres: Postgres = Postgres()
    as400: As400 | None = None
    cinema_code: str | None = Field(None, description="code of the cinema, from the index of central")
    slot_name: str | None = Field(None, description="replication slot of odoo2kafka")
    mirror: Mirror = Mirror()
    enable: tuple[str, ...] = Field((), strict=False, description="optional bricks to deploy here")
    config: dict[str, str] = Field(default_factory=dict, description="further keys of cineges-config")
    values: dict[str, dict[str, Any]] = Field(default_factory=dict, description="chart values per brick, this site")


class Delivery(Record):
    """A customer's registry that every image is copied to before anything is deployed from it."""

    registry: str = Field(min_length=1, description="host[:port][/path] of the customer's registry")
    hosted_by: str | None = Field(None, description="site whose brick docker-registry is that registry")
    insecure: bool = Field(False, description="plain HTTP; loopback and test registries only")
    source_insecure: bool = Field(False, description="plain HTTP towards the source registry")
    source_mirror: str | None = Field(None, description="host:port that serves the images of every source registry")
    extra_images: tuple[ImageText, ...] = Field(
        (),
        strict=False,
        description="images that no chart runs and the customer needs: host/path:tag or host/path@digest",
    )
    also_from: tuple[str, ...] = Field(
        (), strict=False, description="stacks whose running images are delivered too: recette, before prod runs them"
    )
    platforms: tuple[str, ...] = Field(
        (), strict=False, description="platforms to copy, as linux/amd64; all by default, and what most registries want"
    )


class Images(Record):
    """How the images of a stack are looked up before anything is deployed, and what they must be."""

    require_digest: bool = Field(False, description="refuse an image that has a tag alone")
    mirror: str | None = Field(None, description="host:port that answers for the images' own registries")
    insecure: bool = Field(False, description="plain HTTP towards registries; loopback and test registries only")


class Timeouts(Record):
    """Seconds that a release may take until it is ready."""

    base_seconds: int = Field(900, ge=10)
    bricks_seconds: int = Field(600, ge=10)
    mirror_seconds: int = Field(300, ge=10)


class ConfirmDelete(Record):
    """Names whose deletion, with all their data, is wanted."""

    topics: tuple[str, ...] = Field((), strict=False)
    indices: tuple[str, ...] = Field((), strict=False)


class StackFile(Record):
    """The `bus:` keys of a stack file, secrets apart."""

    customer: str = Field(min_length=1, description="name of the customer, for labels")
    context: str | None = Field(None, description="kubeconfig context of the sites that name none")
    access: Literal["port-forward", "direct"] = "port-forward"
    sites: dict[Label, Site] = Field(min_length=1, description="sites by name; exactly one is called central")
    values: dict[str, dict[str, Any]] = Field(default_factory=dict, description="chart values per brick, all sites")
    delivery: Delivery | None = None
    images: Images = Images()
    confirm_delete: ConfirmDelete = ConfirmDelete()
    timeouts: Timeouts = Timeouts()
    allow_offline_preview: bool = Field(False, description="preview even when a cluster cannot be reached")


@dataclass(frozen=True)
class Settings:
    """A validated stack file: the same as `StackFile`, plus what follows from it."""

    stack: str
    file: str
    content: StackFile
    secret_keys: Mapping[str, Mapping[str, str]] = field(repr=False)
    """site -> name in cineges-secret -> config key that holds it"""
    kubeconfig_keys: Mapping[str, str]
    """site -> config key of its kubeconfig, where it has one"""
    delivery_login: bool = False
    """whether the stack has credentials for the customer's registry"""
    htpasswd_keys: Mapping[str, str] = field(default_factory=dict)
    """site -> config key of the htpasswd file of its docker-registry, where it has one"""

    @property
    def complexes(self) -> list[str]:
        """Names of the complexes, sorted."""
        return sorted(name for name in self.content.sites if name != CENTRAL)

    def context(self, site: str) -> str:
        """The kubeconfig context of a site; empty where a kubeconfig of its own is used."""
        return "" if site in self.kubeconfig_keys else self.content.sites[site].context or self.content.context or ""

    def access(self, site: str) -> Literal["port-forward", "direct"]:
        """How the runner reaches Kafka and Elasticsearch of a site."""
        return self.content.sites[site].access or self.content.access

    def admin_port(self, site: str) -> int:
        """First local port of a site's Kafka port-forwards; broker n uses the n-th after it."""
        wanted = self.content.sites[site].kafka.admin_port
        return wanted or default_admin_port(self.content.sites[site].namespace)


def default_admin_port(namespace: str) -> int:
    """A port block of 16 that a namespace keeps whatever other sites there are, 20000 to 30224."""
    return 20000 + zlib.crc32(namespace.encode()) % 640 * 16


def kind_of(site: str) -> Kind:
    """Which of the two kinds a site is."""
    return "central" if site == CENTRAL else "complexe"


def load(stack: str, config: Mapping[str, str], encrypted: frozenset[str] | set[str]) -> Settings:
    """Settings from Pulumi's flat config; raises Refused with every problem of the stack file.

    `config` maps full keys (`bus:sites`) to strings, structured ones as JSON; `encrypted` are the keys that the
    stack file holds encrypted.
    """
    file = f"Pulumi.{stack}.yaml"
    own = {key.removeprefix(f"{NAMESPACE}:"): value for key, value in config.items() if key.startswith(f"{NAMESPACE}:")}
    hidden = {key.removeprefix(f"{NAMESPACE}:") for key in encrypted if key.startswith(f"{NAMESPACE}:")}
    dotted = {key for key in own if "." in key}
    raw = {key: _decode(value) for key, value in own.items() if key not in dotted}
    content, problems = parse(StackFile, raw, file, f"{NAMESPACE}:")
    problems = [_without_joint(problem) for problem in problems]
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
    htpasswd_keys = {site: key for site in sites if (key := f"{site}.{hosting.KEY}") in dotted}
    if content is not None:
        problems += _across(file, content, kubeconfig_keys, config)
        logins = {site: own[key] for site, key in htpasswd_keys.items()}
        enabled = {name: site.enable for name, site in content.sites.items()}
        host = content.delivery.hosted_by if content.delivery else None
        problems += hosting.problems(file, enabled, host, logins, own.get("delivery.username"))
    login = dotted & {"delivery.username", "delivery.password"}
    if len(login) == 1:
        missing = f"{NAMESPACE}:delivery.{'password' if 'delivery.username' in login else 'username'}"
        way_out = f"pulumi config set --secret {missing}"
        problems.append(Problem(file, missing, None, f"is required beside {NAMESPACE}:{min(login)}", way_out))
    if problems or content is None:
        raise Refused(problems)
    return Settings(stack, file, content, secret_keys, kubeconfig_keys, bool(login), htpasswd_keys)


def cineges_config(settings: Settings, site_name: str) -> dict[str, str]:
    """The keys of ConfigMap cineges-config, names as in the seed; `config:` of the site has the last word."""
    site = settings.content.sites[site_name]
    data = {
        "odoo.host": site.odoo.host,
        "odoo.port": str(site.odoo.port),
        "odoo.useSsl": str(site.odoo.use_ssl).lower(),
        "odoo.user": site.odoo.user,
        "odoo.postgres.user": site.postgres.user,
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


def _decode(value: str) -> object:
    """A config string as YAML meant it: Pulumi keeps structured values as JSON and scalars as text."""
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _without_joint(problem: Problem) -> Problem:
    return Problem(problem.file, problem.path.replace(":.", ":", 1), problem.value, problem.allowed, problem.hint)


def required_secrets(site: str, has_as400: bool) -> list[str]:
    """Names in cineges-secret that a site cannot do without."""
    return [name for name in _SECRETS if name != "as400.password" or (site == CENTRAL or has_as400)]


def _secrets(
    file: str, sites: list[str], dotted: set[str], hidden: set[str], raw_sites: Mapping[str, Any]
) -> tuple[list[Problem], dict[str, dict[str, str]], dict[str, str]]:
    problems: list[Problem] = []
    found: dict[str, dict[str, str]] = {}
    names = [*_SECRETS, "kubeconfig", hosting.KEY]
    delivery = {"delivery.username", "delivery.password"}
    known = {f"{site}.{name}" for site in sites for name in names} | set(_SECRETS) | delivery
    for key in sorted(dotted - known):
        allowed = f"unknown key; secrets are bus:<name> or bus:<site>.<name> with names {', '.join(names)}"
        problems.append(Problem(file, f"{NAMESPACE}:{key}", None, f"{allowed}; sites {', '.join(sites)}"))
    for key in sorted((dotted & known) - hidden):
        way_out = f"pulumi config set --secret {NAMESPACE}:{key}, and change the value: git may have kept this one"
        problems.append(Problem(file, f"{NAMESPACE}:{key}", None, "is a secret but stands in clear", way_out))
    for site in sites:
        raw_site = raw_sites.get(site)
        has_as400 = isinstance(raw_site, dict) and raw_site.get("as400") is not None
        found[site] = {}
        for name in required_secrets(site, has_as400):
            held = next((key for key in (f"{site}.{name}", name) if key in dotted), None)
            if held is None:
                way_out = f"pulumi config set --secret {NAMESPACE}:{site}.{name} (or {NAMESPACE}:{name} for all sites)"
                problems.append(
                    Problem(file, f"{NAMESPACE}:{site}.{name}", None, f"missing secret: {_SECRETS[name]}", way_out)
                )
            else:
                found[site][name] = held
    kubeconfigs = {site: f"{site}.kubeconfig" for site in sites if f"{site}.kubeconfig" in dotted}
    return problems, found, kubeconfigs


def _across(
    file: str, content: StackFile, kubeconfig_keys: Mapping[str, str], config: Mapping[str, str]
) -> list[Problem]:
    """What only shows when the sites are seen together."""
    problems: list[Problem] = []
    root = f"{NAMESPACE}:sites"
    if CENTRAL not in content.sites:
        problems.append(Problem(file, root, None, f"a stack has exactly one site called {CENTRAL}"))
    taken: dict[tuple[str, str], str] = {}
    ports: dict[int, str] = {}
    for name, site in content.sites.items():
        path = f"{root}.{name}"
        context = site.context or content.context
        if name in kubeconfig_keys:
            cluster = config[f"{NAMESPACE}:{kubeconfig_keys[name]}"]
        elif context:
            cluster = f"context {context}"
        else:
            cluster = ""
            way_out = f"name a context, or pulumi config set --secret {NAMESPACE}:{name}.kubeconfig < FILE"
            problems.append(Problem(file, f"{path}.context", None, "no cluster is named for this site", way_out))
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
        first = site.kafka.admin_port or default_admin_port(site.namespace)
        for port in range(first, first + site.kafka.brokers):
            neighbour = ports.setdefault(port, name)
            if neighbour != name:
                allowed = f"local port {port} is also used for site {neighbour}; blocks may not overlap"
                problems.append(Problem(file, f"{path}.kafka.adminPort", first, allowed, "set kafka.adminPort of one"))
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
    duplicates = [
        key for key, count in Counter(s.slot_name for s in content.sites.values() if s.slot_name).items() if count > 1
    ]
    for name, site in content.sites.items():
        if site.slot_name in duplicates:
            problems.append(
                Problem(
                    file, f"{root}.{name}.slotName", site.slot_name, "is used by more than one site; each needs its own"
                )
            )
    return problems
