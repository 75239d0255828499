"""What a stack file (`Pulumi.<stack>.yaml`) may hold, key by key."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from bus.config.parsing import ConfigModel
from bus.database.roles import OWN_ROLES
from bus.image_reference import parse as parse_image

NAMESPACE = "bus"
CENTRAL = "central"
# RFC 1123 label: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SITE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
Kind = Literal["central", "complexe"]


def _pattern(known: re.Pattern[str]) -> WithJsonSchema:
    """What an editor is told of a type whose message is our own."""
    return WithJsonSchema({"type": "string", "pattern": f"^{known.pattern}$"})


def _label(value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise ValueError("must be a DNS label: lower-case letters, digits and '-', 63 characters at most")
    return value


Label = Annotated[str, AfterValidator(_label), _pattern(_LABEL)]


def _site(value: str) -> str:
    if not _SITE.fullmatch(value):
        raise ValueError("must be lower-case letters, digits and '-', the first and the last no '-'")
    return value


SiteName = Annotated[str, AfterValidator(_site), _pattern(_SITE)]
"""as a label, but for the length, which bus.config.names judges: releases bear longer names"""


def _image(value: str) -> str:
    parse_image(value)
    return value


ImageText = Annotated[str, AfterValidator(_image)]


# bus.image_reference has the parts; without a registry, since a delivery changes that.
_IMAGE_NAME = re.compile(r"[a-z0-9][a-z0-9._/-]*:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|sha256:[0-9a-f]{64}")
_PRODUCT_VERSION = re.compile(r"[0-9]{1,2}(\.[0-9]{1,4}){0,3}")


def _image_name(value: str) -> str:
    if not _IMAGE_NAME.fullmatch(value):
        raise ValueError(
            "must be an image without its registry, as sys-isi/kafka:1.0.0_isi.1, or its digest sha256:..."
        )
    return value


def _product_version(value: str) -> str:
    if not _PRODUCT_VERSION.fullmatch(value):
        raise ValueError("must be a version in numbers, as 4.3.1 or 17, in quotes")
    return value


ImageName = Annotated[str, AfterValidator(_image_name), _pattern(_IMAGE_NAME)]
ProductVersion = Annotated[str, AfterValidator(_product_version), _pattern(_PRODUCT_VERSION)]


def _registry(value: str) -> str:
    try:
        parse_image(f"{value}/image:tag")
    except ValueError:
        raise ValueError("must be host[:port][/path], without https:// before it and / behind it") from None
    return value


Registry = Annotated[str, AfterValidator(_registry)]


def _host(value: str) -> str:
    if "/" in value:
        raise ValueError("must be host[:port], without https:// before it and a path behind it")
    return _registry(value)


RegistryHost = Annotated[str, AfterValidator(_host)]
# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def _label_value(value: str) -> str:
    if not _LABEL_VALUE.fullmatch(value):
        allowed = "must be letters without accents, digits, '-', '_' and '.', a letter or digit at both ends"
        raise ValueError(f"{allowed}, 63 characters at most")
    return value


LabelValue = Annotated[str, AfterValidator(_label_value), _pattern(_LABEL_VALUE)]


class Kafka(ConfigModel):
    """The brokers of a site."""

    brokers: int = Field(1, ge=1, le=15, description="number of brokers, 1 to 15")
    replication_factor: int = Field(1, ge=1, description="default of the site's topics; at most the number of brokers")
    mode: Literal["kraft", "zookeeper"] = Field("kraft", description="zookeeper only for brokers older than 3.3")
    admin_port: int | None = Field(
        None,
        ge=1024,
        le=65000,
        description="first local port of port-forwards; default: a loopback address of the site",
    )
    bootstrap_servers: str | None = Field(
        None, description="host:port of brokers that the runner reaches without a port-forward"
    )
    mirror_bootstrap_servers: str | None = Field(
        None, description="host:port of the brokers, as the mirror on central reaches them"
    )
    reachable_from_central: bool = Field(
        False, description="central can resolve and reach the names that the brokers advertise, on another cluster too"
    )
    cluster_id: str | None = Field(
        None, min_length=1, description="id of the Kafka cluster; default: the id at the first pulumi up"
    )
    reassignment_bytes_per_second: int = Field(
        50_000_000, ge=100_000, description="bytes per second that a change of replication may copy, on each broker"
    )
    authorization: bool = Field(False, description="enable Kafka authentication (SCRAM) and ACLs (docs/topics.md)")
    password_revision: int = Field(1, ge=1, description="another number rotates the passwords of all Kafka users")

    @model_validator(mode="after")
    def _can_be_authorized(self) -> "Kafka":
        if self.authorization and self.mode != "kraft":
            raise ValueError("authorization is for mode kraft only: remove one of the two")
        if self.authorization and self.bootstrap_servers:
            raise ValueError("authorization needs brokers that bus deploys: remove it, or bootstrapServers")
        return self


class Elasticsearch(ConfigModel):
    """The Elasticsearch nodes of a site."""

    nodes: int = Field(1, ge=1, le=15, description="number of nodes, 1 to 15")
    endpoint: str | None = Field(None, description="URL that the runner reaches without a port-forward")


class Odoo(ConfigModel):
    """Odoo of a site and how the bricks log in to it."""

    database: str = Field(min_length=1, description="name of Odoo's database")
    host: str = Field("odoo", description="host at which bricks reach Odoo: odoo.host in cineges-config")
    port: int = Field(80, ge=1, le=65535, description="odoo.port in cineges-config")
    use_ssl: bool = Field(False, description="odoo.useSsl in cineges-config")
    user: str = Field("admin", description="user that the bricks log in as: odoo.user in cineges-config")


def _postgres_user(value: str) -> str:
    # 63 bytes are PostgreSQL's limit; a successor's name is 5 longer (bus.database.plan).
    taken = value in OWN_ROLES or value.startswith("pg_")
    if taken or not value.isprintable() or not 0 < len(value.encode()) <= 58:
        allowed = f"must be a name of 1 to 58 bytes that is none of {', '.join(OWN_ROLES)} and does not begin with pg_"
        raise ValueError(allowed)
    return value


PostgresUser = Annotated[str, AfterValidator(_postgres_user)]


class Postgres(ConfigModel):
    """PostgreSQL of a site."""

    user: PostgresUser = Field("odoo", description="role that Odoo uses")
    password_revision: int = Field(
        1, ge=1, description="another number rotates the PostgreSQL passwords that the stack generates"
    )


class As400(ConfigModel):
    """The AS/400 behind kgate, which is outside of this deployment."""

    user: str = Field("isi", description="user of the imports")
    address: str | None = Field(None, description="kgate's address, host:port")


class Mirror(ConfigModel):
    """What kafka2kafka copies between central and one complexe: topic names, `*` for any characters."""

    ctrl2cplx: tuple[str, ...] = Field(
        (), strict=False, alias="ctrl2cplx", description="topics copied from central to the complexe"
    )
    cplx2ctrl: tuple[str, ...] = Field(
        (), strict=False, alias="cplx2ctrl", description="topics copied from the complexe to central"
    )


class Site(ConfigModel):
    """One site: central, or a complexe."""

    namespace: Label = Field(description="Kubernetes namespace of the site")
    context: str | None = Field(None, description="kubeconfig context; or set the secret bus:<site>.kubeconfig")
    access: Literal["port-forward", "direct"] | None = Field(
        None, description="how the runner reaches Kafka and Elasticsearch of this site; default: bus:access"
    )
    cluster_uid: str | None = Field(
        None,
        min_length=1,
        description="uid of the cluster's namespace kube-system; default: the uid at the first pulumi up",
    )
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


class Delivery(ConfigModel):
    """A customer's registry that every image is copied to before anything is deployed from it."""

    registry: Registry = Field(description="host[:port][/path] of the customer's registry")
    hosted_by: str | None = Field(None, description="site that runs this registry as its brick docker-registry")
    insecure: bool = Field(False, description="plain HTTP; loopback and private addresses only")
    source_insecure: bool = Field(False, description="plain HTTP towards the source registry")
    source_mirror: Registry | None = Field(
        None, description="host:port that serves the images of every source registry"
    )
    extra_images: tuple[ImageText, ...] = Field(
        (),
        strict=False,
        description="images that no chart runs but the customer needs: host/path:tag or host/path@digest",
    )
    also_from: tuple[str, ...] = Field(
        (), strict=False, description="stacks whose running images are delivered too, for example recette"
    )
    platforms: tuple[str, ...] = Field(
        (),
        strict=False,
        description="platforms to copy, such as linux/amd64; default: all, which most registries require",
    )


