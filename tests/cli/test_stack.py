"""What verbs ask the pulumi CLI, spoken to a script in its place."""

import json
from pathlib import Path

import pytest

from bus.cli.engine import NoStack, project, pulumi
from bus.cli.stack import read_config


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a pulumi that notes its arguments, and answers with the file `answer` and the code in `code`."""
    script = tmp_path / "pulumi"
    script.write_text('#!/bin/sh\ncd "${0%/*}"\necho "$@" >asked\ncat answer\necho a reason >&2\nexit "$(cat code)"\n')
    script.chmod(0o755)
    (tmp_path / "answer").write_text("{}")
    (tmp_path / "code").write_text("0")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def asked(cli: Path) -> str:
    return (cli / "asked").read_text().strip()


def test_config_is_read_with_its_secrets_and_from_the_file_that_is_named(cli: Path) -> None:
    answer = {
        "bus:a": {"value": "1"},
        "bus:b": {"value": "x", "secret": True},
        "bus:c": {"value": "", "objectValue": [1]},
    }
    (cli / "answer").write_text(json.dumps(answer))
    assert read_config(cli, "prod", Path("/f.yaml")) == ({"bus:a": "1", "bus:b": "x", "bus:c": "[1]"}, {"bus:b"})
    assert asked(cli) == "config --json --show-secrets --stack prod --non-interactive --config-file /f.yaml"


def test_a_command_runs_in_its_folder_with_the_environment_that_it_needs(cli: Path) -> None:
    (cli / "pulumi").write_text('#!/bin/sh\necho "$PWD $PULUMI_SKIP_UPDATE_CHECK $OF_ITS_OWN $@"\nexit 3\n')
    done = pulumi(cli, "refresh", "--json", env={"OF_ITS_OWN": "yes"})
    assert (done.returncode, done.stdout) == (3, f"{cli} true yes refresh --json --non-interactive\n")


def test_what_pulumi_refuses_is_said_with_its_reason(cli: Path) -> None:
    (cli / "code").write_text("255")
    with pytest.raises(NoStack, match="stack prod cannot be read: a reason"):
        read_config(cli, "prod")


def test_no_pulumi_is_said_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoStack, match=r"not on PATH; in the sandbox: \. sandbox/env\.sh; or so$"):
        pulumi(tmp_path, "about", otherwise="; or so")


def test_a_verb_finds_its_project_from_a_folder_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "docs/adr").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "docs/adr")
    assert project() == tmp_path
    (tmp_path / "Pulumi.yaml").unlink()
    with pytest.raises(NoStack, match=r"neither .*/docs/adr nor a folder above it has a Pulumi\.yaml; run this in"):
        project()


def test_a_stack_file_is_named_from_where_the_shell_is(cli: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cli / "below").mkdir()
    monkeypatch.chdir(cli / "below")
    pulumi(cli, "about", config_file=Path("../mine.yaml"))
    assert asked(cli).endswith(f"--config-file {cli}/below/../mine.yaml")
