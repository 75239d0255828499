"""A bundle's scripts with the stock tools, on a real broker and a real Elasticsearch: they make what bus would."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bus.bundle import logins, scripts
from bus.cluster.access import Login
from bus.deployment import SitePlan
from bus.indices import props as index_props
from bus.indices.admin import Admin as Indices
from bus.indices.diff import plan as index_plans
from bus.plan import build
from bus.topics import plan as topic_plans
from bus.topics.admin import Admin as Topics
from bus.users import plan as user_plans
from bus.users.admin import Admin as Users
from bus.users.passwords import secret_of_brokers
from tests.support.elasticsearch import Node, shared_node
from tests.support.kafka import Cluster, cluster
from tests.support.processes import part
from tests.support.secured import BROKERS, BUS, Brick, secured
from tests.support.stacks import load_stack

pytestmark = pytest.mark.servers
node = shared_node
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def central() -> SitePlan:
    """The topics and indices of the example customer's central."""
    return build.plan(ROOT, load_stack("master")).sites["central"]


@pytest.fixture(scope="module")
def kafka() -> Iterator[Cluster]:
    with cluster(1) as running:
        yield running


def run(folder: Path, text: str, *arguments: str, **env: str) -> str:
    """Runs a script as the customer's operator would; all that it said."""
    (folder / "script.sh").write_text(text)
    path = {"PATH": "/usr/bin:/bin", "TMPDIR": str(folder)}
    done = subprocess.run(
        ["sh", str(folder / "script.sh"), *arguments], env=path | env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


_TOOLS = {
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
    "kafka-acls.sh": "org.apache.kafka.tools.AclCommand",
}


def stock_tool(folder: Path, name: str = "kafka-topics.sh") -> Path:
    """One of Kafka's scripts, which the fetched jars come without: the class that it starts, started as it does."""
    tool = folder / name
    java = f"{shutil.which('java')} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    tool.write_text(f'#!/bin/sh\nexec {java} -cp "{part("kafka/libs")}/*" {_TOOLS[name]} "$@"\n')
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


def test_users_get_the_passwords_and_the_rights_that_bus_would_give_them(tmp_path: Path) -> None:
    """The secrets' script with a kubectl that keeps what it is given; then the users' script on secured brokers."""
    wanted = {
        "cineges-ui": {"topics": {"films": "read", "ventes": "read, write"}, "groups": {"cineges-ui": "read"}},
        "odoo2kafka-job": {
            "topics": {"odoo2kafka-job-*": "all", "films": "write"},
            "transactionalIds": {"odoo2kafka-job-*": "write"},
        },
        "kafka2kafka": {"topics": {"mm2-*": "create, describeConfigs, read, write"}, "groups": {"central-mm2": "read"}},
    }
    folder, kubectl = tmp_path / "logins", tmp_path / "bin/kubectl"
    kubectl.parent.mkdir()
    kubectl.write_text(
        "#!/bin/sh\nset -eu\n"
        f'to="{tmp_path}/made/$4"\n'
        '[ "$1" = create ] && { mkdir -p "$to"; cp "${7#--from-file=}"/* "$to"; }\n'
        "exit 0\n"
    )
    kubectl.chmod(0o755)
    text = logins.secrets("central", "ns", sorted(wanted), {"cinecity": "kafka2kafka"})
    path = f"{kubectl.parent}:/usr/bin:/bin"
    run(tmp_path, text, str(folder), PATH=path)
    made = {
        path.name: {file.name: file.read_text() for file in path.iterdir()} for path in (tmp_path / "made").iterdir()
    }
    assert made.keys() == {"kafka-brokers", "kafka-kafka2kafka-cinecity", *(f"kafka-{user}" for user in wanted)}
    passwords = {name: (folder / "central" / name).read_text() for name in ("bus-1", "bus-2", *wanted)}
    assert len({*passwords.values(), (folder / "cinecity/kafka2kafka").read_text()}) == 6
    assert made["kafka-brokers"] == secret_of_brokers({name: passwords[name] for name in ("bus-1", "bus-2")})
    first = {"mechanism": "SCRAM-SHA-512", "username": "cineges-ui", "password": passwords["cineges-ui"]}
    assert made["kafka-cineges-ui"] == first
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.rglob("*"))
    run(tmp_path, text, str(folder), PATH=path)
    assert {name: (folder / "central" / name).read_text() for name in passwords} == passwords, "made once"

    with secured() as brokers:
        (folder / "central/bus-1").write_text(BROKERS["bus-1"])
        (folder / "central/bus-2").write_text(BROKERS["bus-2"])
        run(tmp_path, text, str(folder), PATH=path)
        tools = {
            "KAFKA_CONFIGS": str(stock_tool(tmp_path, "kafka-configs.sh")),
            "KAFKA_ACLS": str(stock_tool(tmp_path, "kafka-acls.sh")),
        }
        for _ in range(2):
            said = run(tmp_path, logins.users("central", wanted), brokers.bootstrap, str(folder), **tools)
            assert not [password for password in passwords.values() if password in said]
        live = Users(brokers.bootstrap, BUS).read()
        change = user_plans.plan(live, wanted, [])
        assert (change.add, change.remove, change.logout) == ((), (), ())
        for user in wanted:
            assert live.has_login(user, "SCRAM-SHA-512")
            assert Brick(brokers.bootstrap, Login(user, passwords[user], "SCRAM-SHA-512")).logs_in()
