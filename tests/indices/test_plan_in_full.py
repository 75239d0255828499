"""The whole answer of bus.indices.diff.plan: what is put, taken over and gone on with, and not its class alone.

The fixtures differ from what a server gives an index by itself: two replicas, three shards.
"""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from bus.indices.diff.change_kinds import NO_SOURCE, PARAMETERS, ChangeKind, rule
from bus.indices.diff.differences import Difference
from bus.indices.diff.plan import Change, LiveIndex, Pending, Reindexing, WantedIndex, plan
from tests.support.index_cases import load

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
TYPE = ("mappings", "properties", "a", "type")
SERVED = {"number_of_shards": "3", "number_of_replicas": "2"}
KEYWORD, TEXT = ({"properties": {"a": {"type": kind}}} for kind in ("keyword", "text"))
ALLOWED = Reindexing(mode="block")
DOCS = "(docs/indices.md)"


def live(mappings: dict[str, Any] | None = None, **more: Any) -> LiveIndex:
    """An index that a fragment owns, on its first generation."""
    given: dict[str, Any] = {"settings": SERVED, "aliases": {"films": {}}, "generations": ("films-000001",), **more}
    return LiveIndex(given.pop("name", "films-000001"), mappings or {}, **given)


def wanted(mappings: dict[str, Any] | None = None, **more: Any) -> WantedIndex:
    """An index as its fragment has it."""
    given: dict[str, Any] = {"settings": {}, "aliases": {}, **more}
    return WantedIndex("films", mappings or {}, **given)


TO_TEXT = Difference(TYPE, "keyword", "text", rule(PARAMETERS, "type"))


def test_nothing_live_is_created() -> None:
    assert plan(None, wanted(KEYWORD)) == Change(wanted(KEYWORD))
    assert plan(None, wanted()).create and not plan(None, wanted()).is_nothing
    assert plan(None, wanted()).kind is ChangeKind.NOTHING


def test_nothing_to_do() -> None:
    change = plan(live(KEYWORD), wanted(KEYWORD))
    assert change == Change(wanted(KEYWORD), "films-000001")
    assert change.is_nothing and not change.create


def test_a_reindex_takes_over_shards_and_replicas_that_the_fragment_leaves_open() -> None:
    asked = wanted(TEXT, reindex=ALLOWED)
    assert plan(live(KEYWORD), asked) == Change(
        asked, "films-000001", target="films-000002", inherited=SERVED, differences=(TO_TEXT,)
    )
    only = {"number_of_replicas": "0", "refresh_interval": "9s"}
    assert plan(live(KEYWORD, settings=only), asked).inherited == {"number_of_replicas": "0"}
    assert plan(live({}, settings=SERVED), wanted(TEXT, reindex=ALLOWED)).inherited == {}, "in place"


def test_an_unfinished_generation_is_filled_on_and_kept() -> None:
    left = Pending("films-000004", "films-000001", "x")
    generations = ("films-000001", "films-000004")
    asked = wanted(TEXT, reindex=ALLOWED)
    change = plan(live(KEYWORD, pending=left, generations=generations), asked)
    assert (change.target, change.left, change.refused) == ("films-000004", None, {})
    put_back = plan(live(TEXT, pending=left, generations=generations), asked)
    assert (put_back.target, put_back.left) == (None, left)
    assert not put_back.is_nothing
    swung = Pending("films-000004", "films-000001", "x")
    again = plan(live(KEYWORD, name="films-000004", pending=swung, generations=generations), asked)
    assert (again.target, again.left) == ("films-000005", swung)


def test_the_generation_after_all_that_exist_is_filled_and_newer_ones_are_refused() -> None:
    asked = wanted(TEXT, reindex=ALLOWED)
    others = ("films-000001", "films-000003", "films-000002")
    change = plan(live(KEYWORD, generations=others), asked)
    assert change.target == "films-000004"
    which = "films-000002, films-000003"
    assert change.refused == {
        "reindex": f"films: {which} is newer than films-000001, which the alias is on: put the fragment back to what "
        f"films-000001 is, or delete {which} {DOCS}"
    }
    pending = Pending("films-000003", "films-000001", "x")
    with_pending = plan(live(KEYWORD, generations=others, pending=pending), asked)
    assert with_pending.refused["reindex"].startswith("films: films-000002 is newer")
    assert plan(live(TEXT, generations=others), asked).refused == {}, "nothing is copied"


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        (
            {},
            {
                ".".join(TYPE): f"films: {TO_TEXT}; needs a reindex: allow it with reindex: {{mode: catch-up}} "
                f"(or block), or put the old value back, or make a new index under another name {DOCS}"
            },
        ),
        ({"reindex": Reindexing(mode="catch-up")}, {}),
    ],
)
def test_a_reindex_has_to_be_allowed(more: dict[str, Any], refused: dict[str, str]) -> None:
    assert plan(live(KEYWORD), wanted(TEXT, **more)).refused == refused


