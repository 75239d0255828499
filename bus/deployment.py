"""What a stack deploys, decided before anything is touched: settings + bricks + charts -> releases, topics, indices."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bus import bricks as brick_files
from bus.access import Cluster
from bus.bricks import Brick
from bus.errors import Problem, Refused
from bus.images.reference import Reference, from_values, parse
from bus.indices import model as index_model
from bus.layers import Values, merge
from bus.mirror import Patterns, check_mirror, to_regex
from bus.releases.values import Layer, brick_layer, is_enabled, places, release_values, with_defaults
from bus.settings import CENTRAL, Kind, Settings, Site, cineges_config, kind_of
from bus.topics import model as topic_model
from bus.users.rights import Rights, of_bricks, of_mirrors

BASE, NOTIF, MIRROR, REGISTRY = "hickson-base", "kafka-notif", "kafka2kafka", "docker-registry"
UMBRELLA: dict[Kind, str] = {"central": "hickson-central", "complexe": "hickson-complexe"}
DEPLOYABLE = (BASE, NOTIF, *UMBRELLA.values(), MIRROR, REGISTRY)
STREAMS = "kafkastreams-chart"
# Made by components/delivery.py in every namespace, where the stack has a login for the customer's registry.
PULL_SECRET = "bus-registry"
# docker-registry is a release of its own; what sites.<site>.enable may name besides the umbrellas' optional bricks.
_OWN_RELEASE = frozenset({NOTIF, MIRROR, REGISTRY})


@dataclass(frozen=True)
class Release:
    """One Helm release: `values` is all that Helm is given, secrets never among it."""

    name: str
    chart: str
    values: Values
    timeout_seconds: int
    images: Mapping[str, Reference] = field(default_factory=dict)
    """brick -> its image where it comes from, delivery apart"""
    cluster: Cluster | None = None
    """where its records are; None until a run has found the clusters reachable"""
    description: str = ""
    """what Helm's record says of it; another one than before makes an upgrade (bus.releases.state)"""


@dataclass(frozen=True)
class SitePlan:
    """Everything of one site, in the shape that its components take it."""

    name: str
    kind: Kind
    settings: Site
    config: Mapping[str, str]
    base: Release
    notif: Release
    bricks: Release
    registry: Release | None
    base_topics: Mapping[str, Mapping[str, Any]]
    topics: Mapping[str, Mapping[str, Any]]
    indices: Mapping[str, Mapping[str, Any]]
    mirrored: Mapping[str, str] = field(default_factory=dict)
    """glob of topics that the mirror copies into this site -> the sites they come from"""
    users: Mapping[str, Rights] = field(default_factory=dict)
    """Kafka users of the bricks that are deployed here and what they may do; none where brokers ask nobody"""

    @property
    def releases(self) -> list[Release]:
        """Every release of the site, in order."""
        return [release for release in (self.registry, self.base, self.notif, self.bricks) if release]


