"""The kind of every change, each case a file in cases/; tests/servers/indices/test_change_kinds.py proves them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.indices.diff.change_kinds import TABLE, ChangeKind
from bus.indices.diff.plan import LiveIndex, Reindexing, WantedIndex, plan

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
# In every answer of a server, declared or not.
ALWAYS = {"number_of_shards": "1", "number_of_replicas": "1"}


def load(case: Path) -> tuple[WantedIndex, WantedIndex, ChangeKind, str]:
    """What is there, what is wanted, the class of the change, and what a server does when it is simply put."""
    given = yaml.safe_load(case.read_text())
    kind = ChangeKind[given["class"].upper()]
    silent = "refuses" if kind >= ChangeKind.REINDEX else "takes"
    return _index(given["live"]), _index(given["wanted"]), kind, given.get("server", silent)


def _index(given: dict[str, Any]) -> WantedIndex:
    allowed = Reindexing(mode="block")
    return WantedIndex("films", given.get("mappings", {}), given.get("settings", {}), {}, allowed, reopen=True)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_class_of_a_change(case: Path) -> None:
    there, wanted, kind, _ = load(case)
    live = LiveIndex("films-000001", there.mappings, {**ALWAYS, **there.settings}, {"films": {}})
    change = plan(live, wanted, there)
    assert change.kind is kind, [str(difference) for difference in change.differences]
    assert change.is_nothing == (kind is ChangeKind.NOTHING)
    assert bool(change.refused) == (kind is ChangeKind.IMPOSSIBLE)
    assert bool(change.target) == (kind >= ChangeKind.REINDEX)


def test_every_row_of_the_table_has_a_case() -> None:
    """A row that no case reaches is a claim that no server was asked about."""
    reached = set()
    for case in CASES:
        there, wanted, _, _ = load(case)
        live = LiveIndex("films-000001", there.mappings, {**ALWAYS, **there.settings}, {"films": {}})
        reached |= {difference.rule for difference in plan(live, wanted, there).differences}
    rows = [row for rows in TABLE.values() for row in rows if row.kind is not ChangeKind.NOTHING]
    assert [row.what for row in rows if row not in reached] == ["*"], "the mapping's last row is for parts yet unknown"
