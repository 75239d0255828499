"""What a change to a topic does - each case a file in plans/ - and when a topic may be deleted."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.plan.deletion_policy import Mirrored, removal
from bus.topics.plan import Topic, from_props, plan, surprises, to_props

CASES = sorted((Path(__file__).parent / "plans").glob("*.yaml"))


def live_topic(given: dict[str, Any]) -> Topic:
    """A live topic: what brokers say of it besides what a fragment may."""
    (topic,) = from_props({"t": given}).values()
    replicas = {number: tuple(brokers) for number, brokers in given.get("replicas", {}).items()}
    inherited, unfinished = given.get("inherited", {}), given.get("unfinished", False)
    return replace(topic, replicas=replicas, inherited=inherited, unfinished=unfinished)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_change_from_live_to_wanted(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    live = live_topic(given["live"]) if given["live"] else None
    change = plan(live, from_props({"t": given["wanted"]})["t"], given["brokers"])
    expect = given["expect"]
    assert change.create == expect.get("create", False)
    assert change.grow_to == expect.get("growTo")
    assert dict(change.configs) == expect.get("configs", {})
    assert change.replicate == expect.get("replicate", False)
    assert len(change.warned) == len(expect.get("warned", []))
    assert all(part in said for part, said in zip(expect.get("warned", []), change.warned, strict=True))
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
        ([], [], 0, False, "was not created by this stack, holds 0 messages; to delete it"),
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


def test_partitions_that_differ_in_replicas_are_shown_by_a_refresh() -> None:
    uneven = Topic("t", 2, 1, replicas={0: (1, 2), 1: (1,)})
    assert to_props({"t": uneven})["t"]["replicationFactor"] == "1 to 2"
    assert not uneven.is_as(Topic("t", 2, 1))
    assert not uneven.is_as(Topic("t", 2, 2))


def test_a_topic_that_the_mirror_makes_again_is_deleted_only_by_a_confirmation_that_names_the_site() -> None:
    mirrored = Mirrored("cinecity", "central")

    def judged(confirmed: list[str]) -> tuple[bool, str]:
        decision = removal("t", ["t"], confirmed, 0, unit="messages", block="topics", mirrored=mirrored)
        return decision.delete, decision.reason

    assert judged([])[0] is False
    deleted, reason = judged(["t"])
    assert not deleted
    assert "is mirrored from central: the mirror would make it again, empty; delete it there first" in reason
    assert "add cinecity/t to bus:confirmDelete.topics" in reason
    assert judged(["cinecity/t"])[0] is True


def test_what_a_kept_topic_holds_is_said() -> None:
    decision = removal("t", ["t"], [], 5, unit="messages", block="topics", detail="1.2 MB, read by web")
    assert decision.reason.startswith("still holds 5 messages (1.2 MB, read by web); to delete it with its data")


@pytest.mark.parametrize("created", [["t"], []])
def test_a_topic_that_cannot_be_counted_goes_only_if_it_is_confirmed(created: list[str]) -> None:
    why = "partition 0 has no leader, bring broker 3 back"
    kept = removal("t", created, [], None, unit="messages", block="topics", uncounted=why)
    assert not kept.delete
    assert kept.reason.endswith(
        f"may hold messages that cannot be counted now: {why}; to delete it with its data, add t to "
        "bus:confirmDelete.topics"
    )
    gone = removal("t", created, ["t"], None, unit="messages", block="topics", uncounted=why)
    assert gone.delete
    assert gone.reason == f"messages that cannot be counted now: {why}; confirmed by bus:confirmDelete"


def test_what_properties_cannot_show_is_said() -> None:
    first, second = Topic("a", 3, 1, {"retention.ms": "5"}), Topic("b", 1, 1)
    uneven = Topic("b", 2, 1, {"cleanup.policy": "compact"}, replicas={0: (1, 2), 1: (1,)})
    assert surprises({}, {}, {"a": first}, "central") == []
    assert surprises({}, {"a": first}, {"a": first}, "central") == []
    assert surprises({"a": first}, {"a": first}, {"a": second}, "central") == [], "that is an ordinary difference"
    assert surprises({}, {"a": Topic("a", 1, 1, {"segment.ms": "9"})}, {"a": first}, "central") == [
        "a exists on central and is taken over: partitions 1 -> 3, retention.ms unset -> 5, segment.ms 9 -> unset"
    ]
    gone, changed = surprises({"a": first, "b": second}, {"b": uneven}, {"a": first, "b": second}, "central")
    assert gone.startswith("a of central is gone; the next change of this site's topics puts it back")
    assert changed.startswith(
        "b of central is not as it was last wanted: partitions 1 -> 2, replicationFactor 1 -> 1 to 2, "
        "cleanup.policy unset -> compact; "
    )
