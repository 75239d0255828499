"""Another customer is another copy of the stack file, of values/ and of the umbrella charts, never of the code."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.config import settings
from bus.deployment import Deployment, deployable
from bus.errors import InvalidInput
from bus.plan import build
from bus.releases.render import charts
from tests.support.stacks import SECRETS, config_of, flat

ROOT = Path(__file__).parents[2]


def plan(project: Path, **changed: Any) -> Deployment:
    config = config_of("local") | {f"bus:{key}": value for key, value in changed.items()}
    secrets = {f"bus:{name}": "s3cret" for name in SECRETS}
    return build.plan(project, settings.load("local", flat(config) | secrets, set(secrets)))


@pytest.fixture
def sln(tmp_path: Path) -> Path:
    """A customer with bricks of its own: no cineges-doc, a second UI on central, and no Odoo job there."""
    shutil.copytree(ROOT / "charts", tmp_path / "charts")
    shutil.copytree(ROOT / "values", tmp_path / "values")
    for part in ("base", "central", "complexe"):
        folder = tmp_path / "charts" / f"hickson-{part}"
        folder = folder.rename(folder.with_name(f"sln-{part}"))
        meta = yaml.safe_load((folder / "Chart.yaml").read_text())
        meta["name"] = folder.name
        if part == "central":
            rest = [one for one in meta["dependencies"] if one.get("alias") not in ("cineges-doc", "odoo2kafka-job")]
            (ui,) = (one for one in rest if one.get("alias") == "cineges-ui")
            meta["dependencies"] = [*rest, {**ui, "alias": "sln-ui", "condition": "sln-ui.enabled"}]
            values = yaml.safe_load((folder / "values.yaml").read_text())
            schema = folder / "values.schema.json"
            schema.write_text(schema.read_text().replace('"cineges-doc"', '"sln-ui"'))
            gone = {"cineges-doc", "odoo2kafka-job"}
            (folder / "values.yaml").write_text(yaml.safe_dump({k: v for k, v in values.items() if k not in gone}))
        (folder / "Chart.yaml").write_text(yaml.safe_dump(meta))
    (tmp_path / "values/cineges-doc.yml").unlink()
    (tmp_path / "values/sln-ui.yml").write_text("image: {repository: r.nc, name: sln/ui, tag: '3'}\n")
    return tmp_path


def test_its_releases_are_made_of_its_own_umbrellas(sln: Path) -> None:
    made = plan(sln, customer="sln")
    found = {name: [one.chart for one in site.releases] for name, site in made.sites.items()}
    assert found["central"][0] == "sln-base"
    assert "sln-central" in found["central"]
    assert "sln-complexe" in found["cinecity"]
    assert made.sites["central"].bricks.images["sln-ui"].pinned == "r.nc/sln/ui:3"
    assert "odoo2kafka-job" not in made.sites["central"].bricks.images
    assert "odoo2kafka-job" in made.sites["cinecity"].bricks.images


def test_what_it_deploys_depends_on_no_chart_of_the_first_customer(sln: Path) -> None:
    assert not list((sln / "charts").glob("hickson*"))
    for chart in deployable("sln"):
        charts.stage(sln / "charts", chart, sln / "staged")


@pytest.mark.helm
def test_helm_renders_its_bricks(sln: Path) -> None:
    release = plan(sln, customer="sln").sites["central"].bricks
    folder = charts.stage(sln / "charts", release.chart, sln / "staged")
    values = yaml.safe_dump(release.values)
    done = subprocess.run(
        ["helm", "template", "central", str(folder), "-f", "-"],
        input=values,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = {one["metadata"]["name"] for one in yaml.safe_load_all(done.stdout) if one and one["kind"] == "Deployment"}
    assert any("sln-ui" in name for name in made)
    assert not any("odoo2kafka" in name for name in made)


def test_two_customers_live_side_by_side(sln: Path) -> None:
    for part in ("base", "central", "complexe"):
        shutil.copytree(ROOT / f"charts/hickson-{part}", sln / f"charts/hickson-{part}")
    (sln / "values/cineges-doc.yml").write_text((ROOT / "values/cineges-doc.yml").read_text())
    with pytest.raises(InvalidInput, match=r"values/sln-ui.yml.*no chart has a brick sln-ui"):
        plan(sln, customer="hickson")  # values/ is of one customer


@pytest.mark.parametrize("customer", ["slm", "hickson"])
def test_a_customer_without_umbrellas_is_told_who_has_them(sln: Path, customer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        plan(sln, customer=customer)
    (said,) = (str(problem) for problem in refused.value.problems)
    assert said.startswith(f"Pulumi.local.yaml: bus:customer = '{customer}': has no umbrella chart {customer}-base, ")
    assert "customers with all three: sln" in said
