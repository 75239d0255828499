"""What verbs ask the pulumi CLI, spoken to a script in its place."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bus.cli.engine import StackError, project, pulumi
from bus.cli.stack import Stack, read_config
from bus.cluster.access import Cluster, Unreachable
from bus.errors import InvalidInput
from tests.support.stacks import load_stack

ROOT = Path(__file__).parents[2]


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
    assert read_config(cli, "prod", cli / "answer") == ({"bus:a": "1", "bus:b": "x", "bus:c": "[1]"}, {"bus:b"})
    assert asked(cli) == f"config --json --show-secrets --stack prod --non-interactive --config-file {cli}/answer"


def test_a_command_runs_in_its_folder_with_the_environment_that_it_needs(cli: Path) -> None:
    (cli / "pulumi").write_text('#!/bin/sh\necho "$PWD $PULUMI_SKIP_UPDATE_CHECK $OF_ITS_OWN $@"\nexit 3\n')
    done = pulumi(cli, "refresh", "--json", env={"OF_ITS_OWN": "yes"})
    assert (done.returncode, done.stdout) == (3, f"{cli} true yes refresh --json --non-interactive\n")


def test_what_a_command_leaves_in_its_temporary_folder_is_gone(cli: Path) -> None:
    (cli / "pulumi").write_text('#!/bin/sh\necho the key >"$TMPDIR/kubeconfig1" && echo "$TMPDIR"\n')
    done = pulumi(cli, "preview")
    assert done.returncode == 0
    assert not Path(done.stdout.strip()).exists()


def test_what_pulumi_refuses_is_said_with_its_reason(cli: Path) -> None:
    (cli / "code").write_text("255")
    with pytest.raises(StackError, match="stack prod cannot be read: a reason"):
        read_config(cli, "prod")


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("error: incorrect passphrase", "PULUMI_CONFIG_PASSPHRASE, or the file"),
        ("error: no stack named 'prod' found", "pulumi stack ls shows those"),
        (
            "error: unexpected end of JSON input",
            "the disk of a state backend in a folder was full: make room, then find",
        ),
        ("error: PULUMI_ACCESS_TOKEN must be set for login", "no state backend is named: set PULUMI_BACKEND_URL"),
    ],
)
def test_what_pulumi_says_without_a_way_out_is_given_one(cli: Path, said: str, remedy: str) -> None:
    (cli / "pulumi").write_text(f'#!/bin/sh\necho "{said}" >&2\nexit 255\n')
    with pytest.raises(StackError, match=f"stack prod cannot be read: {said}; {remedy}"):
        read_config(cli, "prod")


def test_a_checkout_without_packages_says_how_to_have_them(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin/bus"
    command.write_bytes((ROOT / "bin/bus").read_bytes())
    for python in ("exit 1", "exit 127"):  # too old or without packages; not there
        (tmp_path / "python3").write_text(f"#!/bin/sh\n{python}\n")
        (tmp_path / "python3").chmod(0o755)
        env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        done = subprocess.run(["sh", command, "drift"], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert f"-m venv '{tmp_path}/.venv'" in done.stderr
        assert "Traceback" not in done.stderr


def test_no_pulumi_is_said_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match=r"not on PATH; in the sandbox: \. sandbox/env\.sh; or so$"):
        pulumi(tmp_path, "about", otherwise="; or so")


def test_a_verb_finds_its_project_from_a_folder_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "docs/adr").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "docs/adr")
    assert project() == tmp_path
    (tmp_path / "Pulumi.yaml").unlink()
    with pytest.raises(StackError, match=r"neither .*/docs/adr nor a folder above it has a Pulumi\.yaml; run this in"):
        project()


def test_a_stack_file_is_named_from_where_the_shell_is(cli: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cli / "below").mkdir()
    monkeypatch.chdir(cli / "below")
    (cli / "mine.yaml").touch()
    pulumi(cli, "about", config_file=Path("../mine.yaml"))
    assert asked(cli).endswith(f"--config-file {cli}/below/../mine.yaml")


def test_each_cluster_that_does_not_answer_is_said_with_its_site(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(cluster: Cluster) -> None:
        if cluster.context != "there":
            raise Unreachable(f"context {cluster.context}: no")

    monkeypatch.setattr("bus.cluster.reachable.check_reachable", asked)
    loaded = load_stack("prod")
    sites = {"central": "there", "cinecity": "gone", "kone": "lost"}
    content = loaded.stack_file.sites["cinecity"]
    changed = {site: content.model_copy(update={"context": context}) for site, context in sites.items()}
    plan = SimpleNamespace(sites=changed, settings=loaded, cluster=lambda site, _: Cluster(context=sites[site]))
    stack = Stack(cast(Any, plan), {})
    assert stack.reached("central") == {"central": Cluster(context="there")}
    with pytest.raises(InvalidInput) as refused:
        stack.reached()
    said = [str(problem).partition("; ")[0] for problem in refused.value.problems]
    assert said == [
        f"Pulumi.prod.yaml: bus:sites.{site}: the cluster of {site} cannot be reached: context {context}: no"
        for site, context in (("cinecity", "gone"), ("kone", "lost"))
    ]
    with pytest.raises(StackError, match="stack prod has no site noumea; sites: central, cinecity, kone"):
        stack.reached("noumea")


def test_a_stack_file_that_is_not_there_is_said(cli: Path) -> None:
    """Pulumi takes it for an empty one."""
    with pytest.raises(StackError, match=r"stack file .*/mine\.yaml is not there"):
        pulumi(cli, "config", config_file=cli / "mine.yaml")
