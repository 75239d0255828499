"""A real MirrorMaker between two real clusters, judged by the probes that charts/kafka2kafka renders."""

import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Consumer, Producer

from bus.releases.render import charts
from bus.topics.admin import Admin
from bus.topics.plan import Topic
from tests.support.kafka import LOGGING, Cluster, cluster
from tests.support.processes import Server, part, running

pytestmark = pytest.mark.servers
ROOT = Path(__file__).parents[3]
RESTART_SECONDS = 15
_LARGE = {"max.message.bytes": "5000000"}


@dataclass
class Mirror:
    """A mirror as its pod has it: the files of its ConfigMap, its command and its probes."""

    folder: Path
    container: dict[str, Any]

    @property
    def env(self) -> dict[str, str]:
        """The variables of the container, and where the things are that its image and its volumes bring."""
        given = {one["name"]: str(one["value"]) for one in self.container["env"]}
        own = {"MIRROR_STATE": str(self.folder), "KAFKA_SH": str(self.folder / "kafka.sh")}
        return {**given, **own, "PATH": os.environ["PATH"]}

    def probe(self, kind: str) -> tuple[bool, str]:
        """What the kubelet sees of a probe: whether it passes, and what it says."""
        command = self._here(self.container[kind]["exec"]["command"])
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=60, check=False)
        assert not done.stderr, done.stderr
        return done.returncode == 0, done.stdout

    @contextmanager
    def run(self) -> Iterator[Server]:
        """The container's own command."""
        command = self._here(self.container["command"])
        with running(command, lambda: True, self.folder / "mirror.log", env=self.env) as server:
            yield server

    def _here(self, command: list[str]) -> list[str]:
        return [part.replace("/etc/mirror", str(self.folder)) for part in command]


def rendered(folder: Path, central: Cluster, complexe: Cluster, brokers: list[str] | None) -> Mirror:
    """The one mirror that the chart makes for two clusters; `brokers` as the program gives them for the complexe."""
    topics = {"ctrl2cplx": ["notifications", "cineges[.].+[.]data"], "cplx2ctrl": ["cineges[.].+[.]save"]}
    place = {"name": "cinecity", "bootstrapServers": complexe.bootstrap, "topics": topics, "brokers": brokers or []}
    values = {
        "central": {"bootstrapServers": central.bootstrap, "brokers": central.bootstrap.split(",")},
        "complexes": [place],
        "refreshTopicsSeconds": 5,
        "restartSeconds": RESTART_SECONDS,
    }
    staged = folder / "charts"
    charts.stage(ROOT / "charts", "kafka2kafka", staged)
    command = ["helm", "template", "x", str(staged / "kafka2kafka"), "-f", "-"]
    text = subprocess.run(command, input=yaml.safe_dump(values), capture_output=True, text=True, check=True).stdout
    documents = {one["kind"]: one for one in yaml.safe_load_all(text) if one}
    for name, content in documents["ConfigMap"]["data"].items():
        (folder / name).write_text(content)
    kafka = folder / "kafka.sh"
    java = shutil.which("java")
    options = f"-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile={folder}/log4j2.properties"
    main = "org.apache.kafka.connect.mirror.MirrorMaker"
    kafka.write_text(f"#!/bin/sh\nexec {java} {options} $KAFKA_HEAP -cp '{part('kafka/libs')}/*' {main} \"$2\"\n")
    kafka.chmod(kafka.stat().st_mode | stat.S_IXUSR)
    (folder / "log4j2.properties").write_text(LOGGING.replace("WARN", "INFO"))
    (container,) = documents["Deployment"]["spec"]["template"]["spec"]["containers"]
    return Mirror(folder, container)


