"""A release made ready for the deployment that comes next: what the state function decides, done."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import kr8s

from bus.cluster.access import Cluster
from bus.releases import live_objects, manifest, objects
from bus.releases.recovery import records, statefulsets
from bus.releases.recovery.state import Act, Decision, Revision, State, WantedRelease, decide

_POLL_SECONDS = 3.0
# Two acts follow one another at most (uninstalled, then planted); a third means that somebody works against us.
_ROUNDS = 4


class ForeignRelease(Exception):
    """A release that is not ours to touch, or that somebody else does not let go of."""


def recover(
    cluster: Cluster,
    wanted: WantedRelease,
    *,
    known: bool,
    say: Callable[[str], None],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> State:
    """Brings the records of a release to where Helm goes on from; the state that it was found in.

    `known` says whether the stack's state has the release: Pulumi will upgrade it, and install it otherwise. Can be
    cut off at any moment and done again. Raises ForeignRelease.
    """
    found: State | None = None
    for _ in range(_ROUNDS):
        history = settled(cluster, wanted, known=known, say=say, clock=clock)
        decision = decide(history, wanted, clock(), known=known)
        found = found or decision.state
        if decision.act is Act.NOTHING:
            _free(cluster, wanted, decision, history, say, clock())
            return found
        if decision.act is Act.REFUSE:
            raise ForeignRelease(refusal(cluster, wanted, decision))
        say(f"release {wanted.release} in {cluster.namespace} is {decision.state}: {decision.reason}")
        try:
            _do(cluster, wanted, decision, history, clock())
        except kr8s.NotFoundError:
            continue  # somebody else has cleaned up since the records were read: judged anew
    raise ForeignRelease(f"release {wanted.release} in {cluster.namespace} does not come to rest: who else deploys it?")


def refusal(cluster: Cluster, wanted: WantedRelease, decision: Decision) -> str:
    """The message of a release that is not ours."""
    name = f"{wanted.release} -n {cluster.namespace}"
    return (
        f"release {wanted.release} in {cluster.namespace}: {decision.reason}; look at it with helm history {name}, "
        f"remove it with helm uninstall {name} (volume claims stay), or give the site another namespace"
    )


def settled(
    cluster: Cluster, wanted: WantedRelease, *, known: bool, say: Callable[[str], None], clock: Callable[[], datetime]
) -> list[Revision]:
    """The records, oldest first, once nobody else is at them: an operation is dead when older than its timeout."""
    waiting = False
    while True:
        history = sorted(records.read(cluster, [wanted.release])[wanted.release], key=lambda one: one.revision)
        decision = decide(history, wanted, clock(), known=known)
        if decision.act is not Act.WAIT:
            return history
        if not waiting:
            seconds = wanted.timeout.total_seconds()
            say(
                f"release {wanted.release} in {cluster.namespace}: {decision.reason}; "
                f"waiting until it ends, or is older than its timeout of {seconds:.0f} s"
            )
        waiting = True
        time.sleep(_POLL_SECONDS)


def _do(cluster: Cluster, wanted: WantedRelease, decision: Decision, history: list[Revision], now: datetime) -> None:
    newest = decision.record
    if decision.act is Act.PLANT:
        records.plant(cluster, wanted, now)
    elif decision.act is Act.UNINSTALL:
        manifests = [records.content(cluster, record).get("manifest") or "" for record in history]
        live_objects.remove(cluster, objects.removable(manifests, cluster.namespace))
        records.remove(cluster, history)
    elif decision.act is Act.REBASE:
        _rebase(cluster, history)
    elif newest is not None:
        records.mark_failed(cluster, newest, ran=decision.act is Act.TAKE_OVER)


def _rebase(cluster: Cluster, history: list[Revision]) -> None:
    """Makes Helm compare with everything that may be there: the last deployed revision and those that failed after it.

    It compares with the deployed revision alone, and so never takes away a field or an object of a failed one.
    """
    base = max(number for number, record in enumerate(history) if record.status == "deployed")
    manifests = [records.content(cluster, record).get("manifest") or "" for record in history[base:]]
    records.mark_failed(cluster, history[-1], manifest=manifest.union(manifests))
    # Helm takes the newest only where none is deployed.
    for record in history:
        if record.status == "deployed":
            records.mark_superseded(cluster, record)


def _free(
    cluster: Cluster,
    wanted: WantedRelease,
    decision: Decision,
    history: list[Revision],
    say: Callable[[str], None],
    now: datetime,
) -> None:
    """An upgrade that is to mend something must be able to replace the pods that need it."""
    if decision.state in (State.IN_SYNC, State.ABSENT):
        return
    manifests = [records.content(cluster, record).get("manifest") or "" for record in history[-2:]]
    for pod in statefulsets.free(cluster, manifests, now, wanted.timeout):
        say(f"pod {pod} in {cluster.namespace} never got ready, and its StatefulSet would wait for it; made anew")
