"""Which changes of nodes, brokers and mode are refused - each case a file in sizes/."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.config.stack_file import Site
from bus.running.live import Answer, Live, Workload
from bus.running.sizes import judged

CASES = sorted((Path(__file__).parent / "sizes").glob("*.yaml"))
WORKLOADS = ("elasticsearch", "kafka", "zookeeper")


def workload(given: dict[str, Any]) -> Workload:
    return Workload(**{**given, "arguments": tuple(given.get("arguments", ()))})


def live_of(given: dict[str, Any]) -> Live:
    others = {key: value for key, value in given.items() if key not in (*WORKLOADS, "answers")}
    answers = {name: Answer(**answer) for name, answer in given.get("answers", {}).items()}
    workloads: dict[str, Any] = {key: workload(given[key]) for key in WORKLOADS if key in given}
    return Live(**workloads, answers=answers, **others)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_what_runs_becomes_what_is_wanted_or_is_refused(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    site = Site.model_validate({"namespace": "site", "odoo": {"database": "d"}, **given["wanted"]})
    found = judged(site, live_of(given["live"]))
    assert [(finding.key, finding.refused) for finding in found] == [(e["key"], e["refused"]) for e in given["expect"]]
    for finding, expected in zip(found, given["expect"], strict=True):
        block, _, key = finding.key.partition(".")
        assert finding.wanted == getattr(getattr(site, block), key)
        for part in expected["said"]:
            assert part in finding.said, finding.said
        for part in expected["remedy"]:
            assert part in finding.remedy, finding.remedy
