"""The base of a site: Secret cineges-secret and the base chart's release (Kafka, Elasticsearch, Odoo, PostgreSQL)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from bus.deployment import SitePlan
from components.providers.connection import SiteEndpoint
from components.providers.roles import PostgresRoles
from components.umbrella import Umbrella, UmbrellaArgs

SECRET = "cineges-secret"


@dataclass(frozen=True)
class BaseArgs:
    """`secrets` maps the keys of cineges-secret to Pulumi secrets, `revisions` to what restarts those who read them."""

    site: SitePlan
    place: SiteEndpoint
    secrets: Mapping[str, pulumi.Output[str]]
    revisions: Mapping[str, pulumi.Output[str]]
    after: Sequence[pulumi.Resource]


class Base(pulumi.ComponentResource):
    """What every brick of a site stands on."""

    leaves: list[pulumi.Resource]
    """the resources that a later tier waits for"""

    def __init__(self, name: str, args: BaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bus:index:Base", name, None, opts)
        namespace = args.site.site.namespace
        secret = k8s.core.v1.Secret(
            f"{name}-secret",
            # Made here and not by the chart: Helm values would carry the passwords into the release's record.
            metadata={
                "name": SECRET,
                "namespace": namespace,
                "annotations": {"pulumi.com/patchForce": "true"},  # one left by the old process is taken over
            },
            string_data=dict(args.secrets),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        # A role gets its new password just before those restart who log in with it; on a first installation once
        # PostgreSQL runs (docs/adr/0057).
        before = self._roles(f"{name}-roles", args, [secret], required=False)
        release = Umbrella(
            f"{name}-products",
            UmbrellaArgs(args.site.base, namespace, [*args.after, secret, *before], args.revisions),
            pulumi.ResourceOptions(parent=self),
        )
        settled = self._roles(f"{name}-roles-settled", args, [secret, *before, release.release], required=True)
        self.leaves = [secret, *before, release.release, *settled]
        self.register_outputs({})

    def _roles(
        self, name: str, args: BaseArgs, after: Sequence[pulumi.Resource], *, required: bool
    ) -> list[pulumi.Resource]:
        """The roles of the site's PostgreSQL, where it has one."""
        if args.site.roles is None:
            return []
        keys = sorted(set(args.site.roles.passwords.values()))
        return [
            PostgresRoles(
                name,
                place=args.place,
                roles=args.site.roles,
                password_revision=pulumi.Output.all(*(args.revisions[key] for key in keys)).apply("".join),
                required=required,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[*args.after, *after]),
            )
        ]
