"""A folder of charts/ as one Helm release."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s

from bus.deployment import Release
from bus.releases.render import charts
from bus.revisions import of_secret
from components import release_hooks
from components.providers.uninstall import Uninstall

CHARTS, STAGED = Path("charts"), Path(".build/charts")


@dataclass(frozen=True)
class UmbrellaArgs:
    """`after` are the resources of every earlier tier; Pulumi hands no depends_on of a component to its children."""

    release: Release
    namespace: str
    after: Sequence[pulumi.Resource]
    secret_revisions: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)
    """key of the Secret that the release reads -> its revision; the release is given those of `release.reads`"""


def secret_revisions(
    salt: pulumi.Output[str], holder: str, values: Mapping[str, pulumi.Output[str]]
) -> dict[str, pulumi.Output[str]]:
    """Return the revision of each key of a Secret, known to a preview and no secret (docs/adr/0060).

    `holder` is the name of the object and of its site, `values` maps its keys to Pulumi secrets.
    """

    def revision(key: str, value: pulumi.Output[str]) -> pulumi.Output[str]:
        both = pulumi.Output.all(salt, value)
        return pulumi.Output.unsecret(both.apply(lambda known: of_secret(known[0], holder, key, known[1])))

    return {key: revision(key, value) for key, value in sorted(values.items())}


class Umbrella(pulumi.ComponentResource):
    """One chart with its sub-charts, deployed and waited for; each kind of release is a subclass with its own token."""

    token: ClassVar[str] = "bus:index:Umbrella"
    release: k8s.helm.v3.Release

    def __init__(self, name: str, args: UmbrellaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(self.token, name, None, opts)
        wanted = args.release
        # Relative to the project: an absolute path is a diff on every other machine (pulumi-kubernetes#2251).
        path = f"./{charts.stage(CHARTS, wanted.chart, STAGED, bare=True).as_posix()}"
        values: dict[str, pulumi.Input[object]] = dict(wanted.values)
        if known := {key: revision for key, revision in args.secret_revisions.items() if key in wanted.reads.secret}:
            values["global"] = {**wanted.values.get("global", {}), "secretRevisions": known}
        resource = f"{name}-release"
        uninstall = self._uninstall(f"{name}-uninstall", args)
        hooks = release_hooks.hooks(resource, wanted.cluster, wanted) if wanted.cluster else None
        self.release = k8s.helm.v3.Release(
            resource,
            name=wanted.name,  # else Pulumi adds a random suffix
            namespace=args.namespace,
            chart=path,
            values=values,
            # Else the provider takes empty lists away; nulls in maps it takes away all the same (docs/adr/0080).
            allow_null_values=True,
            timeout=wanted.timeout_seconds,
            description=wanted.description or None,
            max_history=5,  # 0 would keep every revision
            replace=True,  # a first install that failed does not block the name (helm/helm#4045)
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*args.after, uninstall],
                deleted_with=uninstall,
                hooks=hooks,
                # A preview without the clusters does not know what they have.
                ignore_changes=None if wanted.cluster else ["description"],
            ),
        )
        self.register_outputs({"version": self.release.version})

    def _uninstall(self, name: str, args: UmbrellaArgs) -> Uninstall:
        """What removes the release: Pulumi's own way does not survive a kill (docs/adr/0035)."""
        wanted = args.release
        return Uninstall(
            name,
            release=wanted.name,
            chart=wanted.chart,
            namespace=args.namespace,
            context=wanted.cluster.context if wanted.cluster else "",
            kubeconfig=pulumi.Output.secret(wanted.cluster.kubeconfig if wanted.cluster else ""),
            timeout_seconds=wanted.timeout_seconds,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.after),
                # A preview without the clusters does not know how they are reached.
                ignore_changes=None if wanted.cluster else ["context", "kubeconfig"],
            ),
        )