@dataclass(frozen=True)
class Deployment:
    """A whole stack: its sites, the mirror between them, and the images that must be there."""

    settings: Settings
    sites: Mapping[str, SitePlan]
    mirror: Release | None

    @property
    def registry(self) -> str:
        """The customer's registry that everything is deployed from; empty where nothing is delivered."""
        return self.settings.content.delivery.registry if self.settings.content.delivery else ""

    def releases(self, site: str) -> list[Release]:
        """Every release in a site's namespace, in order; the mirror runs on central."""
        mirror = [self.mirror] if site == CENTRAL and self.mirror else []
        return [*self.sites[site].releases, *mirror]

    def with_releases(self, changed: Callable[[str, Release], Release]) -> "Deployment":
        """The same deployment with `changed(site, release)` for every release."""
        sites = {}
        for name, site in self.sites.items():
            registry = changed(name, site.registry) if site.registry else None
            base, notif, bricks = (changed(name, one) for one in (site.base, site.notif, site.bricks))
            sites[name] = replace(site, registry=registry, base=base, notif=notif, bricks=bricks)
        return replace(self, sites=sites, mirror=changed(CENTRAL, self.mirror) if self.mirror else None)

    def deliveries(self, site: str) -> dict[str, str]:
        """Every image that a site needs: reference where it comes from -> reference that its pods name."""
        images = {image for release in self.releases(site) for image in release.images.values()}
        if self.settings.content.delivery:
            images |= {parse(image) for image in self.settings.content.delivery.extra_images}
        return {image.pinned: image.relocated(self.registry).pinned for image in sorted(images, key=str)}

    @property
    def images(self) -> list[str]:
        """Every image of the stack where it comes from, tag and digest, each once."""
        return sorted({image for site in self.sites for image in self.deliveries(site)})

    def pins(self, digests: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """site -> brick -> its image with tag and digest; `digests` has those that registries gave for tags."""
        return {
            name: {
                brick: replace(image, digest=image.digest or digests.get(image.pinned, "")).pinned
                for release in self.releases(name)
                for brick, image in sorted(release.images.items())
            }
            for name in self.sites
        }

    def cluster(self, site: str, config: Mapping[str, str]) -> Cluster:
        """How a site's cluster is reached; `config` is the stack's flat config, for a kubeconfig of the site's own."""
        key = self.settings.kubeconfig_keys.get(site)
        return Cluster(
            context=self.settings.context(site),
            kubeconfig=config[f"bus:{key}"] if key else "",
            namespace=self.sites[site].settings.namespace,
            mode=self.settings.access(site),
        )

    @property
    def deployed_images(self) -> dict[str, dict[str, str]]:
        """site -> brick -> reference that its pods name."""
        return {
            name: {
                brick: str(image.relocated(self.registry))
                for release in self.releases(name)
                for brick, image in sorted(release.images.items())
            }
            for name in self.sites
        }


def plan(root: Path, settings: Settings) -> Deployment:
    """The deployment of `settings` with the charts/ and values/ of `root`; raises Refused with every problem."""
    folder = root / "charts"
    umbrella_places = {chart: places(folder, chart) for chart in DEPLOYABLE}
    known = frozenset(brick for found in umbrella_places.values() for brick in found)
    bricks, problems = brick_files.load(root / "values", known)
    problems += _unknown_bricks(settings, known)
    topics, wrong_topics = topic_model.merge_fragments({b.file: (b.name, b.content.topics) for b in bricks.values()})
    indices, wrong_indices = index_model.merge_fragments({b.file: (b.name, b.content.indices) for b in bricks.values()})
    problems += wrong_topics + wrong_indices

    sites = {}
    for name in sorted(settings.content.sites):
        site, wrong = _site(folder, settings, name, bricks, topics, indices)
        sites[name] = site
        problems += wrong
    mirror, wrong = _mirror(folder, settings, bricks, sites)
    problems += wrong
    if mirror:
        sites = _with_mirror_users(sites)
    made = Deployment(settings, sites, mirror)
    problems += _by_tag_alone(made)
    if problems:
        raise Refused(list(dict.fromkeys(problems)))
    return made


def _by_tag_alone(deployment: Deployment) -> list[Problem]:
    """Images without a digest, where the stack's policy wants one."""
    if not deployment.settings.content.images.require_digest:
        return []
    allowed = f"is required by bus:images.requireDigest of {deployment.settings.file}"
    return [
        Problem(
            f"values/{brick}.yml", "image.digest", None, f"{allowed}: {image}", f"bus set-image {brick} {image.tag}"
        )
        for site in deployment.sites
        for release in deployment.releases(site)
        for brick, image in release.images.items()
        if not image.digest
    ]


def _unknown_bricks(settings: Settings, known: frozenset[str]) -> list[Problem]:
    content, file = settings.content, settings.file
    named = [(f"bus:values.{brick}", brick) for brick in content.values]
    for name, site in content.sites.items():
        named += [(f"bus:sites.{name}.values.{brick}", brick) for brick in site.values]
        named += [(f"bus:sites.{name}.enable", brick) for brick in site.enable]
    allowed = f"no chart has this brick; bricks: {', '.join(sorted(known))}"
    return [Problem(file, path, brick, allowed) for path, brick in named if brick not in known]


def _site(
    folder: Path,
    settings: Settings,
    name: str,
    bricks: Mapping[str, Brick],
    topics: list[topic_model.Topic],
    indices: list[index_model.Index],
) -> tuple[SitePlan, list[Problem]]:
    site, kind, seconds = settings.content.sites[name], kind_of(name), settings.content.timeouts
    config = cineges_config(settings, name)
    mine = [topic for topic in topics if topic.applies_to(kind)]
    rights = of_bricks(mine, _of_chart(folder, kind, STREAMS)) if site.kafka.authorization else {}
    shared = merge(_shared_values(settings, config), _login_values(site, rights))
    problems: list[Problem] = []

    def release(release_name: str, chart: str, timeout: int, derived: Mapping[str, Any]) -> Release:
        wanted = merge(shared, _enabled(folder, chart, site), derived)
        made, wrong = _release(folder, settings, name, bricks, release_name, chart, timeout, wanted)
        problems.extend(wrong)
        return made

    base_name = "centralbase" if kind == CENTRAL else f"base{name}"
    base = release(base_name, BASE, seconds.base_seconds, _base_values(settings, name, config))
    notif = release(NOTIF, NOTIF, seconds.bricks_seconds, {})
    umbrella = release(name, UMBRELLA[kind], seconds.bricks_seconds, {})
    registry = release(REGISTRY, REGISTRY, seconds.base_seconds, {}) if REGISTRY in site.enable else None
    problems += _not_here(folder, settings, name, kind) + _before_users(name, rights.keys() & base.images.keys())

    default = site.kafka.replication_factor
    problems += [problem for topic in mine for problem in topic.beyond(site.kafka.brokers, default, name)]
    wanted = {topic.name: topic.wanted(default) for topic in mine}
    base_topics = {topic.name for topic in mine if NOTIF in topic.producers}
    plan = SitePlan(
        name=name,
        kind=kind,
        settings=site,
        config=config,
        base=base,
        notif=notif,
        bricks=umbrella,
        registry=registry,
        base_topics={topic: wanted[topic] for topic in sorted(base_topics)},
        topics={topic: wanted[topic] for topic in sorted(wanted.keys() - base_topics)},
        indices={
            index.name: index.wanted() for index in sorted(indices, key=lambda i: i.name) if index.applies_to(kind)
        },
        mirrored=mirrored_into(name, settings),
    )
    deployed = {brick for one in plan.releases for brick in one.images}
    return replace(plan, users={brick: may for brick, may in rights.items() if brick in deployed}), problems


def mirrored_into(name: str, settings: Settings) -> dict[str, str]:
    """What kafka2kafka copies into a site: glob -> the sites it comes from."""
    sites = settings.content.sites
    if kind_of(name) != CENTRAL:
        return dict.fromkeys(sites[name].mirror.ctrl2cplx, CENTRAL)
    sources: dict[str, list[str]] = {}
    for other, site in sites.items():
        for glob in site.mirror.cplx2ctrl:
            sources.setdefault(glob, []).append(other)
    return {glob: ", ".join(sorted(names)) for glob, names in sorted(sources.items())}


def _release(
    folder: Path,
    settings: Settings,
    site: str,
    bricks: Mapping[str, Brick],
    name: str,
    chart: str,
    timeout: int,
    derived: Mapping[str, Any],
) -> tuple[Release, list[Problem]]:
    layers = [brick_layer(brick) for brick in bricks.values()]
    layers.append(Layer(settings.file, "bus:values", settings.content.values))
    layers.append(Layer(settings.file, f"bus:sites.{site}.values", settings.content.sites[site].values))
    values, problems = release_values(folder, chart, layers, derived)
    full = with_defaults(folder, chart, values)
    images = {}
    for brick, (path, _) in places(folder, chart).items():
        image = _image_at(full, path)
        if image and is_enabled(full, path):
            images[brick] = from_values(image)
    return Release(name, chart, values, timeout, images), problems


def _shared_values(settings: Settings, config: Mapping[str, str]) -> Values:
    """`global` of every release: one registry for all images, and a revision that restarts pods on a config change."""
    revision = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:12]
    shared: Values = {"configRevision": revision}
    if settings.content.delivery:
        shared["repository"] = settings.content.delivery.registry
        if settings.delivery_login:
            shared["imagePullSecrets"] = [PULL_SECRET]
    return {"global": shared}