def test_closing_has_to_be_allowed_unless_a_reindex_does_it_anyway() -> None:
    codec = {"codec": "best_compression"}
    change = plan(live(KEYWORD), wanted(KEYWORD, settings=codec))
    (difference,) = change.differences
    assert change.refused == {
        "settings.codec": f"films: {difference}; needs the index closed for a moment: allow it with reopen: true, or "
        f"put the old value back {DOCS}"
    }
    assert (change.reopened, change.settings) == (codec, {})
    assert plan(live(KEYWORD), wanted(KEYWORD, settings=codec, reopen=True)).refused == {}
    assert plan(live(KEYWORD), wanted(TEXT, settings=codec, reindex=ALLOWED)).refused == {}


def test_documents_that_cannot_be_read_back_cannot_be_copied() -> None:
    off = {"_source": {"enabled": False}}
    asked = wanted({**TEXT, **off}, reindex=ALLOWED)
    change = plan(live({**KEYWORD, **off}), asked)
    no_source = Difference(("mappings", "_source"), {"enabled": False}, "copied", NO_SOURCE)
    assert change.differences == (TO_TEXT, no_source)
    assert change.refused == {"mappings._source": f"films: {no_source}; put the old value back {DOCS}"}
    assert change.kind is ChangeKind.IMPOSSIBLE
    in_place = plan(live({**KEYWORD, **off}), wanted({**KEYWORD, **off, "dynamic": "strict"}))
    assert [one.path for one in in_place.differences] == [("mappings", "dynamic")]


def test_what_the_stack_wanted_before_and_no_longer_does_is_taken_away_and_nothing_else() -> None:
    before = wanted(
        {"_meta": {"owner": "us"}},
        settings={"refresh_interval": "1s", "codec": "x"},
        aliases={"b": {}, "a": {}, "c": {}},
    )
    found = live(
        {"_meta": {"owner": "us"}},
        settings={**SERVED, "refresh_interval": "1s", "priority": "5"},
        aliases={"films": {}, "a": {}, "b": {}, "by-hand": {}},
    )
    change = plan(found, wanted(), before)
    assert change.settings == {"refresh_interval": None}
    assert change.remove_aliases == ("a", "b")
    assert change.mappings == {"_meta": {}}
    assert change.add_aliases == {}
    assert plan(found, wanted()).is_nothing


def test_aliases_are_added_and_changed_and_the_own_one_stays_what_is_written_to() -> None:
    asked = wanted(aliases={"new": {}, "other": {"filter": {"x": 1}}, "same": {"filter": {"y": 1}}})
    aliases = {"films": {"is_write_index": True, "filter": 1}, "other": {}, "same": {"filter": {"y": 1}}}
    change = plan(live(aliases=aliases), asked)
    assert change.add_aliases == {"films": {"is_write_index": True}, "new": {}, "other": {"filter": {"x": 1}}}
    own = plan(live(aliases={"films": {"is_write_index": True}}), wanted())
    assert own.is_nothing
    assert plan(live(aliases={"films": {"is_write_index": False}}), wanted()).is_nothing
    assert plan(live(name="films", aliases={}), wanted()).is_nothing, "an index of that name has no such alias"
    assert plan(live(aliases={}), wanted()).add_aliases == {"films": {}}


def test_a_closed_index_is_opened() -> None:
    change = plan(live(settings={"verified_before_close": "true"}), wanted())
    assert change.closed and not change.is_nothing
    assert not plan(live(settings={"verified_before_close": "false"}), wanted()).closed


def test_what_a_server_never_answers_is_what_was_wanted_last() -> None:
    untold = {"number_of_routing_shards": "6"}
    assert plan(live(), wanted(settings=untold)).is_nothing
    assert plan(live(), wanted(settings=untold), wanted(settings=untold)).is_nothing
    (difference,) = plan(
        live(), wanted(settings=untold), wanted(settings={"number_of_routing_shards": "9"})
    ).differences
    assert (difference.live, difference.wanted) == ("9", "6")