class RegistryTrust(ConfigModel):
    """What is special about one registry: who may get its login for a token, and what it is verified with."""

    token_hosts: tuple[RegistryHost, ...] = Field(
        (),
        strict=False,
        description="host[:port] that issues its tokens, and so gets its login; its own host always may",
    )
    ca_file: str | None = Field(
        None, min_length=1, description="file with the certificates (PEM) that verify it, relative to the project"
    )


class VerifyKey(ConfigModel):
    """A public key of cosign, and the images that it is for."""

    key: str = Field(min_length=1, description="public key (PEM), or a file with it, relative to the project")
    images: tuple[str, ...] = Field(
        (), strict=False, description="globs of host/path, such as dkr.isi.nc/hickson/*; default: every image"
    )


def _key(value: object) -> object:
    return {"key": value} if isinstance(value, str) else value


_TEXTS = {"type": "array", "items": {"type": "string"}}
VerifyKeyText = Annotated[
    VerifyKey,
    BeforeValidator(_key),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"key": {"type": "string", "minLength": 1}, "images": _TEXTS},
                    "required": ["key"],
                },
            ]
        }
    ),
]


class Verify(ConfigModel):
    """Whose signature every image must have before it is deployed, promoted, delivered or bundled."""

    keys: tuple[VerifyKeyText, ...] = Field(
        min_length=1, strict=False, description="public keys: PEM or a file, or {key, images: [globs of its images]}"
    )
    require: bool = Field(True, description="refuse unsigned images; false: warn")
    exempt: tuple[str, ...] = Field(
        (), strict=False, description="globs of images that nobody signs, such as docker.io/library/*"
    )


