"""Values merge as Helm merges them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.merge import at, merge, resolve

VALUES = st.recursive(
    st.dictionaries(
        st.sampled_from("abc"), st.one_of(st.integers(), st.none(), st.lists(st.integers(), max_size=2)), max_size=3
    ),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def test_maps_merge_deeply_and_lists_as_a_whole() -> None:
    low = {"image": {"tag": "1", "name": "a"}, "hosts": ["x", "y"]}
    assert merge(low, {"image": {"tag": "2"}, "hosts": ["z"]}) == {"image": {"tag": "2", "name": "a"}, "hosts": ["z"]}


def test_a_null_stays_for_helm_to_drop_the_default() -> None:
    assert merge({"resources": {"limits": 1}}, {"resources": None}) == {"resources": None}


@pytest.mark.parametrize(
    ("default", "values", "resolved"),
    [
        ({"limits": {"memory": "1Gi"}}, {"limits": None}, {}),
        ({"limits": {"memory": "1Gi", "cpu": 1}}, {"limits": {"memory": None}}, {"limits": {"cpu": 1}}),
        ({}, {"env": {"A": None}, "gone": None}, {"env": {}}),
        ({"hosts": ["a"]}, {"hosts": []}, {"hosts": []}),
        ({"hosts": ["a"]}, {"hosts": [{"x": None, "y": 1}, None]}, {"hosts": [{"y": 1}, None]}),
        ({"map": {"a": 1}}, {"map": {}}, {"map": {"a": 1}}),
        ({"map": {"a": 1}}, {"map": "text"}, {"map": "text"}),
        ({"text": "a"}, {"text": {"b": None, "c": 1}}, {"text": {"c": 1}}),
        ({"on": True, "count": 3, "text": "a"}, {"on": False, "count": 0, "text": ""}, None),
        ({"kept": None, "a": {"b": None}}, {}, {"a": {}}),
    ],
)
def test_a_null_takes_its_key_away_and_nothing_else_is_lost(
    default: dict[str, object], values: dict[str, object], resolved: dict[str, object] | None
) -> None:
    assert resolve(default, values) == (values if resolved is None else resolved)


def test_a_higher_layer_brings_back_what_a_null_took_away() -> None:
    assert resolve({"a": {"x": 1}}, {"a": None}, {"a": {"y": 2}}) == {"a": {"y": 2}}


def test_a_map_replaces_a_scalar_and_the_reverse() -> None:
    assert merge({"a": 1}, {"a": {"b": 2}}) == {"a": {"b": 2}}
    assert merge({"a": {"b": 2}}, {"a": 1}) == {"a": 1}


def test_at_nests_below_a_path() -> None:
    assert at(("isiinfra", "kafka"), {"mode": "kraft"}) == {"isiinfra": {"kafka": {"mode": "kraft"}}}


@given(VALUES)
def test_merging_with_itself_or_nothing_changes_nothing(values: dict[str, object]) -> None:
    assert merge(values, values) == values == merge({}, values) == merge(values, {})


@given(VALUES, VALUES, VALUES)
def test_layers_may_be_merged_from_the_lowest_up(
    low: dict[str, object], middle: dict[str, object], high: dict[str, object]
) -> None:
    # Only from the lowest up: a null or a scalar in the middle takes away what is below it for good.
    assert merge(low, middle, high) == merge(merge(low, middle), high)


@given(VALUES, VALUES)
def test_inputs_are_not_changed(low: dict[str, object], high: dict[str, object]) -> None:
    before = (repr(low), repr(high))
    merge(low, high)["new"] = 1
    assert (repr(low), repr(high)) == before
