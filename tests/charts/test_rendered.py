"""Every deployable chart under the real helm: lint, each stack's values, one registry for all images, Pod Security."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus import charts, deployment
from bus.deployment import DEPLOYABLE
from bus.releases.values import places
from tests.settings.test_settings import load_stack

pytestmark = pytest.mark.helm
ROOT = Path(__file__).parents[2]
STACKS = ["local", "master", "recette", "prod"]


@pytest.fixture(scope="session")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("staged")
    for chart in DEPLOYABLE:
        charts.stage(ROOT / "charts", chart, out)
    return out


def helm(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(["helm", *arguments], input=stdin, capture_output=True, text=True, check=False)


def render(folder: Path, values: dict[str, Any]) -> list[dict[str, Any]]:
    done = helm("template", "x", str(folder), "--namespace", "site", "-f", "-", stdin=yaml.safe_dump(values))
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def pods(documents: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for document in documents:
        spec = document.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec and "spec" in spec["template"]:
            yield f"{document['kind']} {document['metadata']['name']}", spec["template"]["spec"]


def everything_on(chart: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for path, _ in places(ROOT / "charts", chart).values():
        here = values
        for part in path:
            here = here.setdefault(part, {})
        if path:
            here["enabled"] = True
    return values


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", []), *pod["containers"]]


@pytest.mark.parametrize("chart", DEPLOYABLE)
def test_helm_lints_it(staged: Path, chart: str) -> None:
    done = helm("lint", "--strict", str(staged / chart))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("chart", DEPLOYABLE)
def test_an_unknown_key_is_refused_by_the_schema(staged: Path, chart: str) -> None:
    done = helm("template", "x", str(staged / chart), "--set", "nonsense.key=1")
    assert done.returncode != 0
    assert "nonsense" in done.stderr


@pytest.mark.parametrize("chart", DEPLOYABLE)
def test_one_registry_overrides_every_image_and_pods_pass_restricted(staged: Path, chart: str) -> None:
    values = {**everything_on(chart), "global": {"repository": "registry.client/all"}}
    if chart == "kafka2kafka":
        topics = {"ctrl2cplx": ["notifications"], "cplx2ctrl": ["cineges[.].+[.]save"]}
        place = {"name": "cinecity", "bootstrapServers": "kafka.x:9092", "replicationFactor": 1, "topics": topics}
        values["complexes"] = [place]
    documents = render(staged / chart, values)
    found = list(pods(documents))
    assert found
    for name, pod in found:
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        for container in containers(pod):
            assert container["image"].startswith("registry.client/all/"), name
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["capabilities"]["drop"] == ["ALL"], name
            assert container["resources"]["requests"], name
            assert container["resources"]["limits"]["memory"], name
    assert not [d for d in documents if "helm.sh/hook" in str(d["metadata"].get("annotations", {}))], "no hooks"


@pytest.mark.parametrize("stack", STACKS)
def test_each_stack_renders_with_its_own_values(staged: Path, stack: str) -> None:
    plan = deployment.plan(ROOT, load_stack(stack))
    for site in plan.sites:
        for release in plan.releases(site):
            images = {
                c["image"] for _, pod in pods(render(staged / release.chart, release.values)) for c in containers(pod)
            }
            known = {str(image.relocated(plan.registry)) for image in release.images.values()}
            assert images <= known, f"{site} {release.name} deploys images that nothing delivers"


def test_a_digest_wins_over_the_tag(staged: Path) -> None:
    digest = "sha256:" + "a" * 64
    documents = render(staged / "kafka-notif", {"image": {"digest": digest}})
    ((_, pod),) = pods(documents)
    assert pod["containers"][0]["image"] == f"dkr.isi.nc/isi/kafka-notif@{digest}"


def test_zookeeper_mode_renders_a_zookeeper_and_brokers_that_use_it(staged: Path) -> None:
    values = {"isiinfra": {"kafka": {"mode": "zookeeper"}, "zookeeper": {"enabled": True}}}
    documents = render(staged / "hickson-base", values)
    names = {(d["kind"], d["metadata"]["name"]) for d in documents}
    assert {("StatefulSet", "kafka"), ("StatefulSet", "zookeeper")} <= names
    assert "zookeeper.connect" in str(documents)


def test_a_third_complexe_leaves_the_other_mirrors_as_they_are(staged: Path) -> None:
    def place(name: str) -> dict[str, Any]:
        topics = {"ctrl2cplx": ["notifications"], "cplx2ctrl": []}
        return {"name": name, "bootstrapServers": f"kafka.{name}:9092", "replicationFactor": 1, "topics": topics}

    two = render(staged / "kafka2kafka", {"complexes": [place("a"), place("b")]})
    three = render(staged / "kafka2kafka", {"complexes": [place("a"), place("b"), place("c")]})
    before = {d["metadata"]["name"]: d for d in two if d["kind"] == "Deployment"}
    after = {d["metadata"]["name"]: d for d in three if d["kind"] == "Deployment"}
    assert len(after) == len(before) + 1
    assert {name: after[name] for name in before} == before
