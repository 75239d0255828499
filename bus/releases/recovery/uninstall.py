"""A release removed for good, whatever an earlier removal left of it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from bus.cluster.access import Cluster
from bus.releases import live_objects, objects
from bus.releases.recovery import prepare, records
from bus.releases.recovery.state import Revision, WantedRelease


def uninstall(
    cluster: Cluster,
    wanted: WantedRelease,
    *,
    say: Callable[[str], None],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Removes a release's objects and then its records; volume claims stay. Nothing there is fine.

    Can be cut off at any moment and done again: Helm's own uninstall refuses a release whose records an earlier one has
    removed (`release: not found`). Raises TimeoutError for objects that do not go.
    """
    history = prepare.settled(cluster, wanted, known=True, say=say, clock=clock)
    if not history:
        say(f"release {wanted.release} in {cluster.namespace} has no records any more: it was removed before")
        return
    newest = history[-1]
    if newest.chart != wanted.chart:
        say(
            f"release {wanted.release} in {cluster.namespace} stays: it is of chart {newest.chart} "
            f"and not {wanted.chart}, so it is somebody else's"
        )
        return
    records.mark_uninstalling(cluster, newest)
    manifests = [records.content(cluster, record).get("manifest") or "" for record in in_use(history)]
    seconds = wanted.timeout.total_seconds()
    live_objects.remove(cluster, objects.removable(manifests, cluster.namespace), seconds)
    records.remove(cluster, history)


def in_use(history: Sequence[Revision]) -> Sequence[Revision]:
    """The revisions whose objects may be there: the last that was ready and all after it; `history` is sorted.

    What only an older one had may belong to another release by now.
    """
    ready = [number for number, record in enumerate(history) if record.finished]
    return history[ready[-1] if ready else 0 :]
