"""How an error ends a verb: what a user can mend is one message, anything else a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bus.bundle.archive import BadBundle
from bus.cli import app
from bus.cli.engine import ConfigFile, StackError, StackName
from bus.cli.promote import NotPromoted
from bus.cluster.access import Unreachable
from bus.errors import InvalidInput, PartialFailure, Problem
from bus.git import GitFailed
from bus.images.promotion.deployed import NotDeployed
from bus.images.promotion.pins import ImagePinError
from bus.images.registry.client import MissingImage, RegistryError
from bus.images.registry.credentials import BadCredentials
from bus.releases.render.rendering import NoHelm

ROOT = Path(__file__).parents[2]
MENDABLE = [
    InvalidInput([Problem("f.yml", "a", 1, "must be 2")]),
    PartialFailure({"t": "the reason"}),
    NotPromoted("not promoted", ["the reason"]),
    *(
        kind("the reason")
        for kind in (Unreachable, BadBundle, StackError, GitFailed, BadCredentials, NotDeployed, ImagePinError)
    ),
    *(kind("the reason") for kind in (RegistryError, MissingImage, NoHelm)),
]


def end_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def verb(prog_name: str) -> None:
        assert prog_name == "bus"
        raise error

    monkeypatch.setattr(app, "app", verb)
    app.main()


@pytest.mark.parametrize("error", MENDABLE, ids=lambda error: type(error).__name__)
def test_what_a_user_can_mend_is_one_message(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        end_with(error, monkeypatch)
    assert ended.value.code == 1
    assert capsys.readouterr() == ("", f"{error}\n")


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError):
        end_with(KeyError("name"), monkeypatch)


@pytest.mark.parametrize("name", app.VERBS)
def test_the_list_of_verbs_says_what_each_says_of_itself(name: str) -> None:
    assert (app.load(name).help or "").splitlines()[0] == app.VERBS[name][1]


def test_help_imports_no_verb() -> None:
    """All of them together take over a second."""
    code = (
        "import sys; from typer.testing import CliRunner; from bus.cli.app import app; "
        "assert 'set-image' in CliRunner().invoke(app, ['--help']).output; "
        "print(sorted(name for name in sys.modules if name.startswith('bus.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "['bus.cli', 'bus.cli.app', 'bus.errors']\n"


def test_unlocking_reads_no_plan_and_no_cluster() -> None:
    code = "import sys, bus.cli.unlock; print({'kr8s', 'jsonschema', 'bus.plan.build'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("arguments", "variable", "expected"),
    [
        (["--stack", "local"], "/cache/Pulumi.local.yaml", "/cache/Pulumi.local.yaml"),
        (["--stack", "organization/bus/local"], "/cache/Pulumi.local.yaml", "/cache/Pulumi.local.yaml"),
        (["--stack", "prod"], "/cache/Pulumi.local.yaml", None),
        (["--stack", "prod"], "/cache/mine.yaml", "/cache/mine.yaml"),
        (["--stack", "prod"], "", None),
        (["--config-file", "Pulumi.local.yaml", "--stack", "prod"], "/cache/Pulumi.x.yaml", "Pulumi.local.yaml"),
    ],
)
def test_the_variable_of_one_stack_says_nothing_of_another(
    arguments: list[str], variable: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Path | None] = []
    verb = typer.Typer()

    @verb.command()
    def take(stack: StackName, config_file: ConfigFile = None) -> None:
        taken.append(config_file)

    monkeypatch.setenv("BUS_CONFIG_FILE", variable)
    result = CliRunner().invoke(verb, arguments, catch_exceptions=False)
    assert (result.exit_code, taken) == (0, [Path(expected) if expected else None])