def wait_for(condition: Callable[[], bool], what: Callable[[], object], seconds: float = 600) -> float:
    """Seconds until something holds; fails with what is instead."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() < started + seconds, what()
        time.sleep(0.5)
    return time.monotonic() - started


@pytest.fixture
def sides() -> Iterator[tuple[Cluster, Cluster]]:
    """Central and a complexe: two addresses, one port, as all brokers of Kubernetes have it."""
    large = "message.max.bytes=6000000\nreplica.fetch.max.bytes=6000000"
    with cluster(settings=large) as central, cluster(settings=large, host="127.0.0.2", like=central) as complexe:
        assert central.ports[0][0] == complexe.ports[0][0]
        for one in (central, complexe):
            topics = [Topic("notifications", 1, 1, _LARGE), Topic("cineges.a.save", 1, 1, _LARGE)]
            assert Admin(one.bootstrap).create(topics) == (set(), {})
        yield central, complexe


def produce(kafka: Cluster, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "message.max.bytes": 6_000_000, "log_level": 0})
    producer.produce(topic, value)
    assert producer.flush(60) == 0


def has(kafka: Cluster, topic: str, value: bytes) -> bool:
    settings = {"bootstrap.servers": kafka.bootstrap, "group.id": "test", "auto.offset.reset": "earliest"}
    consumer = Consumer({**settings, "enable.auto.commit": False, "log_level": 0})
    try:
        consumer.subscribe([topic])
        return any((found := consumer.poll(0.5)) and found.value() == value for _ in range(12))
    finally:
        consumer.close()


@pytest.mark.parametrize("known", [True, False], ids=["all_brokers_are_known", "names_are_the_brokers_own"])
def test_ready_looks_at_both_sides(tmp_path: Path, sides: tuple[Cluster, Cluster], known: bool) -> None:
    central, complexe = sides
    mirror = rendered(tmp_path, central, complexe, complexe.bootstrap.split(",") if known else None)
    assert mirror.probe("readinessProbe") == (False, "MirrorMaker does not run\n")
    with mirror.run():

        def ready() -> bool:
            return mirror.probe("readinessProbe")[0]

        def says() -> object:
            return mirror.probe("readinessProbe"), (tmp_path / "mirror.log").read_text()[-3000:]

        print("ready after", wait_for(ready, says), file=sys.stderr)
        produce(central, "notifications", b"there")
        produce(complexe, "cineges.a.save", b"back")
        wait_for(lambda: has(complexe, "notifications", b"there"), says)
        wait_for(lambda: has(central, "cineges.a.save", b"back"), says)
        for side, name in ((complexe, "cinecity"), (central, "central")):
            side.kill(1)
            print(name, "missed after", wait_for(lambda: not ready(), says), file=sys.stderr)
            said = mirror.probe("readinessProbe")[1]
            assert said.startswith(f"no connection to brokers of: {name} ("), said
            assert mirror.probe("livenessProbe") == (True, ""), "a side that is away is no reason to restart"
            side.start(1)
            print(name, "back after", wait_for(ready, says), file=sys.stderr)


def test_a_failed_task_is_not_ready_says_why_and_is_restarted_later_and_later(
    tmp_path: Path, sides: tuple[Cluster, Cluster]
) -> None:
    central, complexe = sides
    mirror = rendered(tmp_path, central, complexe, complexe.bootstrap.split(","))

    def says() -> object:
        return mirror.probe("readinessProbe"), (tmp_path / "mirror.log").read_text()[-3000:]

    with mirror.run() as first:
        wait_for(lambda: mirror.probe("readinessProbe")[0], says)
        produce(central, "notifications", os.urandom(2_000_000))
        wait_for(lambda: not mirror.probe("readinessProbe")[0], says)
        time.sleep(2)  # the rest of the stack trace
        said = mirror.probe("readinessProbe")[1]
        assert said.startswith("a task has failed: "), said
        assert "RecordTooLargeException" in said
        assert mirror.probe("livenessProbe")[0], "not yet: the other direction goes on"
        produce(complexe, "cineges.a.save", b"back")
        wait_for(lambda: has(central, "cineges.a.save", b"back"), says)
        waited = wait_for(lambda: not mirror.probe("livenessProbe")[0], says, RESTART_SECONDS + 10)
        assert "RecordTooLargeException" in mirror.probe("livenessProbe")[1]
        print("restart asked for after", waited, file=sys.stderr)
        first.process.terminate()  # as the kubelet does, the first process alone
        first.process.wait(90)
        assert "MirrorMaker stopped" in (tmp_path / "mirror.log").read_text()
    with mirror.run():
        wait_for(lambda: (tmp_path / "mirror/pid").exists() and not (tmp_path / "mirror/failed").exists(), says)
        wait_for(lambda: (tmp_path / "mirror/failed").exists(), says)
        started = time.monotonic()
        wait_for(lambda: not mirror.probe("livenessProbe")[0], says, 2 * RESTART_SECONDS + 15)
        assert time.monotonic() - started > RESTART_SECONDS * 1.5, "twice as late as the first time"
