"""How a drifted release gets back to what was deployed: the command, with the revision that it needs."""

import shlex
from collections.abc import Sequence

from bus.cluster.access import Cluster
from bus.config.stack_file import NAMESPACE
from bus.releases.recovery.state import PENDING, Revision


def of_release(release: str, cluster: Cluster, history: Sequence[Revision], site: str, stack: str) -> list[str]:
    """Lines for a reader: what the newest revision is where it is not the deployed one, then the remedy.

    `helm rollback` without a revision goes to the revision *before* the current one, which may be an older image or one
    that failed (helm/helm#1796). So the command always names the deployed revision. It does not wait: the update after
    it does, and replaces pods that block a StatefulSet.
    """
    up = f"pulumi up --stack {shlex.quote(stack)}"
    newest = max(history, key=_revision, default=None)
    ready = max((one for one in history if one.status == "superseded"), key=_revision, default=None)
    deployed = max((one for one in history if one.status == "deployed"), key=_revision, default=ready)
    if newest is None or deployed is None:
        return [f"remedy: {up}"]
    if newest.status in PENDING:
        unlock = f"bus unlock --stack {shlex.quote(stack)}"
        return [
            f"revision {newest.revision} is {newest.status}: a deployment is running, or was killed",
            f"remedy: wait until it ends; where it was killed: {unlock}, then {up}",
        ]
    lines = []
    if newest.revision != deployed.revision:
        state = "failed" if newest.status == "failed" else f"is {newest.status}"
        back = f"the last one that was ready is revision {deployed.revision}"
        lines.append(f"revision {newest.revision} {state}, and objects may be partly of it; {back}")
    if cluster.kubeconfig:
        get = f"pulumi config get {shlex.quote(f'{NAMESPACE}:{site}.kubeconfig')} --stack {shlex.quote(stack)}"
        lines.append(f"FILE below is the site's kubeconfig: {get} > FILE")
    return [*lines, f"remedy: helm rollback {release} {deployed.revision} {_reached(cluster)}", f"then: {up}"]


def of_sets(stack: str) -> str:
    """The remedy for topics, indices and Kafka users: an update that reads their servers before it compares."""
    return f"remedy: pulumi up --refresh --stack {shlex.quote(stack)}"


def _reached(cluster: Cluster) -> str:
    where = ["-n", cluster.namespace]
    where += ["--kubeconfig", "FILE"] if cluster.kubeconfig else []
    where += ["--kube-context", cluster.context] if cluster.context and not cluster.kubeconfig else []
    return shlex.join(where)


def _revision(record: Revision) -> int:
    return record.revision
