"""Sets of topics on a broker that dies, restarts, is asked by two at once, or does not answer."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from bus.cluster.access import Unreachable
from bus.topics.admin import Admin
from bus.topics.applying import Applied, apply
from bus.topics.plan import Topic, plan
from components.providers.topics import TopicSetProvider
from tests.support.dynamic import Broken, Host, host, resumed
from tests.support.kafka import Cluster
from tests.support.topic_sets import eventually, inside, is_done, props, topic

pytestmark = pytest.mark.servers


def test_two_runs_at_once_both_end_well(kafka: Cluster, admin: Admin) -> None:
    wanted = [Topic(f"t{number}", 1 + number % 3, 1, {"retention.ms": "5000"}) for number in range(60)]
    results: list[Applied] = []

    def run() -> None:
        mine = Admin(kafka.bootstrap)
        live = mine.read([one.name for one in wanted])
        results.append(apply(mine, [plan(live.get(t.name), t, 1) for t in wanted], 1, 1_000_000, print))

    runs = [threading.Thread(target=run) for _ in range(2)]
    for one in runs:
        one.start()
    for one in runs:
        one.join(900)
    assert [result.failed for result in results] == [{}, {}]
    assert results[0].created.isdisjoint(results[1].created)
    assert results[0].created | results[1].created == {t.name for t in wanted}
    assert all(topic.is_as(t) for t in wanted for topic in [admin.read([t.name])[t.name]])


def test_a_broker_that_is_down_before_is_said_with_its_address(kafka: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bus.topics.reading._CONNECT_SECONDS", 2.0)
    with pytest.raises(Unreachable, match=r"Kafka at 127\.0\.0\.1:1 does not answer"):
        Admin("127.0.0.1:1")


def test_a_broker_that_dies_during_a_run_is_waited_for(kafka: Cluster, provider: Host, admin: Admin) -> None:
    wanted = props(kafka, {f"d{number}": topic(2) for number in range(300)})
    inputs = provider.check(wanted)
    worker = threading.Thread(target=lambda: _tried(lambda: provider.step(inputs)))
    worker.start()
    time.sleep(0.1)
    kafka.kill(1)
    time.sleep(2)
    kafka.start(1)
    worker.join(900)
    assert not worker.is_alive()
    with host(TopicSetProvider()) as after:
        again = resumed(provider, after)
        again.up(wanted)
        assert again.outputs["topics"] == wanted["topics"]
        assert not again.up(wanted)
    assert len(Admin(kafka.bootstrap).names()) == 300


def test_a_broker_that_restarts_after_a_run_shows_no_drift(kafka: Cluster, provider: Host) -> None:
    wanted = props(kafka, {f"r{number}": topic(2, retention_ms="5000") for number in range(100)})
    provider.up(wanted)
    kafka.kill(1)
    kafka.start(1)
    assert not provider.refresh()
    assert not provider.up(wanted)


def test_a_config_that_a_restart_brings_back_from_a_deleted_topic_is_taken_away(
    kafka: Cluster, provider: Host, admin: Admin
) -> None:
    """Kafka 4.3.1 does so, and an unset alone changes nothing: the controller knows of no such config."""
    _made_and_deleted(admin, "again")
    wanted = props(kafka, {"again": topic()})
    provider.up(wanted)
    kafka.kill(1)
    kafka.start(1)
    assert eventually(lambda: provider.refresh() or bool(provider.outputs["topics"]))
    provider.up(wanted)
    assert Admin(kafka.bootstrap).read(["again"])["again"].configs == {}
    assert not provider.refresh()


def test_a_topic_made_again_after_a_restart_bears_no_config_of_the_deleted_one(
    kafka: Cluster, provider: Host, admin: Admin
) -> None:
    """Seen on the sandbox: the new topic had the retention that a trial of that name once had (docs/adr/0012)."""
    _made_and_deleted(admin, "trial")
    kafka.kill(1)
    kafka.start(1)
    assert eventually(lambda: is_done(provider, props(kafka, {"trial": topic()})))
    assert Admin(kafka.bootstrap).read(["trial"])["trial"].configs == {}


def test_a_new_topic_counts_as_made_though_a_left_over_config_could_not_be_given_back(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = admin.seen

    def left_over(partitions: dict[str, int]) -> dict[str, Topic]:
        real(partitions)
        admin.set_of_topic({"t": {"retention.ms": "600000"}})
        assert eventually(lambda: bool(admin.read(["t"])["t"].configs))
        return admin.read(["t"])

    monkeypatch.setattr(admin, "seen", left_over)
    monkeypatch.setattr(admin, "configure", lambda changes: {"t": "not allowed"})
    applied = apply(admin, [plan(None, Topic("t", 1, 1), 1)], 1, 1_000_000, print)
    assert applied == Applied(frozenset({"t"}), {"t": "not allowed"})


def test_what_was_made_is_ours_though_brokers_are_lost_right_after(
    kafka: Cluster, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run may delete it without a confirmation, and goes on with the rest."""

    def lost(*_: object, **__: object) -> Any:
        raise Unreachable("Kafka does not answer")

    monkeypatch.setattr(Admin, "seen", lost)
    monkeypatch.setattr(Admin, "logs", lost)
    here = inside()
    admin.create([Topic("grown", 1, 1), Topic("gone", 1, 1)])
    assert eventually(lambda: admin.names() == ["gone", "grown"])
    olds = {**props(kafka, {"grown": topic(), "gone": topic()}), "created": ["gone", "grown"]}
    outs, failed = here._apply(olds, props(kafka, {"grown": topic(2), "made": topic(), "made2": topic()}))
    assert outs["created"] == ["gone", "grown", "made", "made2"]
    assert failed.keys() == {"gone", "grown", "made", "made2"}
    assert "run the same command again" in failed["made"]
    assert "could not be judged: Kafka does not answer" in outs["kept"]["gone"]
    monkeypatch.undo()
    outs, failed = here._apply(outs, props(kafka, {"grown": topic(2)}))
    assert (outs["created"], outs["kept"], failed) == (["grown"], {}, {})
    assert admin.names() == ["grown"]


