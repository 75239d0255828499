"""What a change to an index does - each case a file in plans/ - what a refresh sees, and when one may be deleted."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.indices.diff.drift import seen
from bus.indices.diff.plan import LiveIndex, WantedIndex, plan
from bus.plan.deletion_policy import removal

CASES = sorted((Path(__file__).parent / "plans").glob("*.yaml"))


def wanted(given: dict[str, Any]) -> WantedIndex:
    return WantedIndex("films", given["mappings"], given["settings"], given["aliases"])


def live_index(given: dict[str, Any]) -> LiveIndex:
    return LiveIndex(given["name"], given["mappings"], given["settings"], given["aliases"])


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_change_from_live_to_wanted(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    live = live_index(given["live"]) if given["live"] else None
    before = wanted(given["before"]) if "before" in given else None
    change, expect = plan(live, wanted(given["wanted"]), before), given["expect"]
    assert change.create == expect.get("create", False)
    assert dict(change.mappings) == expect.get("mappings", {})
    assert dict(change.settings) == expect.get("settings", {})
    assert dict(change.add_aliases) == expect.get("addAliases", {})
    assert list(change.remove_aliases) == expect.get("removeAliases", [])
    assert change.refused.keys() == expect.get("refused", {}).keys()
    for key, parts in expect.get("refused", {}).items():
        assert all(part in change.refused[key] for part in parts), change.refused[key]
    assert change.is_nothing == (not expect)


def untouched_by_others(case: Path) -> bool:
    """What others added is no change of ours, but a refresh shows it."""
    given = yaml.safe_load(case.read_text())
    by_others = "before" in given or "by_hand" in str(given["live"])
    return not given["expect"] and not by_others and "refresh_interval" not in given["live"]["settings"]


@pytest.mark.parametrize("case", [case for case in CASES if untouched_by_others(case)], ids=lambda path: path.stem)
def test_a_refresh_shows_no_drift_where_a_plan_shows_no_change(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    declared = wanted(given["wanted"])
    assert seen(live_index(given["live"]), declared) == declared


@pytest.mark.parametrize(
    ("live", "differs"),
    [
        ({"mappings": {"properties": {"a": {"type": "text"}}}}, "mappings"),
        ({"mappings": {"properties": {"a": {"type": "keyword", "ignore_above": 5}}}}, "mappings"),
        ({"mappings": {"properties": {}}}, "mappings"),
        ({"settings": {"refresh_interval": "9s"}}, "settings"),
        ({"settings": {}}, "settings"),
        ({"settings": {"refresh_interval": "1s", "blocks.write": "true"}}, "settings"),
        ({"settings": {"refresh_interval": "1s", "verified_before_close": "true"}}, "settings"),
        ({"aliases": {"films": {}}}, "aliases"),
        ({"aliases": {"films": {}, "catalogue": {}, "other": {}}}, "aliases"),
    ],
)
def test_a_refresh_shows_what_was_changed_by_hand(live: dict[str, Any], differs: str) -> None:
    base: dict[str, Any] = {
        "mappings": {"properties": {"a": {"type": "keyword"}}},
        "settings": {"refresh_interval": "1s"},
        "aliases": {"films": {}, "catalogue": {}},
    }
    declared = WantedIndex("films", base["mappings"], base["settings"], {"catalogue": {}})
    found = seen(LiveIndex("films-000001", **{**base, **live}), declared)
    assert getattr(found, differs) != getattr(declared, differs)


@pytest.mark.parametrize(
    ("created", "confirmed", "documents", "deleted", "said"),
    [
        (["films"], [], 0, True, "created by this stack, and empty"),
        (
            ["films"],
            [],
            5,
            False,
            "still holds 5 documents; to delete it with its data, add films to bus:confirmDelete",
        ),
        ([], [], 0, False, "was not created by this stack"),
        ([], ["films"], 5, True, "5 documents; confirmed"),
        (["films"], ["films"], None, False, ""),
    ],
)
def test_an_index_is_deleted_only_behind_its_guard(
    created: list[str], confirmed: list[str], documents: int | None, deleted: bool, said: str
) -> None:
    decision = removal("films", created, confirmed, documents, unit="documents", block="indices")
    assert decision.delete == deleted
    assert decision.reason.startswith(said)
