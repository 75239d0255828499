"""Why objects are not ready, each case a file in unready/; and the report that is made of it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.releases.failure.report import written
from bus.releases.failure.unready import Finding, judge, last_events

CASES = sorted((Path(__file__).parent / "unready").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_reason_and_remedy(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    parts = [given.get(part, []) for part in ("workloads", "pods", "claims", "events")]
    findings, expect = judge(*parts), given["expect"]
    assert [finding.object for finding in findings] == [wanted["object"] for wanted in expect]
    for finding, wanted in zip(findings, expect, strict=True):
        assert all(part in finding.reason for part in wanted["says"]), finding.reason
        assert wanted["toDo"] in finding.remedy
        assert finding.container == wanted.get("container", "")
        assert finding.crashed == wanted.get("crashed", False)


def event(reason: str, when: str, kind: str = "Warning", name: str = "api-1") -> dict[str, Any]:
    about = {"kind": "Pod", "name": name}
    return {
        "involvedObject": about,
        "type": kind,
        "reason": reason,
        "message": f"{reason}\n now",
        "lastTimestamp": when,
    }


def test_the_newest_warnings_are_said_and_ordinary_events_only_without_any() -> None:
    events = [
        event("C", "3"),
        event("A", "1"),
        event("Pulled", "4", "Normal"),
        event("B", "2"),
        event("X", "9", name="o"),
    ]
    assert last_events("Pod/api-1", events, 2) == ["B: B now", "C: C now"]
    assert last_events("Pod/api-1", [event("Pulled", "4", "Normal")]) == ["Pulled: Pulled now"]


def test_the_report_has_reason_remedy_events_and_log() -> None:
    finding = Finding("Pod/api-1", "container api ended with exit code 1, 5 times", "its log says why", "api", True)
    text = written("site", "central", [finding], [event("BackOff", "1")], {"Pod/api-1": ["no such broker"]})
    assert text.splitlines() == [
        "release central in site: 1 of its objects are not ready, and why:",
        "  Pod/api-1: container api ended with exit code 1, 5 times",
        "    to do: its log says why",
        "    event: BackOff: BackOff now",
        "    log of api, before it was restarted:",
        "      no such broker",
    ]


def test_a_long_report_is_cut_and_says_so() -> None:
    findings = [Finding(f"Pod/api-{number}", f"reason {number}", "remedy") for number in range(14)]
    assert written("site", "central", findings, [], {}).splitlines()[-1] == "  and 4 more: kubectl get pods -n site"


def test_a_release_that_got_ready_meanwhile_says_what_to_do() -> None:
    assert "run pulumi up again" in written("site", "central", [], [], {})
