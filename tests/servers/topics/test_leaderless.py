"""Topics of which a partition has no leader, its broker being gone or its disk full: said, and the others go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from bus.cluster.access import Unreachable
from bus.topics.admin import Admin
from components.providers.topics import TopicSetProvider
from tests.support.dynamic import Refused, host
from tests.support.kafka import Cluster, cluster
from tests.support.processes import disk
from tests.support.topic_sets import emptied, eventually, inside, is_done, props, topic

pytestmark = pytest.mark.servers
MIB = 1 << 20
# Of as many partitions, each of three brokers has one.
THREE = 3


@pytest.fixture(scope="module")
def kafka() -> Iterator[Cluster]:
    with cluster(3) as running:
        yield running


@contextmanager
def without_broker(kafka: Cluster, name: str) -> Iterator[Admin]:
    """While the third broker is down and the others show that a partition of a topic has no leader."""
    kafka.kill(3)
    admin = Admin(kafka.bootstrap)
    try:
        assert eventually(lambda: bool(admin.leaderless([name])))
        yield Admin(kafka.bootstrap)
    finally:
        kafka.start(3)
        assert eventually(lambda: not admin.leaderless([name]))


def test_each_preview_says_so_and_nothing_is_moved_meanwhile(capfd: pytest.CaptureFixture[str], kafka: Cluster) -> None:
    emptied(kafka)
    with host(TopicSetProvider()) as provider:
        same, moved = props(kafka, {"t": topic(THREE)}), props(kafka, {"t": topic(THREE, factor=2)})
        provider.up(same)
        with without_broker(kafka, "t") as admin:
            (gone,) = (number for number, at in admin.read(["t"])["t"].replicas.items() if at == (3,))
            why = f"partition {gone} has no leader, bring broker 3 back"
            assert not provider.up(same)
            assert f"warning: t of central cannot be written to or read whole: {why}" in capfd.readouterr().err
            with pytest.raises(Refused, match=f"t: its replicas cannot be moved: {why}"):
                provider.up(moved)
            assert provider.up(props(kafka, {"t": topic(THREE, segment_ms="600000"), "u": topic(2)}))
        assert provider.up(moved)
    assert Admin(kafka.bootstrap).read(["t"])["t"].factors == (2, 2)


def fill(file: Path) -> None:
    """Leaves no room on the disk of `file`."""
    with file.open("wb") as out, pytest.raises(OSError, match="No space left"):
        while True:
            out.write(bytes(MIB))
            out.flush()


def test_a_full_disk_of_a_broker_that_has_another(tmp_path: Path) -> None:
    """Kafka takes the whole disk out of use once a log cannot be made there."""
    with (
        disk(tmp_path / "full", 24) as full,
        cluster(1, settings=f"log.dirs={tmp_path / 'good'},{full}") as kafka,
        host(TopicSetProvider()) as provider,
    ):
        provider.up(props(kafka, {"t": topic(4), "gone": topic(4)}))
        fill(full / "filling")
        wanted = props(kafka, {"t": topic(8), "u": topic(4, retention_ms="600000")})
        is_done(provider, wanted)  # by how fast the broker finds out, what is to go can be judged or not
        admin = Admin(kafka.bootstrap)
        assert eventually(lambda: "look into the brokers' logs" in admin.leaderless(["gone"]).get("gone", ""))
        assert eventually(lambda: is_done(provider, wanted))
        assert "gone" in provider.outputs["kept"]
        assert admin.names() == ["gone", "t", "u"]
        (full / "filling").unlink()
        kafka.kill(1)
        kafka.start(1)
        assert eventually(lambda: is_done(provider, wanted) and admin.names() == ["t", "u"])
        assert not provider.refresh()


def test_a_full_disk_of_a_broker_that_has_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        disk(tmp_path / "full", 24) as full,
        cluster(1, settings=f"log.dirs={full}") as kafka,
        host(TopicSetProvider()) as provider,
    ):
        provider.up(props(kafka, {"t": topic(4)}))
        fill(full / "filling")
        client = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
        client.create_topics([NewTopic("last", 4, 1)])
        assert kafka.servers[1].process.wait(300), "Kafka ends where no disk is left"
        monkeypatch.setattr("bus.topics.reading._CONNECT_SECONDS", 3.0)
        here = inside()
        wanted = props(kafka, {"t": topic(8), "u": topic(4)})
        with pytest.raises(Unreachable, match=rf"Kafka at {kafka.bootstrap} does not answer"):
            here.update(provider.id, provider.outputs, wanted)
        (full / "filling").unlink()
        kafka.kill(1)
        kafka.start(1)
        assert eventually(lambda: is_done(provider, wanted))
        assert not provider.up(wanted)
        assert not provider.refresh()
