"""Another replication factor on three real brokers: moved, throttled, interrupted, resumed; brokers lost and back."""

import threading
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from bus.topics import reassignment
from bus.topics.admin import Admin
from bus.topics.applying import Applied, apply
from bus.topics.plan import Topic, plan
from bus.topics.replicas import connect
from tests.support.dynamic import Host
from tests.support.kafka import Cluster, cluster
from tests.support.topic_sets import emptied, eventually, inside, props, topic

pytestmark = pytest.mark.servers
FAST = 50_000_000


@pytest.fixture(scope="module")
def kafka() -> Iterator[Cluster]:
    with cluster(3, racks=True) as running:
        yield running


@pytest.fixture
def admin(kafka: Cluster) -> Admin:
    return emptied(kafka)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A topic of the test's own: clients keep what they knew of a topic that was deleted and made again."""
    return "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[:200]


def to(admin: Admin, wanted: Topic, rate: int = FAST, said: list[str] | None = None) -> Applied:
    live = admin.read([wanted.name]).get(wanted.name)
    return apply(admin, [plan(live, wanted, 3)], 3, rate, (said if said is not None else []).append)


def fill(kafka: Cluster, topic: str, megabytes: int) -> int:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 50})
    count, failed = megabytes * 100, []

    def delivered(error: object, _: object) -> None:
        if error:
            failed.append(error)

    for number in range(count):
        producer.produce(topic, bytes(10_000), key=str(number), on_delivery=delivered)
        producer.poll(0)
    assert producer.flush(300) == 0
    assert not failed
    return count


def messages(admin: Admin, topic: str) -> int:
    return sum(log.last - log.first for log in admin.logs([topic]).values())


def is_clean(admin: Admin, topic: str, patience_seconds: float = 300) -> bool:
    """Nothing moves and no throttle is left; a broker that has just started answers from what it knew before."""
    deadline = time.monotonic() + patience_seconds
    while True:
        rates = [own for own in admin.own_of_brokers(admin.racks()).values() if any("throttled.rate" in k for k in own)]
        if not admin.read([topic])[topic].unfinished and not rates:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)


@pytest.mark.parametrize("path", [(1, 2), (1, 3), (3, 2), (3, 1), (2, 3)])
def test_replication_changes_without_losing_a_message(
    kafka: Cluster, admin: Admin, name: str, path: tuple[int, int]
) -> None:
    before, after = path
    to(admin, Topic(name, 5, before))
    count = fill(kafka, name, 3)
    applied = to(admin, Topic(name, 5, after))
    assert applied.failed == {}
    live = admin.read([name])[name]
    assert live.factors == (after, after)
    assert messages(admin, name) == count
    assert is_clean(admin, name)


def test_replication_growth_and_configs_in_one_change(kafka: Cluster, admin: Admin, name: str) -> None:
    to(admin, Topic(name, 2, 1, {"retention.ms": "1000000000"}))
    wanted = Topic(name, 6, 3, {"min.insync.replicas": "2"})
    assert to(admin, wanted).failed == {}
    assert admin.read([name])[name].is_as(wanted)


def test_leaders_are_spread_after_a_move(kafka: Cluster, admin: Admin, name: str) -> None:
    to(admin, Topic(name, 6, 1))
    to(admin, Topic(name, 6, 3))
    first = [brokers[0] for brokers in admin.read([name])[name].replicas.values()]
    assert sorted(first.count(broker) for broker in (1, 2, 3)) == [2, 2, 2]


def test_the_throttle_holds_and_progress_is_said(
    kafka: Cluster, admin: Admin, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reassignment, "_SAY_SECONDS", 1.0)
    to(admin, Topic(name, 1, 1))
    fill(kafka, name, 14)
    said: list[str] = []
    started = time.monotonic()
    assert to(admin, Topic(name, 1, 2), 1_000_000, said).failed == {}
    # Quotas work over 11 windows of a second: a burst of about that many seconds' worth passes at first.
    assert time.monotonic() - started > 4
    assert any("0 of 1 partitions" in line and "of 14.0 MB" in line for line in said), said
    assert is_clean(admin, name)


