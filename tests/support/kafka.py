"""Real Kafka of a test: KRaft clusters of one or more combined nodes, each a process that can be killed and started."""

import base64
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.processes import Server, free_port, listens, part, running

_HEAP = ("-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
LOGGING = """rootLogger.level = WARN
rootLogger.appenderRef.out.ref = OUT
appender.out.type = Console
appender.out.name = OUT
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1}: %m%n
"""


@dataclass
class Cluster:
    """A running cluster; nodes are numbered from 1."""

    folder: Path
    ports: list[tuple[int, int]]
    """broker and controller port of each node"""
    nodes: dict[int, ExitStack] = field(default_factory=dict)
    servers: dict[int, Server] = field(default_factory=dict)
    host: str = "127.0.0.1"
    admin: str = ""
    login: Path = Path()
    """where brokers that ask for a login have theirs (tests/support/secured.py)"""

    @property
    def bootstrap(self) -> str:
        """All brokers, those that are down included."""
        return ",".join(f"{self.host}:{broker}" for broker, _ in self.ports)

    def start(self, node: int) -> None:
        """Starts a node and waits until it takes connections."""
        self.launch([node])

    def launch(self, numbers: list[int]) -> None:
        """Starts nodes together: a quorum of three answers only once two are there."""
        for node in numbers[:-1]:
            self.nodes[node] = ExitStack()
            self.servers[node] = self.nodes[node].enter_context(self._process(node, wait=False))
        last = numbers[-1]
        self.nodes[last] = ExitStack()
        self.servers[last] = self.nodes[last].enter_context(self._process(last, wait=True))

    def kill(self, node: int) -> None:
        """SIGKILL, as a machine that is gone; `start` brings it back with its data."""
        self.servers.pop(node).kill()
        self.nodes.pop(node).close()

    def stop(self) -> None:
        """Ends every node that runs: kills, since nobody needs the data afterwards."""
        for node in list(self.nodes):
            self.kill(node)

    def _process(self, node: int, *, wait: bool) -> AbstractContextManager[Server]:
        broker = self.ports[node - 1][0]
        settings = self.folder / f"{node}.properties"
        command = [*java(self.folder), "kafka.Kafka", str(settings)]

        return running(command, lambda: not wait or listens(broker, self.host), self.folder / f"{node}.log")


@contextmanager
def cluster(
    nodes: int = 1,
    *,
    racks: bool = False,
    settings: str = "",
    protocol: str = "PLAINTEXT",
    host: str = "127.0.0.1",
    like: Cluster | None = None,
    formatted: Sequence[str] = (),
    admin: int = 0,
) -> Iterator[Cluster]:
    """A cluster of `nodes`, until the context ends; `settings` are further lines of server.properties.

    `like` is a cluster at another `host` of loopback that has the ports of this one too. `formatted` are further
    arguments of the format, `admin` is a port for a listener ADMIN.
    """
    folder = Path(tempfile.mkdtemp(prefix="bus-kafka-"))
    made = Cluster(folder, like.ports if like else [(free_port(), free_port()) for _ in range(nodes)], host=host)
    try:
        _format(made, nodes, racks, settings, protocol, formatted, admin)
        made.launch(list(range(1, nodes + 1)))
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _format(
    made: Cluster, nodes: int, racks: bool, settings: str, protocol: str, formatted: Sequence[str], admin: int
) -> None:
    also = f",ADMIN://{made.host}:{admin}" if admin else ""
    (made.folder / "log4j2.properties").write_text(LOGGING)
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A", 1)
    voters = ",".join(f"{n}@{made.host}:{controller}" for n, (_, controller) in enumerate(made.ports, 1))
    for node, (broker, controller) in enumerate(made.ports, 1):
        target = made.folder / f"{node}.properties"
        target.write_text(
            "\n".join(
                [
                    "process.roles=broker,controller",
                    f"node.id={node}",
                    f"listeners=PLAINTEXT://{made.host}:{broker},CONTROLLER://{made.host}:{controller}{also}",
                    f"advertised.listeners=PLAINTEXT://{made.host}:{broker}{also}",
                    "controller.listener.names=CONTROLLER",
                    f"listener.security.protocol.map=PLAINTEXT:{protocol},CONTROLLER:{protocol},ADMIN:{protocol}",
                    f"controller.quorum.voters={voters}",
                    f"log.dirs={made.folder}/data-{node}",
                    *([f"broker.rack=rack-{node % 3}"] if racks else []),
                    "auto.create.topics.enable=false",
                    "num.network.threads=2",
                    "num.io.threads=4",
                    "offsets.topic.num.partitions=1",
                    "offsets.topic.replication.factor=1",
                    "group.initial.rebalance.delay.ms=0",
                    "log.cleaner.dedupe.buffer.size=10000000",
                    "broker.session.timeout.ms=6000",
                    settings,
                ]
            )
        )
        command = [
            *java(made.folder),
            "kafka.tools.StorageTool",
            "format",
            "-t",
            cluster_id,
            "-c",
            str(target),
            *formatted,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise RuntimeError(f"formatting node {node} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def java(folder: Path) -> list[str]:
    """The command that starts a class of Kafka, with its log as `folder`/log4j2.properties has it."""
    program = shutil.which("java")
    if program is None:
        raise RuntimeError("no java on PATH: Kafka needs a JRE 17 or newer")
    logging = f"-Dlog4j2.configurationFile={folder}/log4j2.properties"
    return [program, *_HEAP, logging, "-cp", f"{part('kafka/libs')}/*"]
