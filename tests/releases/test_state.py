"""The state of a release and what is done about it: each case a file in cases/."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.releases.recovery.state import MARK, Act, Revision, WantedRelease, decide, description, state_of

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
WANTED = WantedRelease("centralbase", "hickson-base", timedelta(seconds=900))
FRESH = f"{MARK}2026-11-24T22:30:00Z"


def record(given: dict[str, Any]) -> Revision:
    ago = given["secondsAgo"]
    return Revision(
        release=WANTED.release,
        revision=given["revision"],
        status=given["status"],
        secret=f"sh.helm.release.v1.{WANTED.release}.v{given['revision']}",
        chart=given["chart"],
        chart_version=given["version"],
        description=given.get("description", ""),
        since=None if ago is None else NOW - timedelta(seconds=ago),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_state_and_act(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    records, expect = [record(one) for one in given["records"]], given["expect"]
    upgrade, install = (decide(records, WANTED, NOW, known=known) for known in (True, False))
    assert state_of(records, WANTED, NOW) == upgrade.state == install.state == expect["state"]
    assert (upgrade.act, install.act) == (expect["upgrade"], expect["install"])
    for said in expect.get("says", []):
        assert said in upgrade.reason + install.reason
    said = description(records, WANTED, NOW)
    assert (said != FRESH) == expect["keepsDescription"]
    assert said.startswith(MARK)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_every_act_ends_where_helm_goes_on(case: Path) -> None:
    """The acts played on the records, as bus.releases.recovery.prepare does them; two rounds are enough."""
    given = yaml.safe_load(case.read_text())
    for known in (True, False):
        records = [record(one) for one in given["records"]]
        ended = None
        for _ in range(3):
            ended = decide(records, WANTED, NOW, known=known)
            records = played(records, ended)
        assert ended is not None
        assert ended.act in (Act.NOTHING, Act.REFUSE, Act.WAIT)
        if ended.act is Act.NOTHING:
            assert helm_goes_on(records, upgrade=known)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_nothing_that_ran_is_uninstalled(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    records = [record(one) for one in given["records"]]
    for known in (True, False):
        if decide(records, WANTED, NOW, known=known).act is Act.UNINSTALL:
            assert not [one for one in records if one.finished]
            assert min(one.revision for one in records) == 1


def played(records: list[Revision], decision: Any) -> list[Revision]:
    newest = decision.record
    match decision.act:
        case Act.UNINSTALL:
            return []
        case Act.PLANT:
            said = "taken over by bus, was without records"
            return [Revision(WANTED.release, 1, "failed", "v1", WANTED.chart, "0.0.0", said, NOW)]
        case Act.REBASE:
            older = [replace(one, status="superseded") if one.status == "deployed" else one for one in records]
            return [one for one in older if one.revision != newest.revision] + [replace(newest, status="failed")]
        case Act.MARK_FAILED | Act.TAKE_OVER:
            said = f"taken over by bus, was {newest.status}" if decision.act is Act.TAKE_OVER else "unlocked by bus"
            return [one for one in records if one != newest] + [replace(newest, status="failed", description=said)]
        case _:
            return records


def helm_goes_on(records: list[Revision], *, upgrade: bool) -> bool:
    """Helm's own conditions, of Upgrade.prepareUpgrade and Install.availableName (with replace)."""
    if not records:
        return not upgrade
    newest = max(records, key=lambda one: one.revision)
    if not upgrade:
        return newest.status in ("failed", "uninstalled")
    deployed = any(one.status == "deployed" for one in records)
    return not newest.status.startswith("pending") and (deployed or newest.status in ("failed", "superseded"))
