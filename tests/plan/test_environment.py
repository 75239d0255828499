"""The variables of the bricks, seen on the project's own charts, bricks and stack file."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.config import settings
from bus.errors import InvalidInput
from bus.plan import build, environment
from bus.releases.render.charts import BadChart
from tests.support.stacks import SECRETS, config_of, flat, load_stack

ROOT = Path(__file__).parents[2]
UI = "image: {repository: dkr.isi.nc, name: hickson/cineges-ui, tag: '1'}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "values", tmp_path / "values")
    shutil.copytree(ROOT / "charts", tmp_path / "charts")
    return tmp_path


def planned(project: Path, site: dict[str, Any] | None = None, **stack: Any) -> list[str]:
    config = config_of("local") | stack
    config["bus:sites"]["central"] |= site or {}
    secrets = {f"bus:{name}": "s3cret" for name in SECRETS}
    try:
        build.plan(project, settings.load("local", flat(config) | secrets, set(secrets)))
    except InvalidInput as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize("name", ["KAFKA_BOOTSTRAP_SERVERS", "BRICK_NAME", "ELASTICSEARCH_URL", "KAFKA_SASL_PASSWORD"])
@pytest.mark.parametrize("block", ["env: {%s: x}", "envFromConfig: {%s: odoo.host}"])
def test_a_name_that_the_chart_sets_is_refused_with_who_sets_it(project: Path, name: str, block: str) -> None:
    (project / "values/cineges-ui.yml").write_text(f"{UI}values:\n  {block % name}\n")
    # A password in clear is another problem, named beside it.
    (line,) = (line for line in planned(project) if "is a secret by its name" not in line)
    kind = block.partition(":")[0]
    assert line.startswith(
        f"values/cineges-ui.yml: values.{kind}.{name}: is set by the chart itself: charts/brickhelper/"
    )


@pytest.mark.parametrize(
    ("brick", "values", "path"),
    [
        ("odoo", "env: {PGPASSWORD: x}", "values.env.PGPASSWORD"),
        ("db2kafka", "env: {BRICK_TABLE: x}", "values.env.BRICK_TABLE"),
        (
            "db2kafka",
            "tables: [{name: a, schedule: '@daily', env: {BRICK_NAME: x}}]",
            "values.tables[0].env.BRICK_NAME",
        ),
    ],
)
def test_so_is_one_of_its_own_type_of_chart(project: Path, brick: str, values: str, path: str) -> None:
    file = project / f"values/{brick}.yml"
    image = yaml.safe_load(file.read_text())["image"]
    file.write_text(yaml.safe_dump({"image": image, "values": yaml.safe_load(values)}))
    lines = [line for line in planned(project) if "is set by the chart itself" in line]
    assert lines and all(line.startswith(f"values/{brick}.yml: {path}: ") for line in lines)


def test_the_same_name_is_free_where_the_chart_does_not_set_it(project: Path) -> None:
    (project / "values/cineges-ui.yml").write_text(UI + "values:\n  env: {PGHOST: x, BRICK_TABLE: y, KAFKA_HEAP: z}\n")
    assert planned(project) == []


def test_a_name_with_two_sources_is_refused_with_both_places(project: Path) -> None:
    (project / "values/cineges-ui.yml").write_text(
        UI + "values:\n  env: {A: x, B: y}\n  envFromConfig: {A: odoo.host}\n"
    )
    stack = {"cineges-ui": {"envFromSecret": {"B": "odoo.password"}}}
    first, second = planned(project, {"values": stack})
    assert first.startswith("values/cineges-ui.yml: values.envFromConfig.A: has another source too: ")
    assert "values/cineges-ui.yml: values.env.A; a variable has one source" in first
    assert second.startswith(
        "Pulumi.local.yaml: bus:sites.central.values.cineges-ui.envFromSecret.B: has another source too: "
        "values/cineges-ui.yml: values.env.B; "
    )


def test_a_null_takes_one_of_the_two_away(project: Path) -> None:
    (project / "values/cineges-ui.yml").write_text(
        UI + "values:\n  env: {A: null, BRICK_NAME: null}\n  envFromConfig: {A: odoo.host}\n"
    )
    assert planned(project) == []


def test_a_table_overrides_the_brick_and_has_no_second_source(project: Path) -> None:
    file = project / "values/db2kafka.yml"
    assert "BRICK_PRODUCE" in file.read_text().split("tables:")[1], "both say it: that is what they are for"
    content = yaml.safe_load(file.read_text())
    content["values"]["tables"][0]["env"] = {"AS400_PASSWORD": "x"}
    file.write_text(yaml.safe_dump(content))
    lines = [line for line in planned(project) if "is a secret by its name" not in line]
    assert len(lines) == 1 and "values.tables[0].env.AS400_PASSWORD" in lines[0] and "values.envFromSecret" in lines[0]


def test_a_secret_that_nobody_gave_is_refused_with_where_to_give_it(project: Path) -> None:
    (project / "values/cineges-ui.yml").write_text(UI + "values:\n  envFromSecret: {MASTER: odoo.masterPassword}\n")
    (line,) = planned(project)
    assert line == (
        "values/cineges-ui.yml: values.envFromSecret.MASTER = 'odoo.masterPassword': is not given to cineges-ui: "
        "a brick's file alone does not say which secrets the brick reads; add odoo.masterPassword to cineges-ui in "
        "charts/hickson-central/secrets.yaml, or write the variable in Pulumi.local.yaml: "
        "bus:values.cineges-ui.envFromSecret.MASTER"
    )


def test_the_umbrella_gives_it(project: Path) -> None:
    (project / "values/cineges-ui.yml").write_text(UI + "values:\n  envFromSecret: {MASTER: odoo.masterPassword}\n")
    with (project / "charts/hickson-central/secrets.yaml").open("a") as grants:
        grants.write("cineges-ui: [odoo.masterPassword]\n")
    assert planned(project) == []


@pytest.mark.parametrize("where", ["stack", "site"])
def test_the_stack_file_gives_it(project: Path, where: str) -> None:
    file = project / "values/cineges-ui.yml"
    file.write_text(UI + "values:\n  envFromSecret: {MASTER: odoo.masterPassword}\n")
    ours = {"cineges-ui": {"envFromSecret": {"MASTER": "odoo.masterPassword"}}}
    stack = {"bus:values": ours} if where == "stack" else {}
    assert planned(project, {"values": ours} if where == "site" else None, **stack) == []


def test_another_brick_s_grant_is_its_own(project: Path) -> None:
    (project / "values/cineges-ui.yml").write_text(UI + "values:\n  envFromSecret: {A: as400.password}\n")
    assert len(planned(project)) == 1, "db2kafka has it"


def test_grants_that_are_no_lists_are_named(project: Path) -> None:
    (project / "charts/hickson-central/secrets.yaml").write_text("cineges-ui: odoo.password\n")
    with pytest.raises(BadChart, match=r"charts/hickson-central/secrets\.yaml: cineges-ui must be a list"):
        planned(project)


@pytest.mark.parametrize("stack", ["local", "master", "recette", "prod"])
def test_the_bricks_of_the_project_read_what_they_are_given(stack: str) -> None:
    build.plan(ROOT, load_stack(stack))


@pytest.mark.helm
@pytest.mark.parametrize("chart", ["hickson-base", "hickson-central", "hickson-complexe", "kafka-notif"])
def test_the_names_that_a_chart_sets_are_those_that_helm_renders(chart: str, tmp_path: Path) -> None:
    from bus.releases.render import charts, rendering
    from bus.releases.render.values import places
    from tests.support.pods import pods
    from tests.support.rendered import everything_on

    folder, found = charts.stage(ROOT / "charts", chart, tmp_path), places(ROOT / "charts", chart)
    values = everything_on(chart) | {"global": {"kafka": {"users": sorted(found)}}}
    if chart == "hickson-central":
        values["db2kafka"]["tables"] = [{"name": "film", "schedule": "@daily"}]
    for document in yaml.safe_load_all(rendering.render(folder, "x", "site", values)):
        for name, pod in pods([document] if document else []):
            brick = name.split()[1].removesuffix("-film")
            own = environment.set_by(ROOT / "charts", found[brick][1])
            seen = {one["name"] for container in pod["containers"] for one in container.get("env", [])}
            assert seen <= own.keys(), (brick, seen - own.keys())
            if "env" in charts.load_map(ROOT / "charts" / found[brick][1] / "values.schema.json")["properties"]:
                assert seen == set(own), (brick, set(own) - seen)
