"""What is wrong with a stack as a whole, seen on the project's own charts, bricks and stack file."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from bus.config import settings
from bus.errors import InvalidInput
from bus.plan import build
from bus.releases.render import charts
from tests.support.stacks import SECRETS, config_of, flat

ROOT = Path(__file__).parents[2]
UI = "image: {repository: dkr.isi.nc, name: hickson/cineges-ui, tag: '1'}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "values", tmp_path / "values")
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    return tmp_path


def refused(project: Path, site: dict[str, Any] | None = None, name: str = "cinecity") -> list[str]:
    config = config_of("local")
    config["bus:sites"][name] |= site or {}
    secrets = {f"bus:{name}": "s3cret" for name in SECRETS}
    with pytest.raises(InvalidInput) as error:
        build.plan(project, settings.load("local", flat(config) | secrets, set(secrets)))
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize("content", [None, "", "image:\n", "# nothing\nvalues: {}\n"])
def test_a_brick_without_an_image_is_not_run_as_its_type_s_stand_in(project: Path, content: str | None) -> None:
    file = project / "values/cineges-ui.yml"
    file.unlink() if content is None else file.write_text(content)
    said = "values/cineges-ui.yml: image: is required: cineges-ui would run the stand-in of charts/ui-chart; "
    assert [line[: len(said)] for line in refused(project)] == [said]


def test_an_image_that_a_null_of_the_stack_takes_away_is_refused(project: Path) -> None:
    """Helm fails at it within a template, and names no value."""
    taken = {"kafka": {"image": None}}
    assert [line.partition(";")[0] for line in refused(project, {"values": taken})] == [
        "values/kafka.yml: image: is required, and values take it away"
    ]


def test_a_renamed_file_is_said_with_the_name_that_it_had(project: Path) -> None:
    (project / "values/cineges-ui.yml").rename(project / "values/cineges-uii.yml")
    said = refused(project)
    assert [line.partition(": ")[0] for line in said] == ["values/cineges-uii.yml", "values/cineges-ui.yml"]
    assert said[0].endswith("did you mean cineges-ui?")


def test_a_file_that_cannot_be_read_is_said_once(project: Path) -> None:
    (project / "values/cineges-ui.yml").write_text("image: [")
    assert [line.split(": ")[:2] for line in refused(project)] == [["values/cineges-ui.yml", "line 1"]]


def test_an_image_of_the_stack_or_of_the_umbrella_is_one(project: Path) -> None:
    (project / "values/cineges-web.yml").unlink()
    ours = {"cineges-web": {"image": {"repository": "r.nc", "name": "web", "tag": "2"}}, "nobody": {}}
    assert [line.partition(": no")[0] for line in refused(project, {"values": ours})] == [
        "Pulumi.local.yaml: bus:sites.cinecity.values.nobody = 'nobody'"
    ]
    (project / "charts").unlink()
    shutil.copytree(ROOT / "charts", project / "charts")
    umbrella = project / "charts/hickson-complexe/values.yaml"
    umbrella.write_text(umbrella.read_text().replace("cineges-web:\n", "cineges-web:\n  image: {name: hickson/web}\n"))
    assert [line.partition(": no")[0] for line in refused(project, {"enable": ["nobody"]})] == [
        "Pulumi.local.yaml: bus:sites.cinecity.enable = 'nobody'"
    ]


def test_a_variable_from_a_key_that_a_site_has_not_is_refused(project: Path) -> None:
    (project / "values/cineges-ui.yml").write_text(
        UI + "values:\n  envFromConfig: {A: odoo.hots, B: odoo.host}\n  envFromSecret: {C: odoo.pasword}\n"
    )
    own = {"cineges-web": {"envFromConfig": {"CODE": "cineges.cinemaCode", "SHOP": "shop.address"}}}
    first, second, third = refused(project, {"values": own})
    assert first.startswith(
        "values/cineges-ui.yml: values.envFromConfig.A = 'odoo.hots': is no key of cineges-config on"
    )
    assert first.endswith("did you mean odoo.host? or add it to bus:sites.central.config")
    assert second.startswith(
        "values/cineges-ui.yml: values.envFromSecret.C = 'odoo.pasword': is no key of cineges-secret"
    )
    assert second.endswith("did you mean odoo.password?")
    assert third.startswith(
        "Pulumi.local.yaml: bus:sites.cinecity.values.cineges-web.envFromConfig.SHOP = 'shop.address'"
    )


def test_a_brick_of_the_other_kind_of_site_is_said_once(project: Path) -> None:
    assert [line.partition("; bricks")[0] for line in refused(project, {"enable": ["cineges-doc", "kibanna"]})] == [
        "Pulumi.local.yaml: bus:sites.cinecity.enable = 'kibanna': no chart has this brick",
        "Pulumi.local.yaml: bus:sites.cinecity.enable = 'cineges-doc': is no brick of a complexe",
    ]


def test_a_number_where_text_is_wanted_is_said_as_the_file_has_it(project: Path) -> None:
    (project / "values/cineges-ui.yml").write_text(UI.replace("'1'", "1.10") + "values:\n  env: {AT: 12:30}\n")
    variable, tag = refused(project)
    assert "image.tag = 1.10: must be text: put it between quotes, as the file has it" in tag
    refusal = "is a number in base 60 to some readers of YAML and text to others (line 3); put it between quotes"
    assert f"values.env.AT = 12:30: {refusal} for the text" in variable


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            "limits: {memory: 512MB}",
            "limits.memory = '512MB': must be an amount of bytes with its unit, as 512Mi or 1Gi",
        ),
        ("limits: {memory: 512}", "limits.memory = 512: must be an amount of bytes with its unit"),
        ("limits: {memory: 512m}", "limits.memory = '512m': must be an amount of bytes"),
        ("requests: {memory: -1Gi}", "requests.memory = '-1Gi': must be an amount of bytes"),
        ("requests: {cpu: lots}", "requests.cpu = 'lots': must be a number of CPUs, as 500m or 2"),
        ("requests: {cpu: -0.5}", "requests.cpu = -0.5: must be at least 0"),
        (
            "limits: {gpu/nvidia: 1, memoy: 1Gi}",
            "limits.memoy: unknown key; allowed: cpu, ephemeral-storage, memory;",
        ),
    ],
)
def test_an_amount_without_a_unit_that_it_can_have_is_refused(project: Path, values: str, said: str) -> None:
    (project / "values/cineges-ui.yml").write_text(f"{UI}values:\n  resources:\n    {values}\n")
    (line,) = refused(project)
    assert line.startswith(f"values/cineges-ui.yml: values.resources.{said}")


@pytest.mark.parametrize("values", ["{memory: 1.5Gi, cpu: 0.5}", "{memory: 512M, cpu: 500m, nvidia.com/gpu: 1}"])
def test_amounts_as_kubernetes_has_them_are_taken(project: Path, values: str) -> None:
    (project / "values/cineges-ui.yml").write_text(f"{UI}values:\n  resources: {{limits: {values}}}\n")
    (line,) = refused(project, {"enable": ["x"]})
    assert "enable = 'x': no chart" in line


def test_a_bad_image_hides_neither_values_nor_topics(project: Path) -> None:
    file = project / "values/odoo2kafka-job.yml"
    file.write_text(file.read_text().replace('tag: "0.1.0"', "tag: 1").replace("  env:", "  environment: {}\n  env:"))
    assert [line.split(": ")[1].partition(" =")[0] for line in refused(project)] == ["image.tag", "values.environment"]


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("ui-chart/values.yaml", "image: [\n", "charts/ui-chart/values.yaml: line 2: is not YAML: "),
        ("ui-chart/values.yaml", "- a", "charts/ui-chart/values.yaml must be a map, and is a list"),
        ("ui-chart/Chart.yaml", "name: ui-chart", "charts/ui-chart/Chart.yaml: version is required"),
        ("ui-chart/values.schema.json", "{\n", "charts/ui-chart/values.schema.json: line 2: is not YAML: "),
        ("ui-chart/Chart.yaml", None, "charts/ui-chart/Chart.yaml cannot be read: No such file or directory"),
    ],
)
def test_a_chart_that_cannot_be_read_is_named(project: Path, file: str, content: str | None, said: str) -> None:
    (project / "charts").unlink()
    shutil.copytree(ROOT / "charts", project / "charts")
    (project / "charts" / file).unlink() if content is None else (project / "charts" / file).write_text(content)
    config = config_of("local")
    secrets = {f"bus:{name}": "s3cret" for name in SECRETS}
    with pytest.raises(charts.BadChart) as error:
        build.plan(project, settings.load("local", flat(config) | secrets, set(secrets)))
    assert str(error.value).startswith(said)


def test_an_image_of_the_stand_ins_name_is_one_where_a_layer_names_it(project: Path) -> None:
    """One layer of several is enough: here the stack's, over a file of the brick that says nothing of its image."""
    name = (charts.default_values(project / "charts", "ui-chart").get("image") or {})["name"]
    (project / "values/cineges-ui.yml").write_text("values: {}\n")
    own = {"cineges-ui": {"image": {"repository": "r.nc", "name": name, "tag": "2"}}}
    (line,) = refused(project, {"values": own, "enable": ["nobody"]}, "central")
    assert "enable = 'nobody'" in line
