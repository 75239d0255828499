"""The kind of every change, each case a file in cases/; tests/servers/indices/test_change_kinds.py proves them."""

from pathlib import Path

import pytest

from bus.indices.diff.change_kinds import TABLE, ChangeKind
from bus.indices.diff.plan import LiveIndex, plan
from tests.support.index_cases import CASES, load

# In every answer of a server, declared or not.
ALWAYS = {"number_of_shards": "1", "number_of_replicas": "1"}


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
