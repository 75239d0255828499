"""`bus add-complexe`: what it writes, and what it refuses to write."""

import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bus.cli.app import app
from bus.cli.engine import NoStack
from bus.errors import Refused

ROOT = Path(__file__).parents[2]
CODE = ("--cinema-code", "K-N")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("charts", "values"):
        (tmp_path / name).symlink_to(ROOT / name)
    for file in ROOT.glob("Pulumi*.yaml"):
        shutil.copy(file, tmp_path / file.name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["add-complexe", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_complexe_is_made_like_the_one_that_is_there(project: Path) -> None:
    before = (project / "Pulumi.master.yaml").read_text()
    said = run("kone", "--stack", "master", *CODE)
    after = (project / "Pulumi.master.yaml").read_text()
    sites = yaml.safe_load(after)["config"]["bus:sites"]
    assert sites["kone"] == {
        **{key: sites["cinecity"][key] for key in ("kafka", "postgres", "mirror", "enable")},
        "namespace": "hicksonkone-deploy",
        "odoo": {"database": "complexe-kone"},
        "cinemaCode": "K-N",
        "slotName": "debezium_kone",
    }
    assert [line for line in before.splitlines() if line not in after.splitlines()] == [], "another line was changed"
    assert "pulumi config set --secret bus:kone.odoo.password --stack master" in said


def test_what_the_options_name_wins(project: Path) -> None:
    run("kone", "--stack", "prod", *CODE, "--namespace", "n", "--database", "d", "--slot-name", "s", "--context", "k")
    kone = yaml.safe_load((project / "Pulumi.prod.yaml").read_text())["config"]["bus:sites"]["kone"]
    assert [kone[key] for key in ("namespace", "odoo", "slotName", "context")] == ["n", {"database": "d"}, "s", "k"]
    assert "mirrorBootstrapServers" not in kone["kafka"], "brokers of another cinema"


def test_secrets_of_a_registry_of_its_own_are_taken_as_they_are(project: Path) -> None:
    file = project / "Pulumi.prod.yaml"
    content = yaml.safe_load(file.read_text())
    config = content["config"]
    config["bus:delivery"]["hostedBy"] = "central"
    config["bus:sites"]["central"]["enable"] = ["docker-registry"]
    keys = ("delivery.username", "delivery.password", "central.docker-registry.htpasswd")
    config |= {f"bus:{key}": {"secure": "v1:x"} for key in keys}
    file.write_text(yaml.safe_dump(content))
    run("kone", "--stack", "prod", *CODE, "--namespace", "n")
    assert "kone" in yaml.safe_load(file.read_text())["config"]["bus:sites"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("kone", "--stack", "prod", *CODE, "--slot-name", "debezium_cinecity"), "slotName"),
        (("kone", "--stack", "prod", *CODE, "--namespace", "Kone"), "DNS label"),
    ],
)
def test_what_a_deployment_would_refuse_is_not_written(project: Path, arguments: tuple[str, ...], said: str) -> None:
    before = (project / "Pulumi.prod.yaml").read_text()
    with pytest.raises(Refused, match=said):
        CliRunner().invoke(app, ["add-complexe", *arguments], catch_exceptions=False)
    assert (project / "Pulumi.prod.yaml").read_text() == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("config: [\n", "Pulumi.master.yaml: line 2: is not YAML: "),
        ("", "Pulumi.master.yaml has no sites below config and bus:sites"),
        ("config:\n  bus:sites:\n", "Pulumi.master.yaml has no sites below config and bus:sites"),
        ("a: 1\na: 2\n", "Pulumi.master.yaml: line 2: is not YAML: found duplicate key"),
    ],
)
def test_a_stack_file_that_cannot_be_changed_is_said(project: Path, content: str, said: str) -> None:
    (project / "Pulumi.master.yaml").write_text(content)
    with pytest.raises(NoStack) as refused:
        run("kone", "--stack", "master", *CODE)
    assert str(refused.value).startswith(said)
    assert (project / "Pulumi.master.yaml").read_text() == content


def test_line_ends_stay_as_they_are(project: Path) -> None:
    file = project / "Pulumi.master.yaml"
    before = file.read_bytes().replace(b"\n", b"\r\n")
    file.write_bytes(before)
    run("kone", "--stack", "master", *CODE)
    after = file.read_bytes()
    assert after.count(b"\n") == after.count(b"\r\n") > before.count(b"\r\n")
    assert set(before.splitlines()) <= set(after.splitlines())


def test_a_cinema_is_added_once(project: Path) -> None:
    with pytest.raises(Refused, match=r"sites\.kone\.cinemaCode = 'N-M': is used by more than one site"):
        run("kone", "--stack", "master", "--cinema-code", "N-M")
