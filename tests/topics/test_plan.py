"""What a change to a topic does - each case a file in plans/ - and when a topic may be deleted."""

from pathlib import Path

import pytest
import yaml

from bus.removals import removal
from bus.topics.plan import Topic, from_props, plan, to_props

CASES = sorted((Path(__file__).parent / "plans").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_change_from_live_to_wanted(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    live = from_props({"t": given["live"]})["t"] if given["live"] else None
    change = plan(live, from_props({"t": given["wanted"]})["t"], given["brokers"])
    expect = given["expect"]
    assert change.create == expect.get("create", False)
    assert change.grow_to == expect.get("growTo")
    assert dict(change.configs) == expect.get("configs", {})
    assert change.refused.keys() == expect.get("refused", {}).keys()
    for key, parts in expect.get("refused", {}).items():
        assert all(part in change.refused[key] for part in parts), change.refused[key]
    assert change.is_nothing == (not expect)


def test_floats_of_pulumi_become_whole_numbers() -> None:
    props = {"t": {"partitions": 3.0, "replicationFactor": 1.0, "configs": {"retention.ms": "1"}}}
    assert from_props(props) == {"t": Topic("t", 3, 1, {"retention.ms": "1"})}
    assert to_props(from_props(props)) == props


@pytest.mark.parametrize(
    ("created", "confirmed", "messages", "deleted", "said"),
    [
        (["t"], [], 0, True, "created by this stack, and empty"),
        (["t"], [], 1, False, "still holds 1 messages; to delete it with its data, add t to bus:confirmDelete.topics"),
        ([], [], 0, False, "was not created by this stack; to delete it"),
        ([], ["t"], 7, True, "7 messages; confirmed"),
        (["t"], ["other"], 7, False, "still holds 7 messages"),
        (["t"], ["t"], None, False, ""),
    ],
)
def test_a_topic_is_deleted_only_behind_its_guard(
    created: list[str], confirmed: list[str], messages: int | None, deleted: bool, said: str
) -> None:
    decision = removal("t", created, confirmed, messages, unit="messages", block="topics")
    assert decision.delete == deleted
    assert decision.reason.startswith(said)