def test_a_refusal_stands_though_sizes_cannot_be_had(
    kafka: Cluster, admin: Admin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is only said of a change may not hide what is refused."""
    admin.create([Topic("t", 3, 1), Topic("cut", 1, 1)])
    assert eventually(lambda: admin.names() == ["cut", "t"])

    def lost(_: object) -> Any:
        raise Unreachable("Kafka does not answer")

    monkeypatch.setattr(Admin, "sizes", lost)
    here = inside()
    news = {**props(kafka, {"t": topic(1), "cut": topic(retention_ms="1000")}), "clusterId": None}
    [failure] = here.check({}, news).failures or []
    assert failure.reason.startswith("t: partitions 3 -> 1")
    assert "how much goes or is copied by the changes on central is not known" in capsys.readouterr().err


def test_brokers_that_name_an_address_that_nobody_reaches_are_unreachable(
    kafka: Cluster, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They answer who they are, and nothing else: a preview goes on, as with any cluster that does not answer."""
    admin.create([Topic("t", 1, 1)])
    assert eventually(lambda: admin.names() == ["t"])
    monkeypatch.setattr("bus.topics.reading.CALL_SECONDS", 8.0)
    settings = kafka.folder / "1.properties"
    written = settings.read_text()
    try:
        kafka.kill(1)
        settings.write_text(f"{written}\nadvertised.listeners=PLAINTEXT://127.0.0.1:9\n")
        kafka.start(1)
        with pytest.raises(Unreachable, match=r"brokers are to be reached at 127\.0\.0\.1:9: are they, from here\?"):
            Admin(kafka.bootstrap).read(["t"])
    finally:
        kafka.kill(1)
        settings.write_text(written)
        kafka.start(1)
    assert eventually(lambda: Admin(kafka.bootstrap).read(["t"]).keys() == {"t"})


class Deaf:
    """A client whose first act of each kind is done by the broker, and whose answer never arrives."""

    def __init__(self, client: Any) -> None:
        self._client, self.acts = client, Counter[str]()

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name not in ("create_topics", "create_partitions", "incremental_alter_configs", "delete_topics"):
            return call

        def act(*args: Any, **more: Any) -> dict[Any, Any]:
            self.acts[name] += 1
            answers = call(*args, **more)
            if self.acts[name] > 1:
                return dict(answers)
            for answer in answers.values():
                answer.result(30)
            return {key: _unheard() for key in answers}

        return act


def _unheard() -> "Future[Any]":
    answer: Future[Any] = Future()
    answer.set_exception(KafkaException(KafkaError(KafkaError._TIMED_OUT)))
    return answer


def test_an_answer_that_is_lost_after_the_broker_did_the_work_changes_nothing(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made is ours, what was grown has grown, what was deleted is gone: no failure, and nothing twice."""
    admin.create([Topic("grown", 1, 1), Topic("set", 1, 1), Topic("gone", 1, 1)])
    live = admin.seen(dict.fromkeys(("grown", "set", "gone"), 1))
    deaf = Deaf(admin._client)
    monkeypatch.setattr(admin, "_client", deaf)
    wanted = [Topic("made", 2, 1), Topic("grown", 3, 1), Topic("set", 1, 1, {"retention.ms": "600000"})]
    applied = apply(admin, [plan(live.get(one.name), one, 1) for one in wanted], 1, 1_000_000, print)
    assert applied == Applied(frozenset({"made"}), {})
    admin.delete(["gone"])
    assert admin.names() == ["grown", "made", "set"]
    assert all(admin.read([one.name])[one.name].is_as(one) for one in wanted)
    assert set(deaf.acts.values()) == {2}, "each was asked once more"


def _made_and_deleted(admin: Admin, name: str) -> None:
    """A topic with a config of its own, as a restarted broker may remember it."""
    admin.create([Topic(name, 1, 1, {"retention.ms": "600000"})])
    admin.seen({name: 1})
    admin.delete([name])


def _tried(act: Callable[[], object]) -> None:
    """A run that may or may not survive what is done to its broker."""
    try:
        act()
    except Broken as broken:
        print(broken)
