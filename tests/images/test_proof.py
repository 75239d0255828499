"""The proof of a delivery under the real helm: prod names nothing of the source registry, and what does is refused."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bus import deployment
from bus.config import hosted_registry, settings
from bus.errors import InvalidInput
from bus.images.delivered import proof, rendered
from bus.plan import build
from bus.releases.render import charts
from tests.support.registry import HTPASSWD, PASSWORD, PULL_HTPASSWD, PULL_PASSWORD, PULL_USER, USER
from tests.support.stacks import SECRETS, config_of, flat, load_stack

pytestmark = pytest.mark.helm
ROOT = Path(__file__).parents[2]


def prod(**delivery: Any) -> settings.Settings:
    config = config_of("prod")
    config["bus:delivery"] = {**config["bus:delivery"], **delivery}
    config["bus:sites"]["central"]["enable"] = ["cineges-doc", "kibana", "docker-registry"]
    secrets = {f"bus:{name}": "s3cret" for name in SECRETS}
    if "hostedBy" in delivery:
        secrets |= {f"bus:{delivery['hostedBy']}.{hosted_registry.KEY}": HTPASSWD + PULL_HTPASSWD}
        secrets |= {"bus:delivery.username": USER, "bus:delivery.password": PASSWORD}
        secrets |= {"bus:delivery.pullUsername": PULL_USER, "bus:delivery.pullPassword": PULL_PASSWORD}
    return settings.load("prod", flat(config) | secrets, set(secrets))


def test_prod_renders_without_a_word_of_the_source_registry(tmp_path: Path) -> None:
    plan = build.plan(ROOT, prod())
    proof.check(plan, ROOT / "charts", tmp_path)
    seen = {
        found.image
        for site in plan.sites
        for release in plan.releases(site)
        for found in rendered.named(
            proof.render(charts.stage(ROOT / "charts", release.chart, tmp_path), release, "namespace")
        )
    }
    assert len(seen) >= 15 and all(image.startswith("registry.hickson.nc/") for image in seen)
    assert "registry.hickson.nc/isi/db2kafka:0.1.0" in seen, "an image of CronJobs alone"


def test_a_stack_without_a_delivery_is_not_rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    proof.check(build.plan(ROOT, load_stack("master")), ROOT / "charts", tmp_path)
    with pytest.raises(InvalidInput, match="helm is not on PATH"):
        proof.check(build.plan(ROOT, load_stack("prod")), ROOT / "charts", tmp_path)


def test_the_registry_that_the_stack_runs_itself_is_all_that_comes_from_elsewhere(tmp_path: Path) -> None:
    plan = build.plan(ROOT, prod(hostedBy="central"))
    proof.check(plan, ROOT / "charts", tmp_path)
    release = plan.sites["central"].registry
    assert release
    documents = proof.render(charts.stage(ROOT / "charts", release.chart, tmp_path), release, "namespace")
    assert {found.image for found in rendered.named(documents)} == {"dkr.isi.nc/sys-isi/docker-registry:2.8.1"}
    assert hosted_registry.SECRET in str(documents) and "htpasswd: {realm" in str(documents)


def test_images_that_a_chart_or_a_value_hides_are_refused_until_they_are_declared(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "charts", tmp_path / "charts")
    shutil.copytree(ROOT / "values", tmp_path / "values")
    template = tmp_path / "charts/kafka-notif/templates/extra.yaml"
    template.write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: hook, annotations: {helm.sh/hook: post-install}}\n"
        "spec: {initContainers: [{name: i, image: 'dkr.isi.nc/isi/hidden:1'}], containers: []}\n"
    )
    brick = tmp_path / "values/kafka-notif.yml"
    brick.write_text(brick.read_text().replace("  env:\n", "  env:\n    RUNNER: registry.hickson.nc/isi/runner:4\n"))

    def check(given: settings.Settings) -> str:
        with pytest.raises(InvalidInput) as refused:
            proof.check(build.plan(tmp_path, given), tmp_path / "charts", tmp_path / "staged")
        return str(refused.value)

    said = check(prod())
    assert "Pod hook: spec.initContainers.i.image" in said and "dkr.isi.nc/isi/hidden:1 is in no list" in said
    assert "names a source registry" in said
    assert "env.RUNNER.value" in said and "registry.hickson.nc/isi/runner:4 looks like an image" in said
    template.unlink()
    declared = prod(extraImages=["dkr.isi.nc/isi/runner:4"])
    proof.check(build.plan(tmp_path, declared), tmp_path / "charts", tmp_path / "staged")
    central = build.plan(tmp_path, declared).deliveries("central")
    assert central["dkr.isi.nc/isi/runner:4"] == "registry.hickson.nc/isi/runner:4"


def test_every_pod_pulls_with_the_login_of_the_customers_registry(tmp_path: Path) -> None:
    plan = build.plan(ROOT, replace(prod(), delivery_login=True))
    pods = 0
    for site in plan.sites:
        for release in plan.releases(site):
            folder = charts.stage(ROOT / "charts", release.chart, tmp_path)
            for document in proof.render(folder, release, "namespace"):
                spec = document.get("spec") or {}
                spec = spec.get("jobTemplate", {}).get("spec", spec)
                if "template" in spec:
                    pods += 1
                    assert spec["template"]["spec"]["imagePullSecrets"] == [{"name": deployment.PULL_SECRET}], (
                        release.name
                    )
    assert pods >= 20
