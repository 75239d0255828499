"""`bus add-complexe`: what it writes, and what it refuses to write."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from typer.testing import CliRunner

from bus.cli import add_complexe
from bus.cli.app import app
from bus.cli.engine import StackError
from bus.config.new_complexe import OWN, OWN_BELOW, SHARED, SHARED_BELOW, NotAdded
from bus.config.stack_file import Elasticsearch, Kafka, Site
from bus.errors import InvalidInput

ROOT = Path(__file__).parents[2]
CODE = ("--cinema-code", "K-N")
PLACE = ("--context", "hickson-kone", "--mirror-bootstrap-servers", "kafka.kone.hickson.nc:9092")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("charts", "values"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("Pulumi.yaml", *(f"Pulumi.{stack}.yaml" for stack in ("master", "recette", "prod"))):
        shutil.copy(ROOT / name, tmp_path / name)
    prod = tmp_path / "Pulumi.prod.yaml"
    kafka = 'kafka: {brokers: 1, replicationFactor: 1, mirrorBootstrapServers: "kafka.cinecity.hickson.nc:9092"}'
    text = prod.read_text().replace("kafka: {brokers: 1, replicationFactor: 1}", kafka)
    prod.write_text(text.rstrip() + "\n      mirror: {ctrl2cplx: [notifications], cplx2ctrl: [cineges.*.save]}\n")
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
    own = ("--namespace", "n", "--database", "d", "--slot-name", "s")
    run("kone", "--stack", "prod", *CODE, *own, "--context", "k", "--mirror-bootstrap-servers", "b:9092")
    kone = yaml.safe_load((project / "Pulumi.prod.yaml").read_text())["config"]["bus:sites"]["kone"]
    assert [kone[key] for key in ("namespace", "odoo", "slotName", "context")] == ["n", {"database": "d"}, "s", "k"]
    assert kone["kafka"]["mirrorBootstrapServers"] == "b:9092"


def test_secrets_of_a_registry_of_its_own_are_taken_as_they_are(project: Path) -> None:
    file = project / "Pulumi.prod.yaml"
    content = yaml.safe_load(file.read_text())
    config = content["config"]
    config["bus:delivery"]["hostedBy"] = "central"
    config["bus:sites"]["central"]["enable"] = ["docker-registry"]
    logins = ("username", "password", "pullUsername", "pullPassword")
    keys = (*(f"delivery.{key}" for key in logins), "central.docker-registry.htpasswd")
    config |= {f"bus:{key}": {"secure": "v1:x"} for key in keys}
    file.write_text(yaml.safe_dump(content))
    run("kone", "--stack", "prod", *CODE, *PLACE, "--namespace", "n")
    assert "kone" in yaml.safe_load(file.read_text())["config"]["bus:sites"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("kone", "--stack", "prod", *CODE, *PLACE, "--slot-name", "debezium_cinecity"), "slotName"),
        (("kone", "--stack", "prod", *CODE, *PLACE, "--namespace", "Kone"), "DNS label"),
    ],
)
def test_what_a_deployment_would_refuse_is_not_written(project: Path, arguments: tuple[str, ...], said: str) -> None:
    before = (project / "Pulumi.prod.yaml").read_text()
    with pytest.raises(InvalidInput, match=said):
        CliRunner().invoke(app, ["add-complexe", *arguments], catch_exceptions=False)
    assert (project / "Pulumi.prod.yaml").read_text() == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("config: [\n", "Pulumi.master.yaml: line 2: is not YAML: "),
        ("", "Pulumi.master.yaml has no sites below config and bus:sites"),
        ("config:\n  bus:sites:\n", "Pulumi.master.yaml has no sites below config and bus:sites"),
        ("a: 1\na: 2\n", "Pulumi.master.yaml: line 2: is not YAML: key 'a' stands here twice"),
    ],
)
def test_a_stack_file_that_cannot_be_changed_is_said(project: Path, content: str, said: str) -> None:
    (project / "Pulumi.master.yaml").write_text(content)
    with pytest.raises(StackError) as refused:
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
    with pytest.raises(InvalidInput, match=r"sites\.kone\.cinemaCode = 'N-M': is used by more than one site"):
        run("kone", "--stack", "master", "--cinema-code", "N-M")


def edited(project: Path, stack: str, change: Callable[[dict[str, Any]], object]) -> Path:
    """The stack file with a change to its config."""
    file = project / f"Pulumi.{stack}.yaml"
    content = yaml.safe_load(file.read_text())
    change(content["config"])
    file.write_text(yaml.safe_dump(content))
    return file


def added(file: Path, name: str = "kone") -> dict[str, Any]:
    entry: dict[str, Any] = yaml.safe_load(file.read_text())["config"]["bus:sites"][name]
    return entry


def test_all_missing_options_are_named_at_once_and_nothing_is_written(project: Path) -> None:
    before = (project / "Pulumi.prod.yaml").read_bytes()
    with pytest.raises(NotAdded) as refused:
        run("kone", "--stack", "prod")
    said = str(refused.value)
    assert "kone was not added to Pulumi.prod.yaml: 3 option(s) are missing" in said
    assert "--cinema-code" in said
    assert "--context: kubeconfig context of the cluster of kone; cinecity has hickson-cinecity" in said
    assert "pulumi config set --secret bus:kone.kubeconfig --stack prod < FILE" in said
    assert "--mirror-bootstrap-servers" in said and "kafka.cinecity.hickson.nc:9092, which is its own" in said
    assert (project / "Pulumi.prod.yaml").read_bytes() == before


def test_nothing_of_the_other_cinemas_place_is_taken_over(project: Path) -> None:
    def everything_set(config: dict[str, Any]) -> None:
        cinecity = config["bus:sites"]["cinecity"]
        cinecity |= {"clusterUid": "uid-of-cinecity", "access": "direct"}
        cinecity["kafka"] |= {"adminPort": 30000, "bootstrapServers": "cinecity:9092", "clusterId": "id-of-cinecity"}
        cinecity["elasticsearch"] = {"nodes": 1, "endpoint": "http://cinecity:9200"}

    file = edited(project, "prod", everything_set)
    with pytest.raises(NotAdded, match="4 option") as refused:
        run("kone", "--stack", "prod", *CODE)
    assert "--bootstrap-servers" in str(refused.value) and "--elasticsearch-endpoint" in str(refused.value)
    run(
        "kone", "--stack", "prod", *CODE, *PLACE, "--bootstrap-servers", "k:1", "--elasticsearch-endpoint", "http://k:2"
    )
    kone = added(file)
    assert "cinecity" not in yaml.safe_dump(kone)
    assert kone["kafka"]["bootstrapServers"] == "k:1" and kone["elasticsearch"]["endpoint"] == "http://k:2"
    assert kone["access"] == "direct", "what says nothing of a place is shared"


@pytest.mark.parametrize("stack", ["master", "recette"])
def test_the_stack_wide_context_is_used_where_there_is_one(project: Path, stack: str) -> None:
    said = run("kone", "--stack", stack, *CODE)
    assert "context" not in added(project / f"Pulumi.{stack}.yaml")
    assert "of context bureau" in said


def test_a_context_of_the_other_cinema_is_not_taken_where_the_stack_has_one(project: Path) -> None:
    file = edited(project, "master", lambda config: config["bus:sites"]["cinecity"].update(context="cinecity-only"))
    run("kone", "--stack", "master", *CODE)
    assert "context" not in added(file)


def test_a_cluster_other_than_centrals_needs_brokers_that_the_mirror_reaches(project: Path) -> None:
    with pytest.raises(NotAdded, match=r"1 option.*\n.*--mirror-bootstrap-servers"):
        run("kone", "--stack", "master", *CODE, "--context", "elsewhere")


def test_without_a_mirror_no_address_for_it_is_asked_for(project: Path) -> None:
    def apart(config: dict[str, Any]) -> None:
        del config["bus:sites"]["cinecity"]["mirror"]
        del config["bus:sites"]["cinecity"]["kafka"]["mirrorBootstrapServers"]

    file = edited(project, "prod", apart)
    run("kone", "--stack", "prod", *CODE, "--context", "hickson-kone")
    assert "mirrorBootstrapServers" not in added(file)["kafka"]


def test_where_sites_have_kubeconfigs_the_secret_to_set_is_named(project: Path) -> None:
    def by_kubeconfig(config: dict[str, Any]) -> None:
        for site in ("central", "cinecity"):
            del config["bus:sites"][site]["context"]
            config[f"bus:{site}.kubeconfig"] = {"secure": "v1:x"}

    file = edited(project, "prod", by_kubeconfig)
    said = run("kone", "--stack", "prod", *CODE, "--mirror-bootstrap-servers", "k:9092")
    assert "missing secret: pulumi config set --secret bus:kone.kubeconfig --stack prod < FILE" in said
    assert "context" not in added(file)


def test_a_kubeconfig_that_is_set_already_is_a_cluster(project: Path) -> None:
    edited(project, "prod", lambda config: config.update({"bus:kone.kubeconfig": {"secure": "v1:x"}}))
    said = run("kone", "--stack", "prod", *CODE, "--mirror-bootstrap-servers", "k:9092")
    assert "kubeconfig --stack" not in said and "of the cluster of its kubeconfig" in said


def test_a_terminal_is_asked_for_what_is_missing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(add_complexe, "on_terminal", lambda: True)
    result = CliRunner().invoke(app, ["add-complexe", "kone", "--stack", "prod"], input="K-N\nmine\nk:9092\n")
    assert result.exit_code == 0, result.output
    kone = added(project / "Pulumi.prod.yaml")
    assert (kone["cinemaCode"], kone["context"], kone["kafka"]["mirrorBootstrapServers"]) == ("K-N", "mine", "k:9092")


def test_each_key_of_a_site_is_shared_or_its_own() -> None:
    """A new key is sorted here by whoever adds it: an address or an identity is never another site's."""
    assert {*SHARED, *OWN} == aliases(Site) and not {*SHARED} & {*OWN}
    for block, kind in (("kafka", Kafka), ("elasticsearch", Elasticsearch)):
        assert {*SHARED_BELOW[block], *OWN_BELOW[block]} == aliases(kind), f"bus/config/new_complexe.py: {block}"


def aliases(kind: type[BaseModel]) -> set[str]:
    return {str(field.alias) for field in kind.model_fields.values()}
