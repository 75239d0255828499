"""What the servers of a site say of themselves: their version, and the quorum or cluster that they are in."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import httpx
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_fixed

from bus.cluster.access import Cluster, Unreachable
from bus.cluster.endpoints import kafka_servers
from bus.running.live import Answer, Pod, Workload
from bus.running.versions import Version, parse

_SECONDS, _TRIES = 5.0, 3
_HTTP = 9200
# charts/kafka starts /opt/kafka/bin/kafka.sh, and the jars of every distribution are beside it.
_JARS = ("ls", "/opt/kafka/libs")
_JAR = re.compile(r"^(?:kafka-clients|kafka_2\.1\d)-(\d+(?:\.\d+)+)[\w.-]*\.jar$", re.MULTILINE)
_DATA = ("sh", "-c", 'cat "$PGDATA/PG_VERSION"')
# Level of metadata.version -> the release that has it first, as `kafka-storage version-mapping` of 4.3.1 lists them.
_RELEASES = {
    7: "3.3",
    8: "3.4",
    11: "3.5",
    14: "3.6",
    19: "3.7",
    20: "3.8",
    21: "3.9",
    25: "4.0",
    27: "4.1",
    29: "4.2",
    30: "4.3",
}


def version(cluster: Cluster, brick: str, workload: Workload) -> Version | None:
    """The newest version of those that run and are ready; None where none is, or none may be asked."""
    from bus.cluster import kube  # as in bus/cluster/endpoints.py

    found: list[Version] = []
    if not workload.pods:
        return None
    with suppress(Unreachable):
        _, pods = kube.ready_pods(cluster, brick)
        for pod in pods:
            with suppress(Unreachable):
                answered = _of_pod(cluster, brick, pod)
                found += [answered] if answered else []
    return max(found, key=lambda one: one.numbers) if found else None


def _of_pod(cluster: Cluster, brick: str, pod: Any) -> Version | None:
    from bus.cluster import kube  # as above

    if brick == "es":
        number = (root(pod).get("version") or {}).get("number")
        return parse(str(number), f"{pod.name} itself") if number else None
    if brick == "kafka":
        return of_jars(kube.told(cluster, pod, brick, *_JARS), str(pod.name))
    return parse(kube.told(cluster, pod, brick, *_DATA), f"the data of {pod.name}")


def of_jars(listing: str, pod: str) -> Version | None:
    """The version of Kafka's own jars in a listing of their folder."""
    found = _JAR.search(listing)
    return parse(found[1], f"the jars of {pod}") if found else None


def elasticsearch(cluster: Cluster, pods: Sequence[Pod]) -> dict[str, Answer]:
    """What each node that answers says of its cluster; nodes that have none yet are left out."""
    from bus.cluster import kube  # as above

    if cluster.mode == "direct" or not pods:  # one Service for all of them: who answers is not known
        return {}
    found: dict[str, Answer] = {}
    with suppress(Unreachable):
        _, ready = kube.ready_pods(cluster, "es")
        for pod in ready:
            with suppress(Unreachable):
                answer = cluster_of(root(pod), root(pod, "/_cluster/health?local=true"))
                found |= {str(pod.name): answer} if answer else {}
    return found


def cluster_of(told: Mapping[str, Any], health: Mapping[str, Any]) -> Answer | None:
    """The cluster that a node is in, from its answers to GET / and to its own health; None where it is in none yet."""
    cluster_id = told.get("cluster_uuid")
    if not cluster_id or cluster_id == "_na_":
        return None
    return Answer(str(cluster_id), int(health.get("number_of_nodes") or 0))


# A pod that is ready and does not answer is rare, and two clusters would not be told apart without its word.
@retry(retry=retry_if_exception_type(Unreachable), stop=stop_after_attempt(_TRIES), wait=wait_fixed(1), reraise=True)
def root(pod: Any, path: str = "/") -> dict[str, Any]:
    """Return the JSON that a pod of Elasticsearch answers; raises Unreachable once it did not three times."""
    try:
        with pod.portforward(remote_port=_HTTP, local_port="auto", address="127.0.0.1") as port:
            return answer_of(f"http://127.0.0.1:{port}{path}")
    except Unreachable:
        raise
    except Exception as error:  # kr8s raises whatever the socket and its parser do
        raise Unreachable(f"{pod.name} cannot be asked: {type(error).__name__}: {error}") from error


def answer_of(url: str) -> dict[str, Any]:
    """The JSON at `url`; raises Unreachable."""
    try:
        answer = httpx.get(url, timeout=_SECONDS, trust_env=False)  # a forwarded port is behind no proxy
        found = answer.json() if answer.status_code == httpx.codes.OK else None
    except (httpx.HTTPError, json.JSONDecodeError) as error:
        raise Unreachable(f"{url} does not answer: {type(error).__name__}: {error}") from error
    if not isinstance(found, dict):
        raise Unreachable(f"{url} does not answer: HTTP {answer.status_code}")
    return found


def features(cluster: Cluster, admin_port: int, bootstrap_servers: str) -> dict[str, dict[str, tuple[int, int]]]:
    """Features of a site's brokers, finalized and supported; raises Unreachable."""
    from bus.topics import replicas  # kafka-python takes a while to import, and few runs change a quorum

    with (
        kafka_servers(cluster, admin_port, bootstrap_servers) as servers,
        replicas.connect(servers.bootstrap, servers.login) as client,
    ):
        return client.features()


def kraft_version(found: Mapping[str, Mapping[str, tuple[int, int]]]) -> int:
    """The finalized kraft.version; 0 where brokers do not have the feature yet (before 3.9)."""
    return found.get("kraft.version", {}).get("finalized", (0, 0))[1]


def of_features(found: Mapping[str, Mapping[str, tuple[int, int]]]) -> Version | None:
    """The release of brokers by the highest metadata.version that they support; None where it is not known."""
    level = found.get("metadata.version", {}).get("supported", (0, 0))[1]
    known = [release for first, release in _RELEASES.items() if first <= level]
    return parse(known[-1], "the features of its brokers") if known else None


def advertised_by(bootstrap: str) -> tuple[str, ...] | None:
    """The hosts that brokers name to a client of `bootstrap`; None where they do not answer from here."""
    from bus.topics.connecting import connected  # the client takes 0.2 to 0.5 s to import

    try:
        _, metadata = connected(bootstrap, None, _SECONDS)
    except Unreachable:
        return None
    return tuple(broker.host for _, broker in sorted(metadata.brokers.items()))
