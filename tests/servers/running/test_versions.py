"""Real servers that say what they are: version, quorum, cluster, and the names that they advertise."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from bus.cluster.access import Cluster
from bus.running import addresses, asking
from bus.running.versions import parse
from tests.support import kafka
from tests.support.elasticsearch import VERSION, Node, shared_node
from tests.support.listeners import documented, rendered
from tests.support.processes import free_port, listens, part, running

__all__ = ["shared_node"]
pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def brokers() -> Iterator[kafka.Cluster]:
    with kafka.cluster() as made:
        yield made


def test_brokers_say_their_release_and_whether_their_quorum_was_upgraded(brokers: kafka.Cluster) -> None:
    found = asking.features(Cluster(), 0, brokers.bootstrap)
    assert (str(asking.of_features(found)), asking.kraft_version(found)) == ("4.3", 0)
    client = KafkaAdminClient(bootstrap_servers=brokers.bootstrap)
    try:
        client.update_features({"kraft.version": 1})  # a part of `kafka-features upgrade --release-version 4.3`
    finally:
        client.close()
    assert asking.kraft_version(asking.features(Cluster(), 0, brokers.bootstrap)) == 1


def test_brokers_say_the_names_that_a_mirror_would_use(brokers: kafka.Cluster) -> None:
    assert asking.advertised_by(brokers.bootstrap) == ("127.0.0.1",)
    assert asking.advertised_by(f"127.0.0.1:{free_port()}") is None


def test_jars_of_the_brokers_say_their_version() -> None:
    listing = "\n".join(sorted(file.name for file in part("kafka/libs").iterdir()))
    assert str(asking.of_jars(listing, "kafka-0")) == "4.3.1"


def test_a_node_says_its_version_and_its_cluster(shared_node: Node) -> None:
    told = asking.answer_of(f"{shared_node.url}/")
    found = parse(told["version"]["number"], "es-0")
    assert str(found) == VERSION
    health = asking.answer_of(f"{shared_node.url}/_cluster/health?local=true")
    answer = asking.cluster_of(told, health)
    assert answer and answer.nodes == 1 and answer.cluster_id == told["cluster_uuid"]


@pytest.mark.helm
def test_the_documented_listener_answers_with_the_outer_name_outside_and_with_the_inner_one_inside(
    tmp_path: Path,
) -> None:
    """charts/kafka with the lines of docs/topics.md, as its start script would start it, but for ports and folders."""
    ports = {number: free_port() for number in (9092, 9093, 9094, 9095)}
    listeners = ",".join(f"{name}://127.0.0.1:{ports[n]}" for name, n in (("INTERNAL", 9092), ("ADMIN", 9094)))
    settings = rendered(documented(), tmp_path)
    for mark, value in {
        "@LISTENERS@": f"{listeners},CONTROLLER://127.0.0.1:{ports[9093]}",
        "@ORDINAL@": "0",
        "@ADMIN_PORT@": str(ports[9094]),
        "@ROLES@": "broker,controller",
        "EXTERNAL://:9095": f"EXTERNAL://127.0.0.1:{ports[9095]}",
        "/data/logs": f"{tmp_path}/logs",
    }.items():
        settings = settings.replace(mark, value)
    lines = [line for line in settings.splitlines() if not line.startswith("controller.quorum.voters=")]
    file = tmp_path / "server.properties"
    file.write_text("\n".join([*lines, f"controller.quorum.voters=0@127.0.0.1:{ports[9093]}"]))
    (tmp_path / "log4j2.properties").write_text(kafka.LOGGING)
    java = kafka.java(tmp_path)
    cluster_id = "MkU3OEVBNTcwNTJENDM2Qg"
    format_ = [*java, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(file)]
    subprocess.run(format_, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    with running([*java, "kafka.Kafka", str(file)], lambda: listens(ports[9095]), tmp_path / "log"):
        outside = asking.advertised_by(f"127.0.0.1:{ports[9095]}")
        inside = asking.advertised_by(f"127.0.0.1:{ports[9092]}")
    assert outside == ("kafka.cinecity.hickson.nc",)
    assert inside and addresses.is_internal(inside[0], ())
