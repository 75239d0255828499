"""Kafka logins of a site: passwords that the stack makes, in Secrets that the charts read."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from bus.cluster.access import BROKERS_SECRET
from bus.deployment import SitePlan
from bus.users.passwords import fingerprint, secret_of_brokers
from components.providers.passwords import KafkaPasswords


@dataclass(frozen=True)
class LoginsArgs:
    """`after` are the resources of every earlier tier."""

    site: SitePlan
    after: Sequence[pulumi.Resource]


class Logins(pulumi.ComponentResource):
    """Secret kafka-brokers, and kafka-<brick> for each brick that uses Kafka."""

    leaves: list[pulumi.Resource]
    """the resources that a later tier waits for"""

    def __init__(self, name: str, args: LoginsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bus:index:Logins", name, None, opts)
        self._passwords = KafkaPasswords(
            f"{name}-passwords",
            users=sorted(args.site.users),
            revision=args.site.site.kafka.password_revision,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        after = [*args.after, self._passwords]
        namespace = args.site.site.namespace
        brokers = self._passwords.brokers.apply(secret_of_brokers)
        made = [secret(f"{name}-brokers", BROKERS_SECRET, namespace, brokers, after, self)]
        made += [
            secret(f"{name}-{user}", f"kafka-{user}", namespace, self.credential(user), after, self)
            for user in sorted(args.site.users)
        ]
        self.leaves = [self._passwords, *made]
        self.register_outputs({})

    @property
    def fingerprint(self) -> pulumi.Output[str]:
        """Of all passwords of bricks; no secret, since nobody guesses what they were made from."""
        return pulumi.Output.unsecret(self._passwords.credentials.apply(fingerprint))

    def credential(self, user: str) -> pulumi.Output[dict[str, str]]:
        """mechanism, username and password of a user."""
        return self._passwords.credentials.apply(lambda found: found[user])


def secret(
    name: str,
    object_name: str,
    namespace: str,
    data: pulumi.Output[dict[str, str]],
    after: Sequence[pulumi.Resource],
    parent: pulumi.Resource,
    provider: pulumi.ProviderResource | None = None,
) -> k8s.core.v1.Secret:
    """A Secret made by Pulumi itself: Helm values would carry what it holds into the release's record."""
    return k8s.core.v1.Secret(
        name,
        # One that an earlier stack left is taken over.
        metadata={"name": object_name, "namespace": namespace, "annotations": {"pulumi.com/patchForce": "true"}},
        string_data=data,
        opts=pulumi.ResourceOptions(parent=parent, provider=provider, depends_on=list(after)),
    )
