"""What no release may hold, whatever its values and its charts say."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.deployment import deployable
from bus.releases.render import charts, guard, rendering

ROOT = Path(__file__).parents[2]
# What the charts of the project make: a new kind is a new line here.
MAKES = {
    "api-chart": "Deployment Ingress NetworkPolicy PodDisruptionBudget Service",
    "db2kafka": "CronJob",
    "docker-registry": "ConfigMap Ingress NetworkPolicy PodDisruptionBudget Service StatefulSet",
    "es": "NetworkPolicy PodDisruptionBudget Service StatefulSet",
    "hickson-base": "ConfigMap Secret",
    "hwproxy": "Deployment Ingress NetworkPolicy PodDisruptionBudget Service",
    "kafka": "ConfigMap NetworkPolicy PodDisruptionBudget Service StatefulSet",
    "kafka-notif": "Deployment Ingress NetworkPolicy PodDisruptionBudget Service",
    "kafka2kafka": "ConfigMap Deployment",
    "kafkastreams-chart": "Deployment Ingress NetworkPolicy PodDisruptionBudget Service",
    "odoo": "Deployment Ingress NetworkPolicy PodDisruptionBudget Service",
    "postgres": "NetworkPolicy PodDisruptionBudget Service StatefulSet",
    "ui-chart": "Deployment Ingress NetworkPolicy PodDisruptionBudget Service",
    "zookeeper": "ConfigMap NetworkPolicy PodDisruptionBudget Service StatefulSet",
}
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: ui}"


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return charts.stage(ROOT / "charts", "hickson-central", tmp_path_factory.mktemp("staged"))


def refused(staged: Path, manifest: str, template: str = "service", namespace: str = "site") -> list[str]:
    source = f"---\n# Source: hickson-central/charts/cineges-ui/templates/{template}.yaml\n"
    try:
        guard.check(source + manifest, staged, "central", namespace)
    except guard.Unexpected as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize("chart", sorted(path.parent.name for path in (ROOT / "charts").glob("*/Chart.yaml")))
def test_what_each_chart_makes_is_known(chart: str, tmp_path: Path) -> None:
    folder = charts.stage(ROOT / "charts", chart, tmp_path)
    version = charts.read(folder).version
    templates = sorted((folder / "templates").glob("*.yaml"))
    made = {kind for file in templates for _, kind in guard.made_by(folder, version, f"{chart}/templates/{file.name}")}
    assert made == set(MAKES.get(chart, "").split())


def test_what_a_template_makes_is_taken(staged: Path) -> None:
    assert refused(staged, SERVICE) == []
    assert refused(staged, SERVICE.replace("{name: ui}", "{name: ui, namespace: site}")) == []


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (SERVICE.replace("Service", "Pod"), "renders to Pod/ui of v1; it makes Service only"),
        (SERVICE.replace("v1", "other/v1"), "renders to Service/ui of other/v1; it makes Service only"),
        (SERVICE.replace("Service", "ClusterRoleBinding"), "ClusterRoleBinding/ui, which belongs to the whole cluster"),
        (SERVICE.replace("Service", "Namespace"), "Namespace/ui, which belongs to the whole cluster"),
        (SERVICE.replace("Service", "List"), "renders to List/ui of v1; it makes Service only"),
        (SERVICE.replace("{name: ui}", "{name: ui, namespace: kube-system}"), "in namespace kube-system"),
        (f"{SERVICE}\n---\n{SERVICE.replace('Service', 'Pod')}", "renders to Pod/ui"),
        (f"{SERVICE}\n---\n# Source: x\n{SERVICE.replace('Service', 'Pod')}", "Pod/ui"),
        ("- a\n- b", "renders to something that is no object of Kubernetes"),
        ("kind: Service", "renders to something that is no object of Kubernetes"),
    ],
)  # fmt: skip
def test_what_it_does_not_make_is_refused_with_the_brick(staged: Path, manifest: str, said: str) -> None:
    (line,) = refused(staged, manifest)
    assert said in line
    assert line.startswith(
        ("values/cineges-ui.yml: release central: charts/ui-chart/templates/service.yaml", "charts/hickson-central: ")
    )


def test_an_object_of_no_template_is_refused(staged: Path) -> None:
    with pytest.raises(guard.Unexpected, match="its first object"):
        guard.check(SERVICE, staged, "central", "site")
    assert "it makes nothing only" in refused(staged, SERVICE, "../../kafka/templates/service")[0]


def test_a_template_that_makes_what_belongs_to_the_cluster_is_refused_all_the_same(tmp_path: Path) -> None:
    folder = shutil.copytree(ROOT / "charts", tmp_path / "charts")
    role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: all}"
    (folder / "ui-chart/templates/service.yaml").write_text(role)
    (folder / "kafka-notif/crds").mkdir()
    (folder / "kafka-notif/crds/x.yaml").write_text("kind: CustomResourceDefinition")
    ui = charts.stage(folder, "hickson-central", tmp_path / "staged")
    assert "ClusterRole/all, which belongs to the whole cluster" in refused(ui, role)[0]
    notif = charts.stage(folder, "kafka-notif", tmp_path / "staged")
    with pytest.raises(guard.Unexpected, match=r"crds/x\.yaml: a definition belongs to the whole cluster"):
        guard.check("", notif, "kafka-notif", "site")


@pytest.mark.helm
@pytest.mark.parametrize("chart", deployable("hickson"))
def test_what_helm_makes_with_everything_on_is_taken(chart: str, tmp_path: Path) -> None:
    from tests.support.rendered import everything_on

    folder = charts.stage(ROOT / "charts", chart, tmp_path)
    assert "kind:" in rendering.render(folder, "x", "site", everything_on(chart)) or chart == "kafka2kafka"


@pytest.mark.helm
def test_a_template_that_forgets_to_encode_a_value_is_caught(tmp_path: Path) -> None:
    folder = shutil.copytree(ROOT / "charts", tmp_path / "charts")
    template = folder / "brickhelper/templates/_objects.tpl"
    template.write_text(template.read_text().replace("host: {{ .host | quote }}", "host: {{ .host }}"))
    schema = json.loads((folder / "ui-chart/values.schema.json").read_text())
    schema["definitions"]["host"] = {"type": "string"}
    (folder / "ui-chart/values.schema.json").write_text(json.dumps(schema))
    host = "x\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: node-root, namespace: kube-system}\nspec:"
    values: dict[str, Any] = {"cineges-ui": {"ingress": {"enabled": True, "hosts": [{"host": host}]}}}
    staged = charts.stage(folder, "hickson-central", tmp_path / "staged")
    with pytest.raises(guard.Unexpected) as caught:
        rendering.render(staged, "central", "site", values)
    assert (
        "values/cineges-ui.yml: release central: charts/ui-chart/templates/ingress.yaml renders to Pod/node-root"
        in str(caught.value)
    )


@pytest.mark.helm
def test_characters_above_the_basic_plane_are_rendered(tmp_path: Path) -> None:
    folder = charts.stage(ROOT / "charts", "kafka-notif", tmp_path)
    text = "🎬 cinéma \U0001d4b3 \u2028 \x85 \ufeff \x7f"
    manifest = rendering.render(folder, "x", "site", {"env": {"A": text}})
    found = [document for document in yaml.safe_load_all(manifest) if document["kind"] == "Deployment"]
    assert {"name": "A", "value": text} in found[0]["spec"]["template"]["spec"]["containers"][0]["env"]


def test_the_same_release_is_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def helm(*given: Any, **_: Any) -> Any:
        ran.append(given)
        return subprocess.CompletedProcess((), 0, "", "")

    monkeypatch.setattr(subprocess, "run", helm)
    folder = charts.stage(ROOT / "charts", "kafka-notif", tmp_path)
    for namespace in ("a", "a", "b"):
        rendering.render(folder, "x", namespace, {"env": {"A": "b"}})
    assert len(ran) == 2


@pytest.mark.helm
def test_config_and_annotations_keep_every_character(tmp_path: Path) -> None:
    """Helm's toYaml writes an empty map where one text has U+007F, and a blank for U+0085."""
    text = "a\x7fb\x85c\u2028d"
    folder = charts.stage(ROOT / "charts", "hickson-base", tmp_path)
    values: dict[str, Any] = {
        "config": {"data": {"shop.address": text}},
        "odoo": {"podAnnotations": {"example.org/note": text}, "env": {"A": text}},
    }
    documents = [one for one in yaml.safe_load_all(rendering.render(folder, "x", "site", values)) if one]
    (config,) = (one for one in documents if one["metadata"]["name"] == "cineges-config")
    assert config["data"]["shop.address"] == text
    (odoo,) = (one for one in documents if one["kind"] == "Deployment" and one["metadata"]["name"] == "odoo")
    template = odoo["spec"]["template"]
    assert template["metadata"]["annotations"]["example.org/note"] == text
    assert {"name": "A", "value": text} in template["spec"]["containers"][0]["env"]


