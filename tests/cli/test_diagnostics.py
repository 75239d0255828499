"""A refusal that `bus preview` meets is read in a log, and not searched in pulumi's JSON."""

import json

from bus.cli.diagnostics import errors

REFUSED = "error: bus:TopicSet resource 'central-topics' has a problem: notifications: partitions 6 -> 3\n"


def diagnostic(message: str, severity: str = "error", urn: str = "") -> dict[str, str]:
    return {"urn": urn, "message": message, "severity": severity}


def test_errors_of_a_preview_are_lines_by_resource_and_nothing_else() -> None:
    several = [
        diagnostic("central: release centralbase changes", "info"),
        diagnostic(REFUSED, urn="urn:pulumi:prod::bus::bus:index:Bus$x::central-topics"),
        diagnostic(REFUSED),
        diagnostic("<{%reset%}>2 problems, nothing was touched<{%reset%}>\n", urn="urn:pulumi:prod::bus::x::bus-prod"),
    ]
    document = json.dumps({"steps": [{"a": "long " * 5000}], "diagnostics": several}, indent=4)
    assert errors(document, "warning: passed over").splitlines() == [
        "  central-topics: notifications: partitions 6 -> 3",
        "  bus-prod: 2 problems, nothing was touched",
    ]


def test_errors_of_a_refresh_are_found_among_its_events() -> None:
    events = [{"preludeEvent": {}}, {"diagnosticEvent": diagnostic("error: no answer")}, {"summaryEvent": {}}]
    stdout = "\n".join(["Refreshing (s):", *map(json.dumps, events)])
    assert errors(stdout, "") == "  no answer"


def test_what_is_no_json_is_shown_as_it_is() -> None:
    assert errors("", "error: the stack is currently locked by 1 lock(s)\n") == (
        "error: the stack is currently locked by 1 lock(s)"
    )
    assert errors("[1]", "broken") == "[1]broken"
