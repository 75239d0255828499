"""Places of replicas with inputs out of order, dead brokers and several topics, each with its whole answer."""

import pytest

from bus.topics.placement import Partition, place

RACKS: dict[int, str | None] = {1: None, 2: None, 3: None}


@pytest.mark.parametrize(
    ("current", "factors", "racks", "in_sync", "expect"),
    [
        # All replicas are on dead brokers: the first of the dead leads, and nothing is counted on nobody.
        ({("t", 0): (8, 9)}, {"t": 1}, {1: None}, None, {("t", 0): (8,)}),
        # A dead leader gives way to a replica that lives, though a dead one leads less.
        (
            {("t", 0): (9, 8, 1), ("t", 1): (1, 2, 3, 4), ("t", 2): (1, 2, 3, 4)},
            {"t": 4},
            {1: None, 2: None, 3: None, 4: None},
            None,
            {("t", 0): (2, 9, 8, 1)},
        ),
        # What is in the mapping first is not what is placed first.
        (
            {("b", 1): (1,), ("b", 0): (1,), ("a", 0): (2,)},
            {"b": 2, "a": 2},
            RACKS,
            None,
            {("a", 0): (2, 3), ("b", 0): (2, 1), ("b", 1): (1, 3)},
        ),
        # A partition of a topic that nobody asked for stays, and counts.
        (
            {("x", 0): (2, 3), ("t", 0): (1,)},
            {"t": 2},
            RACKS,
            None,
            {("t", 0): (1, 2)},
        ),
        # The replica that is not in sync goes, though the other is on the fuller broker.
        ({("t", 0): (1, 2), ("t", 1): (1,)}, {"t": 1}, RACKS, {("t", 0): [1]}, {("t", 0): (1,)}),
        # Without word of who is in sync, all are.
        ({("t", 0): (1, 2), ("t", 1): (2,)}, {"t": 1}, RACKS, None, {("t", 0): (1,)}),
    ],
)
def test_places_in_full(
    current: dict[Partition, tuple[int, ...]],
    factors: dict[str, int],
    racks: dict[int, str | None],
    in_sync: dict[Partition, list[int]] | None,
    expect: dict[Partition, tuple[int, ...]],
) -> None:
    found = place(current, factors, racks, in_sync)
    assert found == expect
    assert list(found) == sorted(found), "the same plan each time, whatever the order of what is live"
    again = place(dict(reversed(current.items())), factors, racks, in_sync)
    assert again == found


def test_shares_of_leaders_are_those_of_the_own_topic() -> None:
    """Six partitions on two brokers: three each; another topic's leaders count for nothing."""
    current = {("t", number): (1,) for number in range(6)} | {("u", number): (2,) for number in range(6)}
    found = place(current, {"t": 2}, {2: None, 1: None})
    assert [found["t", number][0] for number in range(6)] == [2, 2, 2, 1, 1, 1]
    assert all(sorted(brokers) == [1, 2] for brokers in found.values())


def test_a_leader_that_has_its_share_stays_though_another_leads_less() -> None:
    leaders = (1, 1, 1, 2, 2, 2, 3)
    found = place({("t", number): (leader,) for number, leader in enumerate(leaders)}, {"t": 3}, RACKS)
    assert tuple(found["t", number][0] for number in range(7)) == leaders


def test_partitions_are_placed_in_the_order_of_names_whatever_the_order_of_what_is_live() -> None:
    """The second of two partitions goes where the first one left room."""
    ordered = {("t", 0): (1,), ("t", 1): (2,), ("u", 0): (3,)}
    for current in (ordered, dict(reversed(ordered.items()))):
        found = place(current, {"t": 2, "u": 2}, {1: None, 2: None, 3: None, 4: None})
        assert found == {("t", 0): (1, 4), ("t", 1): (2, 3), ("u", 0): (3, 1)}


def test_new_replicas_of_a_topic_are_spread_over_brokers() -> None:
    """Each of them counts, for its topic first and for the cluster second."""
    current = {("t", number): (1,) for number in range(4)} | {("u", 0): (2, 3)}
    found = place(current, {"t": 2}, {1: None, 2: None, 3: None})
    added = [broker for brokers in found.values() for broker in brokers if broker != 1]
    assert sorted(added) == [2, 2, 3, 3]


def test_a_leader_is_changed_only_where_that_evens_them_out() -> None:
    """With one more than another, the two would only change places."""
    current: dict[Partition, tuple[int, ...]] = {("t", 0): (1,), ("t", 1): (1,), ("t", 2): (2,)}
    found = place(current, {"t": 2}, {1: None, 2: None})
    assert found == {("t", 0): (1, 2), ("t", 1): (1, 2), ("t", 2): (2, 1)}
    two: dict[Partition, tuple[int, ...]] = {("t", 0): (1,), ("t", 1): (1,), ("t", 2): (2, 1), ("t", 3): (9, 1)}
    assert place(two, {"t": 2}, {1: None, 2: None})["t", 0][0] == 1


def test_a_topic_is_spread_though_another_one_fills_a_broker() -> None:
    current = {("t", number): (1,) for number in range(4)} | {("u", number): (3,) for number in range(10)}
    found = place(current, {"t": 2}, {1: None, 2: None, 3: None})
    added = [broker for brokers in found.values() for broker in brokers if broker != 1]
    assert sorted(added) == [2, 2, 3, 3]


def test_two_leaders_do_not_change_places() -> None:
    """The other one would lead as many as this one does now."""
    current: dict[Partition, tuple[int, ...]] = {("t", 0): (1,), ("t", 1): (1,), ("t", 2): (2,)}
    found = place(current, {"t": 2}, {1: "a", 2: "b", 3: "a"})
    assert found == {("t", 0): (1, 2), ("t", 1): (1, 2), ("t", 2): (2, 3)}
