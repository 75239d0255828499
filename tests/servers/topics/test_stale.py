"""Brokers whose metadata lags behind the controller: what one does not show yet is neither gone nor as it was."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from bus.errors import PartialFailure
from bus.topics import reading
from bus.topics.admin import Admin
from bus.topics.applying import Applied, apply
from bus.topics.plan import Topic, plan
from bus.topics.replicas import Replicas
from tests.support.kafka import Cluster, cluster
from tests.support.topic_sets import inside, produce, props, topic

pytestmark = pytest.mark.servers
ANSWERS = 7
"""how many old answers there are: more than any number of equal ones in a row that was once enough"""


@pytest.fixture(scope="module")
def kafka() -> Iterator[Cluster]:
    with cluster(3) as running:
        yield running


@pytest.fixture
def lagging(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Has the next answers to a question come from a broker that does not know `hidden` yet; counts them."""

    def lag(of: Any, question: str, hidden: set[str], is_old: Callable[..., bool] = lambda *_: True) -> list[int]:
        real = getattr(of, question)
        old: list[int] = []

        def answer(self: Any, *asked: Any) -> Any:
            found = real(self, *asked)
            if len(old) >= ANSWERS or not is_old(*asked):
                return found
            old.append(len(old))
            return {name: one for name, one in found.items() if name not in hidden}

        monkeypatch.setattr(of, question, answer)
        return old

    return lag


def test_a_topic_that_the_broker_asked_does_not_show_yet_is_read(
    admin: Admin, lagging: Callable[..., list[int]]
) -> None:
    assert admin.create([Topic("t", 2, 3), Topic("u", 1, 1)]) == (set(), {})
    old = lagging(Admin, "_listed", {"t", "u"})
    assert {name: one.partitions for name, one in admin.read(["t", "u", "never"]).items()} == {"t": 2, "u": 1}
    assert len(old) == ANSWERS


def test_a_topic_whose_configs_the_broker_asked_does_not_know_yet_is_read(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.create([Topic("t", 1, 1, {"retention.ms": "5000"})])
    client = OldConfigs(admin._client)
    monkeypatch.setattr(admin, "_client", client)
    assert admin.read(["t"])["t"].configs == {"retention.ms": "5000"}
    assert client.left == 0


class OldConfigs:
    """A client whose first questions for configs reach a broker that does not know the topic."""

    def __init__(self, client: Any) -> None:
        self._client, self.left = client, ANSWERS

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def describe_configs(self, asked: list[Any], **how: Any) -> Any:
        answers = self._client.describe_configs(asked, **how)
        if not self.left:
            return answers
        self.left -= 1
        return dict.fromkeys(answers, self)

    def result(self) -> Any:
        raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))


def test_what_is_gone_is_gone_at_once(admin: Admin, lagging: Callable[..., list[int]]) -> None:
    admin.create([Topic("t", 1, 1)])
    admin.delete(["t"])
    old = lagging(Admin, "_listed", set())
    assert admin.read(["t", "never"]) == {}
    assert len(old) == 1, "the controller said so: nobody was asked again"


def test_a_topic_that_no_broker_ever_shows_is_not_gone_but_said(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    admin.create([Topic("t", 1, 1)])
    monkeypatch.setattr(reading, "SEEN_SECONDS", 1.0)
    monkeypatch.setattr(Admin, "_listed", lambda _: {})
    for question in (admin.read, admin.logs, admin.leaderless):
        with pytest.raises(PartialFailure, match="t: exists, but the brokers do not show it"):
            question(["t"])


def test_where_the_controller_does_not_tell_any_broker_that_shows_it_is_right(
    admin: Admin, monkeypatch: pytest.MonkeyPatch, lagging: Callable[..., list[int]]
) -> None:
    """A client that may describe topics and not create them."""
    admin.create([Topic("t", 1, 1)])
    admin.settle({"t": Topic("t", 1, 1)}, {})
    monkeypatch.setattr(reading, "existing", lambda _client, names, _seconds: (set(), set(names)))
    lagging(Admin, "_listed", {"t"})
    assert admin.read(["t", "never"]).keys() == {"t"}


def test_a_run_ends_once_each_broker_shows_what_was_written(admin: Admin, lagging: Callable[..., list[int]]) -> None:
    """One of three lags: answers of the others in a row are no proof."""
    old = lagging(Replicas, "shown_by", {"t"}, lambda broker, _: broker == 3)
    assert apply(admin, [plan(None, Topic("t", 2, 2), 3)], 3, 1_000_000, print) == Applied(frozenset({"t"}), {})
    assert len(old) == ANSWERS
    old = lagging(Replicas, "shown_by", {"t"}, lambda broker, _: broker == 2)
    wanted = Topic("t", 4, 2, {"retention.ms": "5000"})
    assert apply(admin, [plan(admin.read(["t"])["t"], wanted, 3)], 3, 1_000_000, print).failed == {}
    assert len(old) == ANSWERS


def test_each_broker_shows_what_the_others_show(admin: Admin) -> None:
    """Partitions, the brokers of each, and what is set on the topic, as the other client reads them."""
    wanted = Topic("t", 3, 2, {"cleanup.policy": "compact", "retention.ms": "5000"})
    apply(admin, [plan(None, wanted, 3), plan(None, Topic("u", 1, 1), 3)], 3, 1_000_000, print)
    live = admin.read(["t", "u"])
    with admin._each_broker() as ask:
        answers = ask(["t", "u", "never"])
    assert len(answers) == 3
    for answer in answers:
        assert answer == live
        assert {name: one.replicas for name, one in answer.items()} == {n: one.replicas for n, one in live.items()}


def test_a_deletion_ends_once_no_broker_shows_the_topic(admin: Admin, lagging: Callable[..., list[int]]) -> None:
    admin.create([Topic("t", 1, 1)])
    admin.settle({"t": Topic("t", 1, 1)}, {})
    real = Replicas.shown_by
    still: list[int] = []

    def lags(self: Replicas, broker: int, names: Any) -> Any:
        found = real(self, broker, names)
        if broker == 2 and len(still) < ANSWERS:
            still.append(broker)
            return {"t": Topic("t", 1, 1)}
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Replicas, "shown_by", lags)
        admin.delete(["t"])
    assert len(still) == ANSWERS
    assert admin.names() == []


def test_a_topic_that_has_lost_its_fragment_is_judged_though_brokers_lag(
    kafka: Cluster, admin: Admin, lagging: Callable[..., list[int]]
) -> None:
    """One broker answers the first question, another the next: the topic was forgotten and never deleted."""
    admin.create([Topic("t", 1, 1), Topic("u", 1, 1)])
    admin.settle({"t": Topic("t", 1, 1), "u": Topic("u", 1, 1)}, {})
    produce(kafka, "t")
    calls = 0

    def each_second(*_: object) -> bool:
        nonlocal calls
        calls += 1
        return calls % 2 == 0

    old = lagging(Admin, "_listed", {"t"}, each_second)
    olds = {**props(kafka, {"t": topic(), "u": topic()}), "created": ["t", "u"]}
    outs, failed = inside()._apply(olds, props(kafka, {"u": topic()}))
    assert (outs["created"], list(outs["kept"]), failed) == (["t", "u"], ["t"], {})
    assert old
