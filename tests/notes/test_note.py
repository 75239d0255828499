"""What a reviewer reads of a preview, composed from what the engine says; each case a file in cases/."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.notes.diagnostics import messages
from bus.notes.note import Preview, markdown, text
from bus.notes.steps import is_change, lines
from bus.releases.compare.changes import HIDDEN, FieldChange, ObjectChange
from bus.releases.compare.preview import ReleasePreview

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
SITES = ("central", "cinecity", "kone")
IMAGE = FieldChange("spec.template.spec.containers[api].image", "r/api:1", "r/api:2")
BRICKS = ReleasePreview(
    "central",
    "central",
    False,
    (
        ObjectChange("Deployment/api", "changed", (IMAGE, FieldChange("data.password", HIDDEN, HIDDEN))),
        ObjectChange("Deployment/jobs", "restarted"),
        ObjectChange("Service/old", "removed"),
    ),
)


def composed(document: dict[str, Any], releases: list[ReleasePreview], sites: tuple[str, ...] = SITES) -> Preview:
    """As `bus preview` composes it from `pulumi preview --json`."""
    steps = [one for one in document.get("steps") or [] if is_change(one)]
    warnings, said = messages(document.get("diagnostics") or [])
    sets, others = lines(steps, sites, {(f"n-{one.site}", one.release) for one in releases}, warnings)
    return Preview("prod", "abc", "", sites, releases, warnings, said, sets, others, len(steps))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_each_step_and_each_warning_is_read(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    preview = composed(given, [], tuple(given.get("sites", SITES)))
    said = markdown(preview).splitlines()
    assert said[0] == "**bus preview** of stack `prod`, commit `abc`"
    assert [line for line in said[1:] if line] == given["expect"]
    plain = text(preview)
    assert all(word in plain for word in given.get("words", ()))


def test_nothing_changes_only_where_the_engine_says_so() -> None:
    same = {"steps": [{"op": "same", "urn": "a::b::c::bus-prod"}]}
    assert "Nothing changes." in markdown(composed(same, []))
    assert text(composed(same, [])) == "nothing changes\n"
    unknown = {
        "steps": [{"op": "update", "urn": "urn:pulumi:prod::bus::x:y:Z::what-is-this", "newState": {"type": "x:y:Z"}}]
    }
    assert "Nothing changes" not in markdown(composed(unknown, []))
    assert "- `~ Z what-is-this changes: no value that can be shown`" in markdown(composed(unknown, []))
    assert "Nothing changes" not in markdown(composed({}, [BRICKS]))


def test_a_warning_stands_in_a_note_without_changes() -> None:
    kept = {"severity": "info#err", "message": "warning: topic a of kone is kept: its fragment is gone\n"}
    said = markdown(composed({"diagnostics": [kept]}, []))
    assert "Nothing changes." in said and "- `topic a of the site is kept: its fragment is gone` `at kone`" in said


def test_the_table_comes_first_and_details_are_folded() -> None:
    found = markdown(composed({}, [BRICKS])).splitlines()
    assert found[2:5] == [
        "| site | release | added | changed | removed | restarted | images |",
        "|---|---|---|---|---|---|---|",
        "| `central` | `central` | 0 | 1 | 1 | 2 | `r/api:1 -> r/api:2` |",
    ]
    details = "<details><summary><code>central: central - 1 changed, 1 removed, 2 restarted</code></summary>"
    assert found.index(details) > 5
    assert "~ Deployment/api (its pods restart)" in found


def test_a_note_stays_below_the_limit_and_says_what_it_lacks() -> None:
    many = [ObjectChange(f"Deployment/api-{n}", "changed", (IMAGE,)) for n in range(500)]
    found = [ReleasePreview(site, "bricks", True, tuple(many)) for site in SITES]
    said = markdown(Preview("prod", sites=SITES, releases=found), limit=60_000)
    assert len(said) < 60_000
    assert said.count("| `bricks` (new) |") == 3
    assert "This note would be too long: 2 part(s) of it are left out" in said
    topics = "".join(markdown(composed({"diagnostics": [warning(n) for n in range(9000)]}, found), limit=60_000))
    assert len(topics) < 60_000


def warning(number: int) -> dict[str, str]:
    return {"severity": "warning", "message": f"warning: number {number} of many"}


def test_a_release_without_objects_is_a_row_and_no_more() -> None:
    said = markdown(Preview("prod", releases=[ReleasePreview("central", "kafka-notif", False)]))
    assert "| `central` | `kafka-notif` | 0 | 0 | 0 | 0 |  |" in said and "<details>" not in said


def test_what_the_cluster_says_of_a_release_is_not_said_twice() -> None:
    from bus.releases.compare.refusals import Refusal, Verdicts

    one = ReleasePreview("central", "r", False, verdicts=Verdicts([Refusal("Job/r", "immutable", "delete it")], []))
    program = {
        "severity": "warning",
        "message": "central: release r:\n  Job/r would be refused by the API server: immutable\n    to do: delete it",
    }
    said = markdown(composed({"diagnostics": [program]}, [one]))
    assert said.count("Job/r would be refused") == 1


def test_no_value_of_a_secret_is_in_a_note() -> None:
    urn = "urn:pulumi:prod::bus::kubernetes:core/v1:Secret::central-base-secret"
    states = [
        {"type": "kubernetes:core/v1:Secret", "inputs": {"stringData": {"odoo.password": value}}} for value in "xy"
    ]
    step = {"op": "update", "urn": urn, "oldState": states[0], "newState": states[1], "diffReasons": ["stringData"]}
    said = markdown(composed({"steps": [step]}, []))
    assert "stringData.odoo.password (hidden); every pod that reads it restarts" in said
    assert json.dumps("x") not in said and json.dumps("y") not in said
