"""What the servers of the sandbox's pods say of themselves, through the API server."""

import pytest

from bus.cluster.access import Cluster
from bus.running import asking, reading
from tests.real.sandbox import need

pytestmark = pytest.mark.real


@pytest.mark.parametrize(("brick", "version"), [("kafka", "4.3.1"), ("es", "9.4.3"), ("postgres", "17")])
def test_a_pod_says_which_version_runs_in_it(brick: str, version: str) -> None:
    need("KUBECONFIG")
    cluster = Cluster(context="bus-sandbox", namespace="hicksoncentral-local")
    live = reading.live(cluster)
    workload = {"kafka": live.kafka, "es": live.elasticsearch, "postgres": live.postgres}[brick]
    assert (workload.replicas, workload.claims, len(workload.pods)) == (1, 1, 1)
    found = asking.version(cluster, brick, workload)
    assert str(found) == version
    assert found and "tag" not in found.source, "the server itself, not its image"
    assert not live.hidden and live.mode == "kraft" and live.voters == 1


def test_each_node_of_elasticsearch_says_which_cluster_it_is_in() -> None:
    cluster = Cluster(context="bus-sandbox", namespace="hicksoncentral-local")
    answers = asking.elasticsearch(cluster, reading.live(cluster).elasticsearch.pods)
    assert [answer.nodes for answer in answers.values()] == [1] and list(answers) == ["es-0"]