def _before_users(site: str, bricks: Collection[str]) -> list[Problem]:
    """Bricks of the base that name a topic: they would wait for a Kafka user that waits for the base to be ready."""
    allowed = f"is deployed with {BASE}, before its Kafka user on {site} can be made"
    way_out = "let a brick of the umbrella have the topic, or switch kafka.authorization of the site off"
    return [Problem(f"values/{brick}.yml", "topics", brick, allowed, way_out) for brick in sorted(bricks)]


def _of_chart(folder: Path, kind: Kind, chart: str) -> set[str]:
    """The bricks of a kind of site that are aliases of a type chart."""
    found = [places(folder, release) for release in (BASE, NOTIF, UMBRELLA[kind])]
    return {brick for bricks in found for brick, (_, its_chart) in bricks.items() if its_chart == chart}


def _login_values(site: Site, users: Collection[str]) -> Values:
    """`global` of a site whose brokers ask for a login: which bricks have one, in Secret kafka-<brick>."""
    if not site.kafka.authorization:
        return {}
    return {"global": {"kafka": {"users": sorted(users), "passwordRevision": site.kafka.password_revision}}}


def _base_values(settings: Settings, name: str, config: Mapping[str, str]) -> Values:
    """What typed settings fix in hickson-base."""
    site = settings.content.sites[name]
    kafka = {
        "replicaCount": site.kafka.brokers,
        "mode": site.kafka.mode,
        "admin": {"port": settings.admin_port(name)},
        **({"authorization": {"enabled": True}} if site.kafka.authorization else {}),
    }
    infra = {
        "kafka": kafka,
        "zookeeper": {"enabled": site.kafka.mode == "zookeeper"},
        "es": {"replicaCount": site.elasticsearch.nodes},
        "kafka-notif": {"enabled": False},
    }
    return {"isiinfra": infra, "odoo": {"database": site.odoo.database}, "config": {"data": dict(config)}}


