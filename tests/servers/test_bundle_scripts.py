"""A bundle's scripts with the stock tools, on a real broker and a real Elasticsearch: they make what bus would."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bus import deployment
from bus.bundle import scripts
from bus.deployment import SitePlan
from bus.indices import plan as index_plans
from bus.indices import props as index_props
from bus.indices.admin import Admin as Indices
from bus.topics import plan as topic_plans
from bus.topics.admin import Admin as Topics
from tests.servers.elasticsearch import Node, shared_node
from tests.servers.kafka import Cluster, cluster
from tests.servers.processes import part
from tests.settings.test_settings import load_stack

pytestmark = pytest.mark.servers
node = shared_node
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def central() -> SitePlan:
    """The topics and indices of the example customer's central."""
    return deployment.plan(ROOT, load_stack("master")).sites["central"]


@pytest.fixture(scope="module")
def kafka() -> Iterator[Cluster]:
    with cluster(1) as running:
        yield running


def run(folder: Path, text: str, *arguments: str, **env: str) -> str:
    """Runs a script as the customer's operator would; all that it said."""
    (folder / "script.sh").write_text(text)
    path = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["sh", str(folder / "script.sh"), *arguments], env=path | env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def stock_tool(folder: Path) -> Path:
    """kafka-topics.sh, which the fetched jars come without: the class that it starts, started as it does."""
    tool = folder / "kafka-topics.sh"
    java = f"{shutil.which('java')} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    tool.write_text(f'#!/bin/sh\nexec {java} -cp "{part("kafka/libs")}/*" org.apache.kafka.tools.TopicCommand "$@"\n')
    tool.chmod(0o755)
    return tool


def test_topics_are_as_bus_would_make_them_and_stay_so_the_second_time(
    kafka: Cluster, central: SitePlan, tmp_path: Path
) -> None:
    # A call is a JVM, so of those with plain defaults one is enough.
    declared = {name: topic for name, topic in central.topics.items() if topic["configs"]} | dict(central.base_topics)
    assert len(declared) >= 2
    tool = stock_tool(tmp_path)
    text = scripts.topics("central", "topics.sh", declared)
    properties = tmp_path / "client.properties"
    properties.write_text("client.id=operator\n")
    options = (kafka.bootstrap, "--command-config", str(properties))
    said = run(tmp_path, text, *options, KAFKA_TOPICS=str(tool))
    assert all(f"Created topic {name}." in said for name in declared)
    wanted = topic_plans.from_props(declared)
    live = Topics(kafka.bootstrap).read(wanted)
    changes = [topic_plans.plan(live.get(name), topic, 1) for name, topic in wanted.items()]
    assert changes and all(change.is_nothing for change in changes), changes
    assert "Created" not in run(tmp_path, text, *options, KAFKA_TOPICS=str(tool))


def test_indices_are_as_bus_would_make_them_and_stay_so_the_second_time(
    node: Node, central: SitePlan, tmp_path: Path
) -> None:
    text = scripts.indices("central", "indices.sh", central.indices)
    run(tmp_path, text, node.url, "-H", "X-Opaque-Id:operator")
    with closing(Indices(node.url)) as admin:
        wanted = [index_props.from_props(name, index) for name, index in central.indices.items()]
        live = admin.read([index.name for index in wanted])
        changes = [index_plans.plan(live.get(index.name), index) for index in wanted]
        assert changes and all(change.is_nothing for change in changes), changes
        again = run(tmp_path, text, node.url)
        assert again.splitlines() == [f"{name} is there" for name in sorted(central.indices)]
        admin.delete([index.name for index in wanted])
