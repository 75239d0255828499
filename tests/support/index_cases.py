"""The cases of changes to an index."""

from pathlib import Path
from typing import Any

import yaml

from bus.indices.diff.change_kinds import ChangeKind
from bus.indices.diff.plan import Reindexing, WantedIndex

CASES = sorted((Path(__file__).parents[1] / "indices/cases").glob("*.yaml"))


def load(case: Path) -> tuple[WantedIndex, WantedIndex, ChangeKind, str]:
    """What is there, what is wanted, the class of the change, and what a server does when it is simply put."""
    given = yaml.safe_load(case.read_text())
    kind = ChangeKind[given["class"].upper()]
    silent = "refuses" if kind >= ChangeKind.REINDEX else "takes"
    return _index(given["live"]), _index(given["wanted"]), kind, given.get("server", silent)


def _index(given: dict[str, Any]) -> WantedIndex:
    allowed = Reindexing(mode="block")
    return WantedIndex("films", given.get("mappings", {}), given.get("settings", {}), {}, allowed, reopen=True)
