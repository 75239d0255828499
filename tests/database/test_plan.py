"""Live and wanted roles -> statements; each case a file in plans/."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.database import scram
from bus.database.plan import plan
from bus.database.roles import ATTRIBUTES, LiveRoles, Owned, Role, WantedRoles, from_text, to_text
from bus.database.sql import identifier, literal

CASES = sorted((Path(__file__).parent / "plans").glob("*.yaml"))


def role_of(text: str) -> Role:
    """rights, and: bootstrap, expires, password=..."""
    words = [word for word in text.split(", ") if word]
    password = next((word.removeprefix("password=") for word in words if word.startswith("password=")), None)
    marks = {"bootstrap", "expires"}
    rights = frozenset(word for word in words if word not in marks and not word.startswith("password="))
    verifier = None if password is None else scram.verifier(password)
    return Role(rights, verifier, "bootstrap" in words, "expires" in words)


def live_of(case: dict[str, Any]) -> LiveRoles:
    return LiveRoles(
        version=case.get("version", 170005),
        roles={name: role_of(text) for name, text in case["roles"].items()},
        databases=case["databases"],
        owned={
            name: tuple(Owned(*text.split(" ", 1)) for text in objects)
            for name, objects in case.get("owned", {}).items()
        },
        idle=case.get("idle", 0),
        busy=case.get("busy", 0),
        in_recovery=case.get("inRecovery", False),
    )


def wanted_of(case: dict[str, Any]) -> WantedRoles:
    roles = {name: from_text(text) for name, text in case["roles"].items()}
    return WantedRoles(case["user"], case["database"], roles, case["passwords"], tuple(case.get("gone", ())))


def hidden(statement: str) -> str:
    """A statement without its salt."""
    return re.sub(r"'SCRAM-SHA-256\$[^']*'", "<verifier>", statement)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_what_is_done(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    found = plan(live_of(given["live"]), wanted_of(given["wanted"]))
    assert [f"{step.database}: {hidden(step.statement)}" for step in found.steps] == given.get("steps", [])
    assert found.says == given.get("says", [])
    assert found.refused == given.get("refused", "")
    assert list(found.remarks) == given.get("remarks", [])


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_no_password_and_nothing_that_is_kept_of_one_is_shown(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    live, wanted = live_of(given["live"]), wanted_of(given["wanted"])
    found = plan(live, wanted)
    shown = " ".join([*found.says, found.refused, *found.remarks, repr(live), repr(wanted), repr(found)])
    assert "SCRAM-SHA-256$" not in shown
    assert not [password for password in wanted.passwords.values() if password in shown]
    assert not [one for one in wanted.passwords.values() for step in found.steps if one in step.statement]


def test_rights_are_written_with_attributes_first() -> None:
    rights = frozenset({*ATTRIBUTES, "pg_read_all_data", "a"})
    assert to_text(rights) == f"{', '.join(ATTRIBUTES)}, a, pg_read_all_data"
    assert from_text(to_text(rights)) == rights
    assert from_text("") == frozenset()


@pytest.mark.parametrize("name", ["odoo", 'o"; DROP ROLE x; --', "o'x", "a\\b", "é", "a:b", "x\ny"])
def test_names_and_texts_cannot_leave_their_quotes(name: str) -> None:
    for quoted, mark in ((identifier(name), '"'), (literal(name), "'")):
        assert quoted[0] == quoted[-1] == mark
        assert quoted[1:-1].replace(mark * 2, "").count(mark) == 0
    with pytest.raises(ValueError, match="zero byte"):
        identifier("a\0b")
