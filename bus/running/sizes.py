"""Which changes of nodes, brokers and Kafka's mode lose data or never start: refused until bus can make them.

What is not proven safe is refused. Findings that this rests on are in docs/adr/0054.
"""

from dataclasses import dataclass

from bus.config.stack_file import Site
from bus.running.live import MOST_VOTERS, Answer, Live

_LABEL = "app.kubernetes.io/name"


@dataclass(frozen=True)
class Finding:
    """A change that is refused, or of which something must be known: the key of the site, both values, a remedy."""

    key: str
    wanted: object
    said: str
    remedy: str
    refused: bool = True


def judged(site: Site, live: Live) -> list[Finding]:
    """Everything that may not change as it is wanted, of one site."""
    found = [_nodes(site, live), _mode(site, live), _brokers(site, live)]
    return [finding for finding in found if finding]


def _nodes(site: Site, live: Live) -> Finding | None:
    key, wanted, deployed = "elasticsearch.nodes", site.elasticsearch.nodes, live.elasticsearch.nodes
    if split := split_clusters(live):
        return _split(wanted, split)
    if deployed in (0, wanted):
        return None
    if deployed == 1:
        said = (
            f"a cluster of 1 node runs, which no other can join: the {wanted - 1} new would form a second, empty "
            f"cluster, and both would answer behind one Service"
        )
    elif wanted < deployed:
        said = (
            f"a cluster of {deployed} nodes runs: it needs most of them to elect a master, and the shards of those "
            f"that go would go with them"
        )
    else:
        said = f"a cluster of {deployed} nodes runs; that new ones join it, and form none of their own, is not proven"
    return Finding(key, wanted, _left(said, live.elasticsearch.replicas, "es"), _anew(site, deployed, "es"))


def split_clusters(live: Live) -> dict[str, Answer]:
    """What each node answers, where they are in more than one cluster; empty otherwise."""
    several = len({answer.cluster_id for answer in live.answers.values()}) > 1
    return dict(sorted(live.answers.items())) if several else {}


def _split(wanted: int, answers: dict[str, Answer]) -> Finding | None:
    """Two clusters behind one Service, as a change from 1 to more left them: only the way back is open."""
    first = answers.get("es-0")
    alone = first is not None and first.nodes == 1
    listed = ", ".join(f"{name} in {answer.cluster_id}" for name, answer in answers.items())
    said = f"the nodes are in different clusters, which all answer behind one Service: {listed}"
    if alone and wanted == 1:
        remedy = (
            "es-0 goes on alone with its data; what the others hold stays on their volumes (data-es-1, ...): "
            "look at it before you delete them"
        )
        return Finding("elasticsearch.nodes", wanted, said, remedy, refused=False)
    remedy = (
        "set it to 1, so that es-0 goes on with its data: it is a cluster of its own"
        if alone
        else "find out which cluster has the data (GET _cat/indices of each pod), and scale by hand to the others' end"
    )
    return Finding("elasticsearch.nodes", wanted, said, remedy)


def _mode(site: Site, live: Live) -> Finding | None:
    deployed, wanted = live.mode, site.kafka.mode
    if deployed in ("", wanted):
        return None
    said = (
        f"brokers of mode {deployed} run, and mode {wanted} knows nothing of their topics: all would start empty, "
        f"beside the old data"
    )
    names = ("kafka", "zookeeper") if "zookeeper" in (deployed, wanted) else ("kafka",)
    remedy = f"keep {deployed}; {_deletion(site, *names)}"
    return Finding("kafka.mode", wanted, _left(said, live.kafka.replicas, "kafka"), remedy)


def _brokers(site: Site, live: Live) -> Finding | None:
    key, wanted, deployed = "kafka.brokers", site.kafka.brokers, live.kafka.members
    if not deployed:
        return None
    remedy = _anew(site, deployed, "kafka")
    if wanted < deployed:
        said = (
            f"{deployed} brokers run: what only those hold that would go has no leader afterwards, and nothing moves "
            f"it away first"
        )
        return Finding(key, wanted, _left(said, live.kafka.replicas, "kafka"), remedy)
    voters, change = live.voters, f"{live.voters} -> {min(MOST_VOTERS, wanted)}"
    if site.kafka.mode != "kraft" or live.mode != "kraft" or voters == min(MOST_VOTERS, wanted):
        return None
    if voters > wanted:
        said = f"the brokers' quorum has {voters} controllers; with fewer ({change}) it may lose topics"
        return Finding(key, wanted, said, f"set it to {voters}, as the brokers are configured")
    goal = min(MOST_VOTERS, wanted)
    if live.kraft_version is None:
        said = (
            f"{deployed} brokers run, and their quorum would get more controllers ({change}): whether it can is known "
            f"from the brokers alone, which do not answer"
        )
        return Finding(key, wanted, _left(said, live.kafka.replicas, "kafka"), f"once they answer, run again; {remedy}")
    if live.kraft_version > 0:
        said = (
            f"the brokers' quorum has kraft.version {live.kraft_version} and {voters} of {goal} controllers: those "
            f"that the settings add are not taken, and all would depend on kafka-0 alone"
        )
        return Finding(key, wanted, said, remedy)
    if goal - voters > 1:
        said = (
            f"the brokers' quorum would get {goal - voters} controllers at once ({change}): the new ones are a "
            f"majority, and where kafka-0 is away for a moment they begin without any topic"
        )
        return Finding(key, wanted, said, f"one after the other: {voters + 1}, pulumi up, and so on up to {goal}")
    said = (
        f"the brokers' quorum gets one more controller ({change}); while its brokers restart, it may take no changes "
        f"of topics"
    )
    return Finding(key, wanted, said, "start it when nothing else changes, and wait until it is through", refused=False)


def _left(said: str, replicas: int | None, name: str) -> str:
    """The same where no server runs, and its volumes are all there is."""
    if replicas is None:
        return f"{said} (no StatefulSet {name} is there, but its volumes are)"
    return f"{said} (StatefulSet {name} is scaled to 0)" if replicas == 0 else said


def _anew(site: Site, deployed: int, name: str) -> str:
    return f"keep {deployed}; {_deletion(site, name)}"


def _deletion(site: Site, *names: str) -> str:
    """The way to begin without the data, on purpose."""
    namespace, sets = site.namespace, ",".join(names)
    selector = f"-l '{_LABEL} in ({sets})'"
    return (
        f"or begin without their data, which is deleted by: kubectl delete statefulset,pvc {selector} -n {namespace}, "
        f"then pulumi refresh and pulumi up"
    )
