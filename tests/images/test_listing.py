"""The list of a stack's images: each with every reason, and what cannot be read is said with its place."""

from pathlib import Path
from typing import Any

import pytest

from bus.config import settings
from bus.deployment import Deployment
from bus.images.delivered import proof
from bus.images.delivered.listing import EXTRA, Listing, listing, reasons
from bus.images.delivered.proof import Objects
from bus.plan import build
from tests.support.stacks import SECRETS, config_of, flat, load_stack

ROOT = Path(__file__).parents[2]
DIGEST = "sha256:" + "d" * 64
UI = "hickson/cineges-ui:0.1.0"


def delivered(**more: Any) -> Deployment:
    config = config_of("prod")
    config["bus:delivery"] = {"registry": "reg.nc", **more}
    secrets = {f"bus:{name}": "s3cret" for name in SECRETS}
    return build.plan(ROOT, settings.load("prod", flat(config) | secrets, set(secrets)))


def workload(kind: str, *images: str, **env: str) -> dict[str, Any]:
    variables = [{"name": name, "value": value} for name, value in env.items()]
    containers = [{"name": f"c{number}", "image": image, "env": variables} for number, image in enumerate(images)]
    return {"kind": kind, "metadata": {"name": "x"}, "spec": {"template": {"spec": {"containers": containers}}}}


def found(deployment: Deployment, *documents: dict[str, Any], **stacks: dict[str, dict[str, str]]) -> Listing:
    return listing(deployment, [Objects("central", deployment.sites["central"].bricks, documents)], dict(stacks))


def test_an_image_has_every_reason_and_the_place_that_it_comes_from() -> None:
    plan = delivered()
    seen = found(plan, workload("Deployment", f"reg.nc/{UI}"), workload("Job", f"reg.nc/{UI}"))
    (ui,) = (image for image in seen.images if image.pulled == f"reg.nc/{UI}")
    assert ui.source == f"dkr.isi.nc/{UI}"
    assert ui.why == [
        "central: central: Deployment x: containers.c0.image (container)",
        "central: central: Job x: containers.c0.image (container)",
    ]
    others = [image for image in seen.images if image is not ui]
    assert {image.source for image in seen.images} == set(plan.images), "what no object names is delivered all the same"
    assert {why for image in others for why in image.why} == {"a brick of the stack, though no object names it"}


def test_declared_images_and_those_of_another_stack_say_so() -> None:
    plan = delivered(extraImages=["dkr.isi.nc/isi/runner:4"], alsoFrom=["recette"])
    pins = {"central": {"cineges-ui": f"dkr.isi.nc/{UI}", "cineges-doc": f"dkr.isi.nc/isi/doc:7@{DIGEST}"}}
    seen = {image.pulled: image for image in found(plan, workload("Pod", f"reg.nc/{UI}"), recette=pins).images}
    assert seen["reg.nc/isi/runner:4"].why == [EXTRA]
    doc = seen[f"reg.nc/isi/doc@{DIGEST}"]
    assert (doc.source, doc.why) == (f"dkr.isi.nc/isi/doc:7@{DIGEST}", ["recette runs it on central as cineges-doc"])
    assert seen[f"reg.nc/{UI}"].why[1:] == ["recette runs it on central as cineges-ui"]
    assert reasons(plan, {"recette": pins})["dkr.isi.nc/isi/runner:4"] == [EXTRA]


def test_what_is_no_reference_is_said_with_its_place_and_what_may_be_one_as_a_doubt() -> None:
    plan = build.plan(ROOT, load_stack("master"))
    seen = found(plan, workload("Pod", ":latest", "quay.io/a/b:1", SCAN="quay.io/aqua/scan", NOT="/usr/lib/x"))
    (unreadable,) = seen.unreadable
    assert unreadable.startswith("central: central: Pod x: containers.c0.image = ':latest' is no image")
    assert seen.doubtful[0].endswith("env.SCAN.value = 'quay.io/aqua/scan' may be an image without its tag")
    assert "quay.io/a/b:1" in {image.source for image in seen.images}, "a stack without a delivery pulls it from there"


def test_an_image_of_docker_hub_is_listed_with_the_place_that_nodes_pull_it_from() -> None:
    plan = build.plan(ROOT, load_stack("master"))
    seen = found(plan, workload("Pod", "alpine", "grafana/grafana:12", WORKER_IMAGE="redis:7"))
    sources = {image.pulled: image.source for image in seen.images}
    assert (sources["alpine"], sources["grafana/grafana:12"], sources["redis:7"]) == (
        "docker.io/alpine:latest",
        "docker.io/grafana/grafana:12",
        "docker.io/redis:7",
    )
    assert seen.unreadable == []


@pytest.mark.helm
@pytest.mark.parametrize("stack", ["master", "recette"])
def test_the_list_of_a_stack_of_the_sample_is_what_its_plan_has(stack: str, tmp_path: Path) -> None:
    plan = build.plan(ROOT, load_stack(stack))
    seen = listing(plan, proof.rendered_and_judged(plan, ROOT / "charts", tmp_path), {})
    assert (seen.unreadable, seen.doubtful) == ([], [])
    assert {image.source for image in seen.images} == set(plan.images)
    assert not [image for image in seen.images if "though no object names it" in str(image.why)]
    roles = {why.rsplit("(", 1)[1] for image in seen.images for why in image.why}
    assert {"container)", "CronJob)"} <= roles
