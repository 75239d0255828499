"""Where replicas go when a topic gets more or fewer of them, each case a file in placements/, and what always holds."""

from collections import Counter
from math import ceil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bus.topics.placement import Partition, place

CASES = sorted((Path(__file__).parent / "placements").glob("*.yaml"))


def flat(topics: dict[str, dict[int, list[int]]]) -> dict[Partition, tuple[int, ...]]:
    return {(name, number): tuple(brokers) for name, parts in topics.items() for number, brokers in parts.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_places_of_replicas(case: Path) -> None:
    given_: dict[str, Any] = yaml.safe_load(case.read_text())
    in_sync = {**flat(given_["current"]), **flat(given_.get("in_sync", {}))}
    if "refused" in given_:
        with pytest.raises(ValueError, match=given_["refused"]):
            place(flat(given_["current"]), given_["factors"], given_["brokers"], in_sync)
    else:
        found = place(flat(given_["current"]), given_["factors"], given_["brokers"], in_sync)
        assert found == flat(given_["expect"])


@st.composite
def clusters(draw: st.DrawFn) -> tuple[dict[Partition, tuple[int, ...]], dict[str, int], dict[int, str | None]]:
    count = draw(st.integers(1, 6))
    racks = {n: draw(st.sampled_from([None, "a", "b", "c"])) for n in range(1, count + 1)}
    current: dict[Partition, tuple[int, ...]] = {}
    factors: dict[str, int] = {}
    for topic in draw(st.lists(st.sampled_from("tuvw"), unique=True, min_size=1)):
        for number in range(draw(st.integers(1, 7))):
            size = draw(st.integers(1, count))
            current[topic, number] = tuple(draw(st.permutations(range(1, count + 1)))[:size])
        factors[topic] = draw(st.integers(1, count))
    return current, factors, racks


@given(clusters())
def test_a_placement_moves_as_little_as_can_be(
    given_: tuple[dict[Partition, tuple[int, ...]], dict[str, int], dict[int, str | None]],
) -> None:
    current, factors, racks = given_
    moved = place(current, factors, racks)
    for partition, before in current.items():
        factor = factors[partition[0]]
        after = moved.get(partition, before)
        assert len(after) == len(set(after)) == factor
        assert set(after) <= racks.keys()
        assert len(set(before) & set(after)) == min(len(before), factor), "a replica moved that could have stayed"
        assert (partition in moved) == (len(before) != factor)
    assert place({**current, **moved}, factors, racks) == {}, "a second run has nothing to do"


@given(clusters())
def test_racks_differ_as_long_as_there_are_others(
    given_: tuple[dict[Partition, tuple[int, ...]], dict[str, int], dict[int, str | None]],
) -> None:
    current, factors, racks = given_
    for partition, after in place(current, factors, racks).items():
        added = [broker for broker in after if broker not in current[partition] and racks[broker]]
        unused = {racks[b] for b in racks} - {racks[b] for b in after} - {None}
        shared = Counter(racks[broker] for broker in after)
        assert not (unused and any(shared[racks[broker]] > 1 for broker in added)), f"{partition} {after} {racks}"


@given(st.integers(1, 6), st.integers(1, 24))
def test_leaders_are_balanced_where_all_partitions_get_all_brokers(brokers: int, partitions: int) -> None:
    current = {("t", number): (1,) for number in range(partitions)}
    racks: dict[int, str | None] = dict.fromkeys(range(1, brokers + 1))
    everything = {**current, **place(current, {"t": brokers}, racks)}
    leaders = Counter(after[0] for after in everything.values())
    assert max(leaders.values()) - min(leaders[b] for b in racks) <= 1
    assert max(leaders.values()) == ceil(partitions / brokers)
