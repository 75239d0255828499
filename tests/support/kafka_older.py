"""Kafka as customers still have it: brokers of older versions beside a ZooKeeper, as processes."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from tests.support.kafka import Cluster
from tests.support.processes import free_port, listens, part, running

_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


@contextmanager
def older(version: str, nodes: int = 1) -> Iterator[Cluster]:
    """A cluster of `nodes` brokers of `version`, until the context ends."""
    folder = Path(tempfile.mkdtemp(prefix=f"bus-kafka-{version}-"))
    java = shutil.which("java")
    assert java, "no java on PATH"
    jars = ("-cp", f"{part(f'kafka-{version}/libs')}/*")
    zookeeper, ports = free_port(), [(free_port(), 0) for _ in range(nodes)]
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        settings = folder / "zookeeper.properties"
        settings.write_text(
            f"dataDir={folder}/zookeeper\nclientPort={zookeeper}\nclientPortAddress=127.0.0.1\n"
            "maxClientCnxns=0\nadmin.enableServer=false\n"
        )
        command = [java, "-Xmx128m", *_JVM, *jars, "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(settings)]
        stack.enter_context(running(command, partial(listens, zookeeper), folder / "zookeeper.log"))
        for node, (port, _) in enumerate(ports, 1):
            settings = folder / f"{node}.properties"
            settings.write_text(_broker(folder, node, port, zookeeper))
            command = [java, "-Xmx256m", *_JVM, *jars, "kafka.Kafka", str(settings)]
            stack.enter_context(running(command, partial(listens, port), folder / f"{node}.log"))
        yield Cluster(folder, ports)


def _broker(folder: Path, node: int, port: int, zookeeper: int) -> str:
    return "\n".join(
        [
            f"broker.id={node}",
            f"listeners=PLAINTEXT://127.0.0.1:{port}",
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}",
            f"log.dirs={folder}/data-{node}",
            f"zookeeper.connect=127.0.0.1:{zookeeper}",
            "zookeeper.connection.timeout.ms=30000",
            "offsets.topic.num.partitions=1",
            "offsets.topic.replication.factor=1",
            "group.initial.rebalance.delay.ms=0",
            "auto.create.topics.enable=false",
            "delete.topic.enable=true",
            "log.roll.ms=86400000",
            "num.network.threads=2",
            "num.io.threads=4",
            "log.cleaner.dedupe.buffer.size=10000000",
        ]
    )