@pytest.mark.parametrize(
    ("template", "makes"),
    [
        ("apiVersion: v1\nkind: Service\n", {("v1", "Service")}),
        ("kind: Service\napiVersion: v1\n", {("v1", "Service")}),
        ("apiVersion: \"v1\"\nkind: 'Service'\n", {("v1", "Service")}),
        ("{{ if .Values.a }}\n  apiVersion: apps/v1  \n  kind: Deployment\n{{ end }}", {("apps/v1", "Deployment")}),
        (
            '{{- range list "Deployment" "StatefulSet" }}\napiVersion: apps/v1\nkind: {{ . }}\n---\n{{ end }}',
            {("apps/v1", "Deployment"), ("apps/v1", "StatefulSet")},
        ),
        ("apiVersion: v1\nkind: {{ .Values.kind }}\n", set()),
        ('apiVersion: v1\nkind: Service\nmetadata: {name: {{ eq .Values.kind "Pod" }}}\n', {("v1", "Service")}),
    ],
)
def test_a_template_of_any_style_says_what_it_makes(tmp_path: Path, template: str, makes: set[tuple[str, str]]) -> None:
    """Charts of other customers compute kinds, quote them, or write them first."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: other\nversion: 1.0.0\n")
    (tmp_path / "templates/x.yaml").write_text(template)
    assert guard.made_by(tmp_path, f"1.0.0+{hash(template)}", "other/templates/x.yaml") == makes


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (f"{SERVICE}\n---\n{SERVICE}", "release central: Service/ui is rendered twice; write each name once"),
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ui}\nspec: {template: {spec: {containers: "
            "[{name: main, env: [{name: A, value: x}, {name: B}, {name: A, valueFrom: {}}]}]}}}",
            "release central: Deployment/ui: variable A of container main has two sources; write each name once",
        ),
        (SERVICE, ""),
    ],
)
def test_a_name_that_stands_twice_is_refused(staged: Path, manifest: str, said: str) -> None:
    assert [one for one in refused(staged, manifest) if "write each name once" in one] == (
        [f"values/cineges-ui.yml: {said}"] if said else []
    )


@pytest.mark.parametrize(
    ("message", "file"),
    [
        (
            "Error: YAML parse error on hickson-central/charts/cineges-ui/templates/ingress.yaml: error",
            "values/cineges-ui.yml",
        ),
        (
            "Error: template: hickson-base/charts/isiinfra/charts/kafka/templates/config.yaml:7:3: executing",
            "values/kafka.yml",
        ),
        (
            "Error: values don't meet the specifications of the schema(s) in the following chart(s):\n"
            "cineges-doc:\n- at '/image': missing property 'name'\n",
            "values/cineges-doc.yml",
        ),
        (
            "Error: values don't meet the specifications of the schema(s) in the following chart(s):\n"
            "hickson-central:\n- at '': additional properties 'x' not allowed\n",
            "",
        ),
        ("Error: template: hickson-base/templates/config.yaml:7:3: executing", ""),
        ("Error: cannot load Chart.yaml: no such file", ""),
    ],
)
def test_what_helm_refuses_is_of_the_brick_it_names(staged: Path, message: str, file: str) -> None:
    assert rendering.blamed(staged, message) == file


@pytest.mark.helm
def test_what_helm_refuses_names_the_file_of_the_brick(tmp_path: Path) -> None:
    staged = charts.stage(ROOT / "charts", "hickson-central", tmp_path)
    with pytest.raises(rendering.NoHelm) as refusal:
        rendering.render(staged, "central", "site", {"cineges-ui": {"image": {"tag": None, "digest": None}}})
    assert refusal.value.file == "values/cineges-ui.yml"