def _enabled(folder: Path, chart: str, site: Site) -> Values:
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


def _not_here(folder: Path, settings: Settings, name: str, kind: Kind) -> list[Problem]:
    here = {*places(folder, BASE), *places(folder, UMBRELLA[kind]), REGISTRY}
    wrong = [brick for brick in settings.content.sites[name].enable if brick not in here and brick not in _OWN_RELEASE]
    allowed = f"is no brick of a {kind}; bricks here: {', '.join(sorted(here))}"
    return [Problem(settings.file, f"bus:sites.{name}.enable", brick, allowed) for brick in wrong]


def _mirror(
    folder: Path, settings: Settings, bricks: Mapping[str, Brick], sites: Mapping[str, SitePlan]
) -> tuple[Release | None, list[Problem]]:
    """kafka2kafka, where any complexe mirrors anything; it runs on central."""
    patterns = _patterns(sites)
    if not patterns or CENTRAL not in sites:
        return None, []
    topics = sorted({topic for site in sites.values() for topic in (*site.topics, *site.base_topics)})
    problems = check_mirror(settings.file, patterns, topics)
    if problems:
        return None, problems
    complexes = []
    for name, pattern in patterns.items():
        site = sites[name].settings
        complexes.append(
            {
                "name": name,
                "bootstrapServers": site.kafka.mirror_bootstrap_servers or f"kafka.{site.namespace}:9092",
                "topics": {
                    "ctrl2cplx": [to_regex(glob) for glob in pattern.ctrl2cplx],
                    "cplx2ctrl": [to_regex(glob) for glob in pattern.cplx2ctrl],
                },
                "replicationFactor": min(3, site.kafka.brokers),
                **_mirror_login(site, f"{MIRROR}-{name}"),
            }
        )
    central = sites[CENTRAL].settings
    derived = {
        "central": {
            "bootstrapServers": central.kafka.mirror_bootstrap_servers or "kafka:9092",
            "replicationFactor": min(3, central.kafka.brokers),
            **_mirror_login(central, MIRROR),
        },
        "complexes": complexes,
    }
    wanted = merge(_shared_values(settings, {}), derived)
    seconds = settings.content.timeouts.mirror_seconds
    return _release(folder, settings, CENTRAL, bricks, MIRROR, MIRROR, seconds, wanted)


def _patterns(sites: Mapping[str, SitePlan]) -> dict[str, Patterns]:
    """What is mirrored between central and each complexe that mirrors anything."""
    return {
        name: Patterns(site.settings.mirror.ctrl2cplx, site.settings.mirror.cplx2ctrl)
        for name, site in sites.items()
        if site.kind != CENTRAL and (site.settings.mirror.ctrl2cplx or site.settings.mirror.cplx2ctrl)
    }


def _mirror_login(site: Site, user: str) -> Values:
    """Where the mirror finds its login for a side that asks for one: in central's namespace."""
    if not site.kafka.authorization:
        return {}
    return {"login": {"secret": f"kafka-{user}", "passwordRevision": site.kafka.password_revision}}


def _with_mirror_users(sites: Mapping[str, SitePlan]) -> dict[str, SitePlan]:
    """The sites, with the mirror's user on each of them that asks for a login."""
    topics = {name: {*site.base_topics, *site.topics} for name, site in sites.items()}
    rights = of_mirrors(topics, _patterns(sites))
    return {
        name: replace(site, users={**site.users, MIRROR: rights[name]})
        if site.settings.kafka.authorization and name in rights
        else site
        for name, site in sites.items()
    }


def _image_at(values: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, str] | None:
    current: Any = values
    for part in path:
        current = current.get(part, {})
    image = current.get("image")
    return image if isinstance(image, Mapping) else None


def summary(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """What stands where, for the stack's outputs."""
    return {
        name: {
            "kind": site.kind,
            "namespace": site.settings.namespace,
            "releases": [release.name for release in site.releases],
            "topics": sorted([*site.base_topics, *site.topics]),
            "indices": sorted(site.indices),
        }
        for name, site in deployment.sites.items()
    }
