""".pre-commit-config.yaml runs what `make check` runs, with local programs."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.checks import CHARTS, FAST, fast, shell_syntax

ROOT = Path(__file__).parents[2]


def hooks() -> dict[str, dict[str, Any]]:
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    return {hook["name"]: hook for hook in repositories[0]["hooks"]}


def test_each_check_is_a_hook_in_the_same_order() -> None:
    assert [step.name for step in fast()] + ["charts"] == list(hooks())


@pytest.mark.parametrize("name", FAST)
def test_a_hook_runs_the_command_of_its_check(name: str) -> None:
    program, *arguments = shlex.split(hooks()[name]["entry"])
    assert (program.removeprefix(".venv/bin/"), *arguments) == FAST[name][0]


def test_the_hook_of_the_charts_runs_them_with_the_built_helm() -> None:
    assert shlex.split(hooks()["charts"]["entry"])[-1] == f". sandbox/env.sh && .venv/bin/{shlex.join(CHARTS)}"


def test_every_script_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`bash -n a b` parses a alone."""
    for name in ("a.sh", "b.sh"):
        (tmp_path / name).write_text("true\n")
    monkeypatch.setattr("sandbox.checks.CLUSTER", tmp_path)
    shell_syntax()
    (tmp_path / "b.sh").write_text("if true\n")
    with pytest.raises(Exception, match=r"b\.sh"):
        shell_syntax()
