"""Every site of a stack; the only file where order is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

from bus.config import hosted_registry, names
from bus.config.names import mirror_of
from bus.config.stack_file import CENTRAL
from bus.database.roles import SiteRoles
from bus.deployment import MIRROR, Deployment, Release, SitePlan
from bus.images.registry.registries import sources
from bus.images.signatures import verifying
from components.base import SECRET, Base, BaseArgs
from components.central import Central
from components.complexe import Complexe
from components.delivery import Delivery, DeliveryArgs
from components.logins import Logins, LoginsArgs, secret
from components.mirror import Mirror
from components.notif import Notif
from components.providers.clusters import ClusterPin
from components.providers.connection import SiteEndpoint
from components.providers.database_passwords import PostgresPasswords
from components.providers.deployments import Attempt, Deployed
from components.providers.indices import IndexSet
from components.providers.pins import ImagePins
from components.providers.salt import Salt
from components.providers.topics import TopicSet
from components.providers.users import KafkaUsers, RetiredPasswords
from components.registry import Registry, logins
from components.umbrella import Umbrella, UmbrellaArgs, secret_revisions

Tiers = list[pulumi.Resource]


@dataclass(frozen=True)
class BusArgs:
    """`secrets` maps site -> key of cineges-secret -> Pulumi secret; `kubeconfigs` site -> Pulumi secret."""

    deployment: Deployment
    secrets: Mapping[str, Mapping[str, pulumi.Output[str]]]
    kubeconfigs: Mapping[str, pulumi.Output[str]]
    registry_login: tuple[pulumi.Output[str], pulumi.Output[str]] | None = None
    """user and password that nodes pull from the customer's registry with, where the stack has them"""
    htpasswd: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)
    """site -> Pulumi secret with the logins that its docker-registry takes"""
    pusher: pulumi.Output[str] | None = None
    """the user who alone may push to the registry that the stack runs itself"""


