"""The pipelines of .gitlab-ci.yml: what runs when, for which stack, and that every command of theirs is there."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.cli.app import load

ROOT = Path(__file__).parents[1]
PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text())
JOBS = {name: job for name, job in PIPELINE.items() if isinstance(job, dict) and "script" in job}


def holds(condition: str, variables: dict[str, str]) -> bool:
    """A condition of GitLab's: variables, == and =~, joined by &&."""
    return all(_term(term.strip(), variables) for term in condition.split("&&"))


def _term(term: str, variables: dict[str, str]) -> bool:
    if found := re.fullmatch(r"\$(\w+)", term):
        return bool(variables.get(found[1]))
    if found := re.fullmatch(r'\$(\w+) == "([^"]*)"', term):
        return variables.get(found[1]) == found[2]
    found = re.fullmatch(r"\$(\w+) =~ /(.*)/", term)
    assert found, f"this test does not know the condition {term}"
    return re.search(found[2], variables.get(found[1], "")) is not None


def ran(**variables: str) -> tuple[str, list[str]]:
    """The stack and the jobs of a pipeline with these variables; none of both where GitLab makes no pipeline."""
    for rule in PIPELINE["workflow"]["rules"]:
        if holds(rule["if"], variables):
            if rule.get("when") == "never":
                return "", []
            stack = str(rule.get("variables", {}).get("BUS_STACK", "$BUS_STACK"))
            stack = variables.get(stack[1:], "") if stack.startswith("$") else stack
            jobs = [name for name, job in JOBS.items() if any(holds(one["if"], variables) for one in job["rules"])]
            return stack, jobs
    return "", []


PUSH, REQUEST, SCHEDULE = ({"CI_PIPELINE_SOURCE": source} for source in ("push", "merge_request_event", "schedule"))


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({**PUSH, "CI_COMMIT_BRANCH": "master"}, ("master", ["deploy"])),
        ({**PUSH, "CI_COMMIT_BRANCH": "recette"}, ("recette", ["deploy"])),
        ({**PUSH, "CI_COMMIT_TAG": "prod.v12"}, ("prod", ["deploy"])),
        ({**PUSH, "CI_COMMIT_BRANCH": "prod"}, ("", [])),
        ({**PUSH, "CI_COMMIT_BRANCH": "my-master"}, ("", [])),
        ({**PUSH, "CI_COMMIT_TAG": "v12"}, ("", [])),
        ({**REQUEST, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "prod"}, ("prod", ["preview"])),
        ({**REQUEST, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "feature"}, ("", [])),
        ({**SCHEDULE, "CI_COMMIT_BRANCH": "master", "BUS_STACK": "prod"}, ("prod", ["drift"])),
        ({**SCHEDULE, "CI_COMMIT_BRANCH": "master"}, ("", [])),
    ],
    ids=lambda given: "-".join(given.values()) if isinstance(given, dict) else "",
)
def test_what_runs_when(variables: dict[str, str], expected: tuple[str, list[str]]) -> None:
    assert ran(**variables) == expected


@pytest.mark.parametrize("job", JOBS)
def test_every_bus_command_is_one(job: str) -> None:
    lines = [line for line in JOBS[job]["script"] if line.startswith("bus ")]
    for line in lines:
        words = shlex.split(line.partition(">")[0])[1:]
        load(words[0]).make_context(words[0], words[1:])  # refuses an option that it does not have
    assert lines


def test_a_deployment_breaks_dead_locks_first_and_is_alone_on_its_stack() -> None:
    unlock, up = JOBS["deploy"]["script"]
    assert unlock.startswith("bus unlock ")
    assert up.startswith("pulumi up ")
    assert "--continue-on-error" in up
    assert JOBS["deploy"]["resource_group"] == "$BUS_STACK"
    assert JOBS["deploy"]["interruptible"] is False
    assert "runner_system_failure" in JOBS["deploy"]["retry"]["when"]


def test_every_stack_of_a_branch_has_its_file() -> None:
    stacks = {"master", "recette", "prod"}
    assert {path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml") if not path.is_symlink()} == stacks


def test_no_token_is_an_argument_of_a_process() -> None:
    for job in JOBS.values():
        for line in "\n".join(job["script"]).splitlines():
            assert "TOKEN" not in line or line.lstrip().startswith(("if [", "printf ", "#")), line