class Images(ConfigModel):
    """How the images of a stack are looked up before anything is deployed, and what they must be."""

    require_digest: bool = Field(False, description="refuse an image without a digest")
    mirror: Registry | None = Field(None, description="host:port that answers in place of the images' own registries")
    insecure: bool = Field(False, description="plain HTTP towards registries; loopback and private addresses only")
    registries: dict[RegistryHost, RegistryTrust] = Field(
        default_factory=dict, description="settings of single registries, by host[:port]"
    )
    verify: Verify | None = Field(None, description="cosign signatures that images must have (docs/images.md)")
    not_images: tuple[str, ...] = Field((), strict=False, description="text in charts that only looks like an image")
    versions: dict[ImageName, ProductVersion] = Field(
        default_factory=dict,
        description="version of Kafka, Elasticsearch or PostgreSQL inside an image, by name:tag or by digest",
    )


class Timeouts(ConfigModel):
    """Seconds that a release may take until it is ready."""

    base_seconds: int = Field(900, ge=10, description="seconds until a base, or docker-registry, must be ready")
    bricks_seconds: int = Field(
        600, ge=10, description="seconds until the bricks of a site, or kafka-notif, must be ready"
    )
    mirror_seconds: int = Field(300, ge=10, description="seconds until kafka2kafka must be ready")


class ConfirmDelete(ConfigModel):
    """Names whose deletion, with all their data, is wanted."""

    topics: tuple[str, ...] = Field(
        (), strict=False, description="topics without a fragment to delete with their data (docs/topics.md)"
    )
    indices: tuple[str, ...] = Field(
        (), strict=False, description="indices without a fragment to delete with their data (docs/indices.md)"
    )


class StackFile(ConfigModel):
    """The `bus:` keys of a stack file, secrets apart."""

    customer: LabelValue = Field(description="the customer: whose umbrella charts are deployed, and a label")
    context: str | None = Field(None, description="kubeconfig context of sites without one of their own")
    access: Literal["port-forward", "direct"] = Field(
        "port-forward",
        description="how the runner reaches Kafka and Elasticsearch of sites without an access of their own",
    )
    sites: dict[SiteName, Site] = Field(min_length=1, description="sites by name; exactly one is called central")
    values: dict[str, dict[str, Any]] = Field(default_factory=dict, description="chart values per brick, all sites")
    delivery: Delivery | None = None
    images: Images = Images()
    confirm_delete: ConfirmDelete = ConfirmDelete()
    timeouts: Timeouts = Timeouts()
    not_secrets: tuple[str, ...] = Field(
        (), strict=False, description="names in values whose text only looks like an unencrypted secret"
    )
    allow_offline: tuple[str, ...] = Field(
        (), strict=False, description="complexes that may be out of reach while the others are deployed"
    )
    allow_offline_preview: bool = Field(False, description="preview even if a cluster cannot be reached")


def kind_of(site: str) -> Kind:
    """Which of the two kinds a site is."""
    return "central" if site == CENTRAL else "complexe"