class Bus(pulumi.ComponentResource):
    """A customer's sites, side by side, and the mirror once all of them stand.

    Within a site each tier waits for *every* earlier tier, not only for the one before: an empty tier would break the
    chain (pulumi/pulumi#8721).
    """

    pins: pulumi.Output[dict[str, dict[str, str]]]
    """site -> brick -> image with tag and digest, once all of it is deployed"""

    def __init__(self, name: str, args: BusArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bus:index:Bus", name, None, opts)
        self._deployment, self._registry_login, self._htpasswd = args.deployment, args.registry_login, args.htpasswd
        self._pusher = args.pusher
        self._logins: dict[str, Logins] = {}
        self._salt = Salt("revision-salt", pulumi.ResourceOptions(parent=self))
        everything: Tiers = []
        images = self._images()
        # Per unit, known as soon as the images are; recorded once the unit stands (docs/adr/0064).
        units = images.digests.apply(lambda found: args.deployment.units(found or {}))
        below_images = pulumi.ResourceOptions(parent=self, depends_on=[images])
        attempt = Attempt("deployment", pins=units, opts=below_images)
        clusters: dict[str, k8s.Provider] = {}
        first: dict[str, Tiers] = {}
        for site in args.deployment.sites.values():
            clusters[site.name] = self._cluster(site, args.kubeconfigs.get(site.name))
            # Tier 1: the namespace. Kept on destroy, since its volumes go with it (docs/adr/0004).
            pin = self._pin(site)
            first[site.name] = [images, self._salt, pin, self._namespace(site, clusters[site.name], [images, pin])]
        for site in args.deployment.sites.values():
            # A registry that the stack runs itself stands before anything is delivered, wherever to (docs/adr/0045).
            if site.registry and not site.registry.delivered:
                target = self._registry(site, site.registry, first[site.name], clusters[site.name])
                first = {name: [*tiers, *target] for name, tiers in first.items()}
        for site in args.deployment.sites.values():
            stands = self._site(site, clusters[site.name], args.secrets[site.name], first[site.name])
            self._deployed(f"{site.name}-deployed", site.name, units, attempt, stands)
            everything += stands
        if args.deployment.mirror:
            central = args.deployment.sites["central"]
            everything += self._mirror_logins(clusters["central"], list(everything))
            # Tier 7: the mirror, after central and all complexes.
            mirror = UmbrellaArgs(args.deployment.mirror, central.site.namespace, list(everything))
            everything.append(Mirror("mirror", mirror, self._below(clusters["central"])).release)
            self._deployed("deployed-mirror", mirror_of(CENTRAL), units, attempt, everything)
        # Once everybody has restarted with a new password, the old one goes.
        for site in args.deployment.sites.values():
            if site.site.kafka.authorization:
                self._users(RetiredPasswords, f"retired-{site.name}-kafka", site, everything)
        # Of the whole stack, so known only once everything stands. A promotion judges per site, by the records.
        deployed = pulumi.Output.all(images.digests, *(resource.urn for resource in everything))
        self.pins = deployed.apply(lambda found: args.deployment.pins(found[0] or {}))
        self.register_outputs({})

    def _below(self, cluster: k8s.Provider) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, providers={"kubernetes": cluster})

    def _cluster(self, site: SitePlan, kubeconfig: pulumi.Output[str] | None) -> k8s.Provider:
        """Access to a site's cluster: a kubeconfig of its own, or a context of the ambient one."""
        context = self._deployment.settings.context(site.name) or None
        return k8s.Provider(
            f"{site.name}-cluster",
            kubeconfig=kubeconfig,
            context=context,
            # Else another address or a renewed CA would replace, and so delete, all that stands there (docs/adr/0037).
            cluster_identifier=site.name,
            upsert_existing_objects=True,  # namespaces that a destroy kept, secrets that the old process left
            enable_secret_mutable=True,  # else a changed Secret is deleted and made anew, and meanwhile no pod starts
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _images(self) -> ImagePins:
        """Every image of the stack, looked up before anything is deployed."""
        access = sources(self._deployment.settings.stack_file, Path.cwd())
        return ImagePins(
            "images",
            images=self._deployment.images,
            mirror=access.mirror,
            insecure=access.insecure,
            known=access.trust,
            verify=verifying.policy(self._deployment.settings.stack_file.images, Path.cwd()),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _site(
        self,
        site: SitePlan,
        cluster: k8s.Provider,
        secrets: Mapping[str, pulumi.Output[str]],
        first: Tiers,
    ) -> Tiers:
        """One site in its order; returns the resources that whatever comes after the site waits for."""
        done = list(first)
        below = self._below(cluster)
        # Tier 2: all images of the release are in the customer's registry.
        if delivery := self._deployment.settings.stack_file.delivery:
            # What other stacks run is brought once; all sites pull from the one registry.
            also = delivery.also_from if site.kind == CENTRAL else ()
            host = self._deployment.sites.get(delivery.hosted_by or "")
            place = self._place(host) if host else None
            args = DeliveryArgs(self._deployment, site, list(done), self._registry_login, also, place)
            done += Delivery(f"{site.name}-delivery", args, below).leaves
        if site.registry and site.registry.delivered:
            done += self._registry(site, site.registry, done, cluster)
        secured = site.site.kafka.authorization
        if secured:
            self._logins[site.name] = Logins(f"{site.name}-kafka", LoginsArgs(site, list(done)), below)
            done += self._logins[site.name].leaves
        if site.roles and site.roles.made:
            passwords = self._postgres_passwords(site, site.roles, done)
            secrets = {**secrets, **{site.roles.passwords[role]: passwords.of(role) for role in site.roles.made}}
            done.append(passwords)
        # Tier 3: Kafka, Elasticsearch, Odoo, PostgreSQL, cineges-config, cineges-secret.
        revisions = secret_revisions(self._salt.salt, f"{site.name}/{SECRET}", secrets)
        base = Base(f"{site.name}-base", BaseArgs(site, self._place(site), secrets, revisions, list(done)), below)
        done += base.leaves
        if secured:
            done.append(self._users(KafkaUsers, f"{site.name}-kafka-users", site, done))
        # Tier 4: the topic of kafka-notif, and only then kafka-notif.
        done.append(self._topics(names.base_topics(site.name), site, site.base_topics, done))
        notif = UmbrellaArgs(site.notif, site.site.namespace, list(done), revisions)
        done.append(Notif(f"{site.name}-notif", notif, below).release)
        # Tier 5: topics and indices of every fragment; neither waits for the other.
        declared = [
            self._topics(names.topics(site.name), site, site.topics, done),
            self._indices(f"{site.name}-indices", site, done),
        ]
        done += declared
        # Tier 6: the bricks.
        bricks = UmbrellaArgs(site.bricks, site.site.namespace, list(done), revisions)
        umbrella: type[Umbrella] = Central if site.kind == "central" else Complexe
        done.append(umbrella(f"{site.name}-bricks", bricks, below).release)
        return done

    def _postgres_passwords(self, site: SitePlan, roles: SiteRoles, after: Tiers) -> PostgresPasswords:
        """Passwords of PostgreSQL's roles that the stack file says none of."""
        revision = site.site.postgres.password_revision
        opts = pulumi.ResourceOptions(parent=self, depends_on=list(after))
        return PostgresPasswords(f"{site.name}-postgres-passwords", roles=roles.made, revision=revision, opts=opts)

    def _deployed(
        self,
        name: str,
        unit: str,
        units: pulumi.Output[dict[str, dict[str, str]]],
        attempt: Attempt,
        stands: Tiers,
    ) -> None:
        """The record of what a unit runs; nothing waits for it."""
        pins = units.apply(lambda found: found[unit])
        opts = pulumi.ResourceOptions(parent=self, depends_on=list(stands))
        Deployed(name, unit=unit, pins=pins, serial=attempt.serial, opts=opts)

    def _pin(self, site: SitePlan) -> ClusterPin:
        """Before all else of a site, so that nothing starts on a cluster that is another one (docs/adr/0037)."""
        uid = site.site.cluster_uid
        opts = pulumi.ResourceOptions(parent=self)
        return ClusterPin(f"{site.name}-cluster-pin", place=self._place(site), cluster_uid=uid, opts=opts)

    def _namespace(self, site: SitePlan, cluster: k8s.Provider, after: Tiers) -> k8s.core.v1.Namespace:
        labels = self._deployment.namespace_labels(site.name)
        return k8s.core.v1.Namespace(
            f"{site.name}-namespace",
            metadata={"name": site.site.namespace, "labels": labels},
            opts=pulumi.ResourceOptions(parent=self, provider=cluster, retain_on_delete=True, depends_on=after),
        )

    def _registry(self, site: SitePlan, release: Release, after: Tiers, cluster: k8s.Provider) -> Tiers:
        """docker-registry of a site, with the logins that it takes."""
        name, namespace, below = f"{site.name}-registry", site.site.namespace, self._below(cluster)
        if site.name not in self._htpasswd:
            return [Registry(name, UmbrellaArgs(release, namespace, list(after)), below).release]
        opts = pulumi.ResourceOptions(parent=self, provider=cluster, depends_on=list(after))
        users: pulumi.Input[Mapping[str, pulumi.Input[str]]] = {hosted_registry.HTPASSWD: self._htpasswd[site.name]}
        text = self._htpasswd[site.name]
        if not release.delivered and self._pusher:
            both = pulumi.Output.all(self._htpasswd[site.name], self._pusher)
            users = pulumi.Output.secret(both.apply(lambda found: hosted_registry.split(*found)))
            text = both.apply(lambda found: "\n".join(map(str, found)))
        known = logins(f"{name}-logins", namespace, users, opts)
        revisions = secret_revisions(
            self._salt.salt, f"{site.name}/{hosted_registry.SECRET}", {hosted_registry.HTPASSWD: text}
        )
        args = UmbrellaArgs(release, namespace, [*after, known], revisions)
        return [known, Registry(name, args, below).release]

    def _place(self, site: SitePlan) -> SiteEndpoint:
        settings = self._deployment.settings
        return SiteEndpoint(site.name, site.site.namespace, settings.context(site.name), settings.access(site.name))

    def _topics(self, name: str, site: SitePlan, topics: Mapping[str, Mapping[str, object]], after: Tiers) -> TopicSet:
        settings = self._deployment.settings
        return TopicSet(
            name,
            place=self._place(site),
            admin_port=settings.admin_port(site.name),
            bootstrap_servers=site.site.kafka.bootstrap_servers or "",
            brokers=site.site.kafka.brokers,
            topics=topics,
            elsewhere=sorted({*site.base_topics, *site.topics} - topics.keys()),
            confirm_delete=list(settings.stack_file.confirm_delete.topics),
            cluster_id=site.site.kafka.cluster_id,
            mirrored=site.mirrored,
            reassignment_bytes_per_second=site.site.kafka.reassignment_bytes_per_second,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )

    def _users(
        self, resource: type[KafkaUsers] | type[RetiredPasswords], name: str, site: SitePlan, after: Tiers
    ) -> pulumi.Resource:
        settings = self._deployment.settings
        return resource(
            name,
            place=self._place(site),
            admin_port=settings.admin_port(site.name),
            password_revision=site.site.kafka.password_revision,
            fingerprint=self._logins[site.name].fingerprint,
            users=site.users,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )

    def _mirror_logins(self, central: k8s.Provider, after: Tiers) -> Tiers:
        """The mirror's logins on complexes, where it runs: on central."""
        namespace = self._deployment.sites["central"].site.namespace
        copies: Tiers = []
        for name, site in self._deployment.sites.items():
            if site.kind != "central" and MIRROR in site.users:
                credential = self._logins[name].credential(MIRROR)
                copy = f"mirror-{name}-kafka"
                copies.append(secret(copy, f"kafka-{MIRROR}-{name}", namespace, credential, after, self, central))
        return copies

    def _indices(self, name: str, site: SitePlan, after: Tiers) -> IndexSet:
        settings = self._deployment.settings
        return IndexSet(
            name,
            place=self._place(site),
            endpoint=site.site.elasticsearch.endpoint or "",
            indices=site.indices,
            provisions=site.provisions,
            confirm_delete=list(settings.stack_file.confirm_delete.indices),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )
