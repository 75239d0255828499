"""When two settings mean the same, when a server decides one itself, and a mapping in the words of its server."""

import pytest

from bus.indices.diff.drift import seen
from bus.indices.diff.plan import LiveIndex, WantedIndex, plan
from bus.indices.diff.settings import same_setting

SAME = [
    ("refresh_interval", "60s", "1m"),
    ("refresh_interval", "60000ms", "1m"),
    ("number_of_replicas", "01", "1"),
    ("merge.policy.segments_per_tier", "10", "10.0"),
    ("translog.flush_threshold_size", "512mb", "0.5gb"),
    ("translog.flush_threshold_size", "512MB", "524288kb"),
    ("sort.order", "desc, asc", "desc,asc"),
]
OTHER = [
    ("refresh_interval", "60s", "60m"),
    ("refresh_interval", "1s", "1"),
    ("translog.flush_threshold_size", "1b", "1"),
    ("default_pipeline", "60s", "1m"),
    ("default_pipeline", "01", "1"),
    ("analysis.filter.a.pattern", "a, b", "a,b"),
    ("analysis.filter.a.pattern", "01", "1"),
    ("analysis.filter.a.synonyms", "a,b", ["a,b"]),
    ("priority", "1", None),
]


@pytest.mark.parametrize(("key", "one", "other"), SAME)
def test_settings_that_mean_the_same(key: str, one: str, other: str) -> None:
    assert same_setting(key, one, other) and same_setting(key, other, one)


@pytest.mark.parametrize(("key", "one", "other"), OTHER)
def test_settings_that_do_not(key: str, one: str, other: str | list[str] | None) -> None:
    assert not same_setting(key, one, other) and not same_setting(key, other, one)


@pytest.mark.parametrize(
    ("expand", "is_same"), [("0-1", True), ("0-all", True), ("false", False), (None, False)], ids=str
)
def test_replicas_that_expand_by_themselves_are_the_servers(expand: str | None, is_same: bool) -> None:
    more = {} if expand is None else {"auto_expand_replicas": expand}
    live = LiveIndex("films-000001", {}, {"number_of_replicas": "0", **more}, {"films": {}})
    wanted = WantedIndex("films", {}, {"number_of_replicas": "1", **more}, {})
    assert plan(live, wanted).is_nothing == is_same
    assert (seen(live, wanted) == wanted) == is_same


def field(**definition: object) -> dict[str, object]:
    return {"properties": {"f": definition}}


def test_what_the_server_spells_as_the_live_index_is_no_difference() -> None:
    """An unknown parameter that is answered in other words, one that is dropped, and one that is added."""
    wanted = WantedIndex("films", field(type="odd", speed="FAST", ignored=True), {}, {})
    held = field(type="odd", speed=1, derived="x")
    live = LiveIndex("films-000001", held, {}, {"films": {}})
    assert [d.path[-1] for d in plan(live, wanted).differences] == ["derived", "ignored", "speed"]
    assert plan(live, wanted).is_doubtful
    assert plan(live, wanted, spelled=held).is_nothing
    assert seen(live, wanted, held) == wanted


def test_a_real_difference_stays_one_beside_a_spelling() -> None:
    wanted = WantedIndex("films", field(type="odd", speed="FAST", size=9), {}, {})
    live = LiveIndex("films-000001", field(type="odd", speed=1, size=8), {}, {"films": {}})
    spelled = field(type="odd", speed=1, size=9)
    assert [d.short for d in plan(live, wanted, spelled=spelled).differences] == ["mappings.properties.f.size: 8 -> 9"]
    assert seen(live, wanted, spelled).mappings == field(type="odd", speed="FAST", size=8)


def test_another_type_is_never_a_spelling() -> None:
    wanted = WantedIndex("films", field(type="keyword"), {}, {})
    live = LiveIndex("films-000001", field(type="text"), {}, {"films": {}})
    assert not plan(live, wanted, spelled=field(type="keyword")).is_nothing


def test_a_new_field_is_not_asked_about() -> None:
    wanted = WantedIndex("films", {"properties": {"f": {"type": "long"}, "g": {"type": "long"}}}, {"priority": "1"}, {})
    live = LiveIndex("films-000001", field(type="long"), {}, {"films": {}})
    assert not plan(live, wanted).is_doubtful
