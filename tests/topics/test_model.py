"""Topic fragments: what they mean together and what is said of bad ones - each case a file in fragments/."""

from pathlib import Path

import pytest

from bus.topics import model
from tests.support.fragments import merged

CASES = sorted((Path(__file__).parent / "fragments").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_fragments_of_all_bricks_together(case: Path) -> None:
    topics, given = merged(case, model.merge_fragments)
    if "topics" in given:
        assert {topic.name: topic.wanted(2) for topic in topics if topic.applies_to("central")} == given["topics"]


def test_more_replicas_than_brokers_are_refused_with_the_site() -> None:
    (topic,), _ = model.merge_fragments({"values/a.yml": ("a", [{"name": "t", "replicationFactor": 3}])})
    (problem,) = topic.beyond(brokers=2, default=1, site="cinecity")
    assert str(problem).startswith(
        "values/a.yml: topics.t.replicationFactor = 3: exceeds the 2 broker(s) of site cinecity"
    )
    assert topic.beyond(brokers=3, default=1, site="cinecity") == []


def test_more_in_sync_replicas_than_replicas_are_refused() -> None:
    entry = {"name": "t", "configs": {"min.insync.replicas": 2}}
    (topic,), _ = model.merge_fragments({"values/a.yml": ("a", [entry])})
    (problem,) = topic.beyond(brokers=3, default=1, site="central")
    assert "exceeds the replication factor 1 on site central" in str(problem)
    assert topic.beyond(brokers=3, default=2, site="central") == []


def test_the_producer_of_a_topic_is_its_brick() -> None:
    (topic,), _ = model.merge_fragments({"values/kafka-notif.yml": ("kafka-notif", [{"name": "t"}])})
    assert topic.producers == ("kafka-notif",)