def test_a_note_of_bus_in_the_mapping_stays_when_the_fragments_note_changes() -> None:
    """`bus indices rollback`, and a killed reindex, go by it."""
    note = {"bus": {"source": "films", "fingerprint": "x"}}
    found = live({"_meta": {"owner": "them", "gone": 1, **note}})
    assert plan(found, wanted({"_meta": {"owner": "us"}})).mappings == {"_meta": {"owner": "us", **note}}
    assert plan(found, wanted({"_meta": {"owner": "them", "gone": 1}})).is_nothing
    assert plan(found, wanted()).is_nothing
    assert plan(live({"_meta": note}), wanted()).is_nothing
    assert plan(live({"_meta": {"a": 1}}), wanted({"_meta": {"b": 1}})).mappings == {"_meta": {"b": 1}}
    assert plan(live({}), wanted({"_meta": {"b": 1}})).mappings == {"_meta": {"b": 1}}


def test_runtime_fields_are_put_one_by_one_and_only_own_ones_are_taken_away() -> None:
    found = live({"runtime": {"old": {"type": "long"}, "by_hand": {"type": "long"}, "same": {"type": "date"}}})
    before = wanted({"runtime": {"old": {"type": "long"}, "never": {"type": "long"}, "same": {"type": "date"}}})
    asked = wanted({"runtime": {"new": {"type": "ip"}, "same": {"type": "date"}}})
    assert plan(found, asked, before).mappings == {"runtime": {"new": {"type": "ip"}, "old": None}}
    changed = wanted({"runtime": {"same": {"type": "keyword"}}})
    assert plan(found, changed).mappings == {"runtime": {"same": {"type": "keyword"}}}


def test_a_field_is_put_with_its_own_parameters_in_the_servers_spelling() -> None:
    found = live(
        {"properties": {"a": {"type": "keyword", "ignore_above": 5, "doc_values": "true", "meta": {"x": "1"}}}}
    )
    asked = wanted({"properties": {"a": {"type": "keyword", "ignore_above": 9, "doc_values": True, "store": False}}})
    assert plan(found, asked).mappings == {
        "properties": {"a": {"type": "keyword", "ignore_above": 9, "doc_values": "true"}}
    }
    below = live({"properties": {"o": {"properties": {"x": {"type": "text"}, "y": {"type": "date"}}}}})
    more = {"x": {"type": "text", "fields": {"raw": {"type": "keyword"}}}, "y": {"type": "date"}}
    assert plan(below, wanted({"properties": {"o": {"properties": more}}})).mappings == {
        "properties": {"o": {"properties": {"x": {"type": "text", "fields": {"raw": {"type": "keyword"}}}}}}
    }


def put(found: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping after a put of another, as servers do it: own parameters replaced, what is below merged."""
    after = deepcopy(dict(found))
    for key, value in change.items():
        if key in ("properties", "fields"):
            below = after.setdefault(key, {})
            for name, field in value.items():
                old = below.get(name, {})
                own = {part: old[part] for part in ("properties", "fields") if part in old}
                below[name] = put(own, field)
        elif key == "runtime":
            kept = {**after.get(key, {}), **value}
            after[key] = {name: field for name, field in kept.items() if field is not None}
        else:
            after[key] = value
    return after


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_what_is_put_leaves_no_difference_in_place_and_nothing_besides(case: Path) -> None:
    there, asked, _, _ = load(case)
    found = LiveIndex("films-000001", there.mappings, {**SERVED, **there.settings}, {"films": {}})
    change = plan(found, asked, there)
    assert change.live == "films-000001"
    if change.kind < ChangeKind.REINDEX:
        settings = {**found.settings, **change.settings, **change.reopened}
        after = LiveIndex(
            found.name,
            put(found.mappings, change.mappings),
            {key: value for key, value in settings.items() if value is not None},
            {**found.aliases, **change.add_aliases},
        )
        assert plan(after, asked, there).is_nothing, "the second look has nothing to do"
        assert (change.target, change.inherited) == (None, {})
    else:
        assert change.target == "films-000002"
        assert change.inherited == {key: value for key, value in found.settings.items() if key in SERVED}
    paths = {difference.path for difference in change.differences}
    in_place = {path[1] for path in paths if path[0] == "mappings"}
    assert change.mappings.keys() <= in_place
    assert {("settings", key) for key in {*change.settings, *change.reopened}} <= paths


def test_a_fragment_that_says_nothing_of_reindexes_refuses_them_and_keeps_one_generation() -> None:
    assert Reindexing() == Reindexing("refuse", 0, -1, "", "", 1)
    assert not wanted().reopen
