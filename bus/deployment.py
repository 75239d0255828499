"""What a stack deploys: its sites, and the releases, topics, indices and images of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from bus.cluster.access import Cluster
from bus.config import hosted_registry, names
from bus.config.names import mirror_of
from bus.config.settings import Settings
from bus.config.stack_file import CENTRAL, Kind, Site
from bus.database.roles import SiteRoles
from bus.image_reference import Reference, parse
from bus.indices.declared.supporting import Bodies
from bus.merge import Values
from bus.revisions import KeysRead
from bus.users.rights import Rights

NOTIF, MIRROR, REGISTRY, POSTGRES = names.NOTIF, "kafka2kafka", hosted_registry.BRICK, "postgres"
KINDS: tuple[Kind, ...] = get_args(Kind)
# Made by components/delivery.py in every namespace, where the stack has a login for the customer's registry.
PULL_SECRET = "bus-registry"


def umbrellas(customer: str) -> tuple[str, ...]:
    """The charts that a customer has of its own."""
    return (names.base_chart(customer), *(names.umbrella(customer, kind) for kind in KINDS))


def deployable(customer: str) -> tuple[str, ...]:
    """The charts that releases are made of."""
    return (*umbrellas(customer), NOTIF, MIRROR, REGISTRY)


@dataclass(frozen=True)
class Release:
    """One Helm release: `values` is all that Helm is given, chart defaults included, secrets and nulls never."""

    name: str
    chart: str
    values: Values
    timeout_seconds: int
    images: Mapping[str, Reference] = field(default_factory=dict)
    """brick -> its image where it comes from, delivery apart"""
    delivered: bool = True
    """whether a delivery brings its images; the registry that is delivered to comes from where it is (ADR 0045)"""
    cluster: Cluster | None = None
    """where its records are; None until a run has found the clusters reachable"""
    reads: KeysRead = field(default_factory=KeysRead)
    """the keys of cineges-config and of its Secret whose revisions it is given, so that its pods restart with them"""
    description: str = ""
    """what Helm's record says of it; another one than before makes an upgrade (bus.releases.recovery.state)"""


@dataclass(frozen=True)
class SitePlan:
    """Everything of one site, in the shape that its components take it."""

    name: str
    kind: Kind
    site: Site
    config: Mapping[str, str]
    base: Release
    notif: Release
    bricks: Release
    registry: Release | None
    base_topics: Mapping[str, Mapping[str, Any]]
    topics: Mapping[str, Mapping[str, Any]]
    indices: Mapping[str, Mapping[str, Any]]
    provisions: Bodies = field(default_factory=dict)
    """what the indices rely on: policies, component templates, pipelines, index templates"""
    mirrored: Mapping[str, str] = field(default_factory=dict)
    """glob of topics that the mirror copies into this site -> the sites they come from"""
    users: Mapping[str, Rights] = field(default_factory=dict)
    """Kafka users of the bricks that are deployed here and what they may do; none where brokers ask nobody"""
    roles: SiteRoles | None = None
    """roles of the site's PostgreSQL; None where it runs none"""

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
        return self.settings.stack_file.delivery.registry if self.settings.stack_file.delivery else ""

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
        """Every image that is delivered for a site: reference where it comes from -> reference that its pods name."""
        images = {image for release in self.releases(site) if release.delivered for image in release.images.values()}
        if self.settings.stack_file.delivery:
            images |= {parse(image) for image in self.settings.stack_file.delivery.extra_images}
        return {image.pinned: image.relocated(self.registry).pinned for image in sorted(images, key=str)}

    @property
    def images(self) -> list[str]:
        """Every image of the stack where it comes from, tag and digest, each once."""
        releases = [release for site in self.sites for release in self.releases(site)]
        own = {image.pinned for release in releases for image in release.images.values()}
        return sorted(own.union(*(self.deliveries(site) for site in self.sites)))

    def pins(self, digests: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """site -> brick -> its image with tag and digest; `digests` has those that registries gave for tags."""
        return {name: _pins(self.releases(name), digests) for name in self.sites}

    def units(self, digests: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """The same per unit: the mirror, which waits for every site, is one of its own beside its site."""
        found = {name: _pins(site.releases, digests) for name, site in self.sites.items()}
        return {**found, **({mirror_of(CENTRAL): _pins([self.mirror], digests)} if self.mirror else {})}

    def namespace_labels(self, site: str) -> dict[str, str]:
        """Return the labels of a site's namespace, with its Pod Security level."""
        level = self.sites[site].site.pod_security
        return {
            "app.kubernetes.io/managed-by": "bus",
            "bus/customer": self.settings.stack_file.customer,
            "bus/site": site,
            "pod-security.kubernetes.io/enforce": level,
            "pod-security.kubernetes.io/warn": level,
        }

    def cluster(self, site: str, config: Mapping[str, str]) -> Cluster:
        """How a site's cluster is reached; `config` is the stack's flat config, for a kubeconfig of the site's own."""
        key = self.settings.kubeconfig_keys.get(site)
        return Cluster(
            context=self.settings.context(site),
            kubeconfig=config[f"bus:{key}"] if key else "",
            namespace=self.sites[site].site.namespace,
            mode=self.settings.access(site),
        )

    @property
    def deployed_images(self) -> dict[str, dict[str, str]]:
        """site -> brick -> reference that its pods name."""
        return {
            name: {
                brick: str(image.relocated(self.registry) if release.delivered else image)
                for release in self.releases(name)
                for brick, image in sorted(release.images.items())
            }
            for name in self.sites
        }


def _pins(releases: Sequence[Release], digests: Mapping[str, str]) -> dict[str, str]:
    return {
        brick: replace(image, digest=image.digest or digests.get(image.pinned, "")).pinned
        for release in releases
        for brick, image in sorted(release.images.items())
    }


def summary(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """What stands where, for the stack's outputs."""
    return {
        name: {
            "kind": site.kind,
            "namespace": site.site.namespace,
            "releases": [release.name for release in site.releases],
            "topics": sorted([*site.base_topics, *site.topics]),
            "indices": sorted(site.indices),
        }
        for name, site in deployment.sites.items()
    }