def test_an_interrupted_move_is_finished_by_the_next_run_and_its_throttle_taken_away(
    kafka: Cluster, admin: Admin, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    to(admin, Topic(name, 1, 1))
    count = fill(kafka, name, 30)
    _cut_off(admin, Topic(name, 1, 3), monkeypatch)
    assert eventually(lambda: admin.read([name])[name].unfinished), "brokers show a config a moment after it was set"
    again = plan(admin.read([name])[name], Topic(name, 1, 3), 3)
    assert again.replicate, "brokers show three replicas already: the throttle tells that it is not done"
    assert apply(admin, [again], 3, FAST, lambda text: None).failed == {}
    assert messages(admin, name) == count
    assert is_clean(admin, name)


def test_a_change_taken_back_in_the_middle_ends_as_it_began(
    kafka: Cluster, admin: Admin, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """replicasChangeShouldCompleteWhenSpecIsReverted: the first move ends, and the way back is the next run's."""
    to(admin, Topic(name, 1, 1))
    count = fill(kafka, name, 20)
    _cut_off(admin, Topic(name, 1, 3), monkeypatch)
    assert to(admin, Topic(name, 1, 1)).failed == {}
    assert admin.read([name])[name].factors == (1, 1)
    assert messages(admin, name) == count
    assert is_clean(admin, name)


@pytest.mark.parametrize(("theirs", "ours"), [("away", 2), ("away", 1), ("more", 1), ("fewer", 2)])
def test_a_move_of_somebody_else_is_waited_for_and_not_replaced(
    kafka: Cluster, admin: Admin, name: str, theirs: str, ours: int
) -> None:
    """shouldAccountForReassigningPartitionsNoRfChange, ...IncreasingRf and ...DecreasingRf"""
    before = 2 if theirs == "fewer" else 1
    to(admin, Topic(name, 1, before))
    fill(kafka, name, 20)
    holders = admin.read([name])[name].replicas[0]
    other = next(broker for broker in (1, 2, 3) if broker not in holders)
    target = {"away": (other,), "more": (*holders, other), "fewer": (other,)}[theirs]
    with connect(kafka.bootstrap) as replicas:
        # Some 11 s' worth pass at first (see above), the rest of 20 MB takes minutes, until our own run sets its rate.
        admin.set_of_broker({b: {"leader.replication.throttled.rate": "100000"} for b in (1, 2, 3)})
        admin.set_of_topic({name: {"leader.replication.throttled.replicas": ",".join(f"0:{one}" for one in holders)}})
        assert eventually(lambda: all(admin.own_of_brokers((1, 2, 3)).values())), "every broker goes by its rate"
        with admin._each_broker() as ask:
            assert eventually(lambda: all(answer[name].unfinished for answer in ask([name]))), "and by the topic's"
        replicas.move({(name, 0): target})
        assert replicas.moving()[(name, 0)].target == target
        assert to(admin, Topic(name, 1, ours)).failed == {}
        assert replicas.moving() == {}
    live = admin.read([name])[name]
    assert live.factors == (ours, ours)
    assert theirs == "more" or other in live.replicas[0], "their move had come to its end before ours began"
    assert is_clean(admin, name)


def test_more_replicas_than_brokers_is_refused_whatever_the_stack_says(kafka: Cluster, admin: Admin, name: str) -> None:
    to(admin, Topic(name, 1, 1))
    assert (
        "exceeds the 3 broker(s)" in plan(admin.read([name])[name], Topic(name, 1, 4), 3).refused["replicationFactor"]
    )
    change = plan(admin.read([name])[name], Topic(name, 1, 4), brokers=5)
    applied = apply(admin, [change], 5, FAST, lambda text: None)
    assert "4 replicas need as many brokers, 3 answer; bring the missing brokers back" in applied.failed[name]
    assert admin.read([name])[name].factors == (1, 1)


def test_one_topic_that_cannot_move_does_not_stop_the_others(kafka: Cluster, admin: Admin, name: str) -> None:
    to(admin, Topic("a", 1, 1))
    to(admin, Topic("b", 1, 1))
    live = admin.read(["a", "b"])
    changes = [plan(live["a"], Topic("a", 1, 4), 5), plan(live["b"], Topic("b", 1, 2), 5)]
    applied = apply(admin, changes, 5, FAST, lambda text: None)
    assert applied.failed.keys() == {"a"}
    assert admin.read(["b"])["b"].factors == (2, 2)


def test_a_broker_that_dies_during_a_move_and_comes_back(kafka: Cluster, admin: Admin, name: str) -> None:
    to(admin, Topic(name, 1, 1))
    count = fill(kafka, name, 20)
    (holder,) = admin.read([name])[name].replicas[0]
    victim = next(broker for broker in (3, 2, 1) if broker != holder)
    result: list[Applied] = []
    worker = threading.Thread(target=lambda: result.append(to(admin, Topic(name, 1, 3), 3_000_000)))
    worker.start()
    with connect(kafka.bootstrap) as replicas:
        while worker.is_alive() and not replicas.moving():
            time.sleep(0.1)
    kafka.kill(victim)
    time.sleep(3)
    kafka.start(victim)
    worker.join(900)
    assert result and result[0].failed == {}
    assert messages(admin, name) == count
    assert is_clean(admin, name)


def test_a_controller_that_moves_does_not_stop_a_change(kafka: Cluster, admin: Admin, name: str) -> None:
    with connect(kafka.bootstrap) as replicas:
        leader = int(replicas.controller())
    worker_result: list[Applied] = []
    wanted = [Topic(f"c{number}", 3, 2) for number in range(100)]

    def run() -> None:
        changes = [plan(None, topic, 3) for topic in wanted]
        worker_result.append(apply(Admin(kafka.bootstrap), changes, 3, FAST, lambda text: None))

    kafka.kill(leader)
    worker = threading.Thread(target=run)
    worker.start()
    time.sleep(1)
    kafka.start(leader)
    worker.join(900)
    assert worker_result and worker_result[0].failed == {}
    assert all(admin.read([t.name])[t.name].is_as(t) for t in wanted[:5])


def _cut_off(admin: Admin, wanted: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends while its move, a slow one, has begun."""

    def killed(*_: object) -> dict[str, str]:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut_off:
        cut_off.setattr(reassignment, "_wait", _after(1, killed))
        with pytest.raises(KeyboardInterrupt):
            to(admin, wanted, 1_000_000)


def _after(calls: int, then: object) -> object:
    """The real wait for the first calls, `then` afterwards."""
    real, count = reassignment._wait, iter(range(1000))

    def wait(*args: object) -> dict[str, str]:
        chosen = real if next(count) < calls else then
        return chosen(*args)  # type: ignore[operator,no-any-return]

    return wait


def test_a_topic_without_a_leader_stops_no_other_and_goes_only_if_it_is_confirmed(
    kafka: Cluster, admin: Admin, provider: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its only broker is away: a preview said nothing but an error, and an update forgot what it had made."""
    name, others = "alone", {"one": topic(), "two": topic()}
    spread = {**others, name: topic()}
    provider.up(props(kafka, spread))
    with connect(kafka.bootstrap) as replicas:
        away = next(node for node in (1, 2, 3) if node != replicas.controller())
        replicas.move({(name, 0): (away,)})
        assert eventually(lambda: not replicas.moving() and admin.read([name])[name].replicas == {0: (away,)})
    kafka.kill(away)
    try:
        admin = Admin(kafka.bootstrap)
        assert eventually(lambda: name in admin.leaderless([name]))
        assert provider.up(props(kafka, others | {"another": topic()}))
        why = f"partition 0 has no leader, bring broker {away} back"
        assert f"may hold messages that cannot be counted now: {why}; to delete it" in provider.outputs["kept"][name]
        assert "another" in provider.outputs["created"]
        here = inside()
        here.check(props(kafka, spread), props(kafka, spread | {name: topic(retention_ms="1000")}, clusterId=None))
        assert f"how many of its records go is not known, {why}" in capsys.readouterr().err
        assert provider.up(props(kafka, others | {"another": topic()}, confirmDelete=[name]))
        assert name not in admin.names()
    finally:
        kafka.start(away)
    assert eventually(lambda: len(admin.racks()) == 3)
    assert name not in admin.names()
