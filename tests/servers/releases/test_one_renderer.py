"""What is previewed is what is deployed: hostile values through the real engine, and overrides that are removed."""

import json
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.plan import build
from bus.releases.recovery import records
from bus.releases.render import charts, rendering
from bus.releases.render.values import Layer, release_values, with_defaults
from tests.support.engine import Engine
from tests.support.kwok import Kwok
from tests.support.stacks import load_stack

pytestmark = pytest.mark.servers
ROOT = Path(__file__).parents[3]
PROGRAM = """
import json, os, sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, {root!r})
import pulumi
import pulumi_kubernetes as k8s

from bus.deployment import Release
from components.umbrella import Umbrella, UmbrellaArgs

provider = k8s.Provider("cluster")
own = pulumi.ResourceOptions(provider=provider)
namespace = k8s.core.v1.Namespace("place", metadata={{"name": {namespace!r}}}, opts=own)
for name, given in json.loads(Path("releases.json").read_text()).items():
    release = Release(name, given["chart"], given["values"], 60)
    below = pulumi.ResourceOptions(providers={{"kubernetes": provider}})
    Umbrella(name, UmbrellaArgs(release, {namespace!r}, [namespace]), below)
"""
TEMPLATE = """apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-values
data:
  values: {{ toJson (omit .Values "global") | quote }}
  text: {{ .Values.number | toString | quote }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-pods
spec:
  replicas: 0
  selector: {matchLabels: {app: hostile}}
  template:
    metadata: {labels: {app: hostile}}
    spec:
      tolerations: {{- toYaml .Values.tolerations | nindent 8 }}
      containers:
        - name: main
          image: example.invalid/tiny:1
          args: {{- toYaml .Values.args | nindent 12 }}
          resources: {{- toYaml .Values.resources | nindent 12 }}
"""
DEFAULTS = """
resources: {requests: {cpu: 10m}, limits: {memory: 128Mi, cpu: 2}}
args: [serve]
tolerations: [{key: a, operator: Exists, tolerationSeconds: 5, effect: NoExecute}]
number: 1000000
absent: null
hosts: [x]
map: {k: v, deep: {a: 1, b: 2}}
"""
HOSTILE: dict[str, Any] = {
    "resources": {"limits": {"memory": None}},
    "args": [],
    "tolerations": [{"key": "b", "operator": "Exists", "value": None, "effect": "NoExecute"}],
    "hosts": [],
    "lists": [[], {}, {"a": None, "b": [None]}],
    "map": {"deep": {"a": None, "c": {}}, "k": None},
    "emoji": "🎬 cin\u00e9ma \u2028 \x85 \ufeff",
    "texts": ["1e5", "0123", "on", "~", "{{ .Values.map }}", "$(A)", '"]', "a\nb\r\n"],
    "numbers": [1.0, 1, 1e6, 1000000, 2**53, 1e21, 1e-7, 0, -0.5, False],
    "gone": None,
    "": "empty key",
    "snake_case_key": {"camelKey": 1, "__two": 2},
}  # fmt: skip


def live(kwok: Kwok, namespace: str) -> dict[str, Any]:
    """Everything of a namespace by kind and name that Helm made, without what the cluster adds to any object."""
    text = kwok.command(
        "kubectl", "get", "configmap,deployment,service,ingress,pdb,networkpolicy,cronjob,statefulset",
        "-n", namespace, "-o", "json",
    )  # fmt: skip
    items = [one for one in json.loads(text)["items"] if one["metadata"]["name"] != "kube-root-ca.crt"]
    for one in items:
        one.pop("status", None)
        for added in ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"):
            one["metadata"].pop(added, None)
        annotations = one["metadata"].get("annotations") or {}
        for added in [key for key in annotations if key.startswith(("meta.helm.sh/", "deployment.kubernetes.io/"))]:
            del annotations[added]
        labels = one["metadata"].get("labels") or {}
        labels.pop("app.kubernetes.io/managed-by", None)  # Helm gives it to every object
        for block in ("annotations", "labels"):
            if not one["metadata"].get(block):
                one["metadata"].pop(block, None)
        if one["kind"] == "Service":
            for added in ("clusterIP", "clusterIPs"):
                one["spec"].pop(added, None)
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in items}


def applied(kwok: Kwok, manifest: str) -> dict[str, Any]:
    """The live objects of a manifest in a namespace of its own: with every default of the same API server."""
    namespace = f"rendered-{uuid.uuid4().hex[:8]}"
    kwok.command("kubectl", "create", "namespace", namespace)
    kwok.command("kubectl", "create", "-n", namespace, "-f", "-", stdin=manifest)
    return renamed(live(kwok, namespace), namespace)


def renamed(objects: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """The same objects as if they were in namespace `n`."""
    found: dict[str, Any] = json.loads(json.dumps(objects).replace(namespace, "n"))
    return found


def chart(folder: Path) -> None:
    """An umbrella whose own values.yaml has defaults for its sub-chart, as a customer's may."""
    files = {
        "umbrella/Chart.yaml": {
            "apiVersion": "v2", "name": "umbrella", "version": "1.0.0",
            "dependencies": [{"name": "inner", "alias": "brick", "version": "1.0.0", "repository": "file://../inner"}],
        },
        "umbrella/values.yaml": {"brick": {"map": {"k": "umbrella"}, "gone": "umbrella", "hosts": ["umbrella"]}},
        "inner/Chart.yaml": {"apiVersion": "v2", "name": "inner", "version": "1.0.0"},
        "inner/values.yaml": yaml.safe_load(DEFAULTS),
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(yaml.safe_dump(content))
    (folder / "inner/templates").mkdir()
    (folder / "inner/templates/all.yaml").write_text(TEMPLATE)


def test_what_is_previewed_is_what_the_engine_deploys(kwok: Kwok, tmp_path: Path) -> None:
    namespace = f"one-{uuid.uuid4().hex[:8]}"
    engine = Engine(kwok, tmp_path, namespace)
    engine.prepare(PROGRAM)
    chart(tmp_path / "charts")
    for folder in (ROOT / "charts").iterdir():
        shutil.copytree(folder, tmp_path / "charts" / folder.name)
    plan = build.plan(ROOT, load_stack("local"))
    values = {
        "hostile": ("umbrella", with_defaults(tmp_path / "charts", "umbrella", {"brick": HOSTILE})),
        "plain": ("umbrella", with_defaults(tmp_path / "charts", "umbrella", {})),
        "central": (plan.sites["central"].bricks.chart, plan.sites["central"].bricks.values),
    }
    given = {name: {"chart": of, "values": content} for name, (of, content) in values.items()}
    (tmp_path / "releases.json").write_text(json.dumps(given))
    engine.up()

    rendered = {
        name: rendering.render(
            charts.stage(tmp_path / "charts", of, tmp_path / "own", bare=True), name, namespace, content
        )
        for name, (of, content) in values.items()
    }
    deployed = renamed(live(kwok, namespace), namespace)
    expected = applied(kwok, "\n".join(rendered.values()).replace(namespace, "n"))
    assert deployed.keys() == expected.keys()
    for name in deployed:
        assert deployed[name] == expected[name], name
    seen = json.loads(deployed["ConfigMap/hostile-values"]["data"]["values"])
    assert seen["resources"] == {"requests": {"cpu": "10m"}, "limits": {"cpu": 2}}
    assert "gone" not in seen
    assert seen["map"] == {"deep": {"b": 2, "c": {}}}
    assert (seen["args"], seen["hosts"], seen["emoji"]) == ([], [], HOSTILE["emoji"])

    cluster = kwok.cluster(namespace)
    history = records.read(cluster, list(values))
    for name, (_, content) in values.items():
        record = records.content(cluster, history[name][0])
        assert record["config"] == content, f"a preview of {name} would see another release"
    engine.pulumi("preview", "--expect-no-changes")


HELPER = "kafka-notif"
OVERRIDES: dict[str, Any] = {
    "image": {"tag": "9.9", "pullPolicy": "Always"},
    "replicaCount": 3,
    "env": {"LEVEL": "debug", "EMPTY": ""},
    "envFromConfig": {"HOST": "odoo.host"},
    "service": {"port": 8081},
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "annotations": {"nginx.ingress.kubernetes.io/use-regex": "true"},
        "hosts": [
            {"host": "*.cine.nc", "paths": [{"path": "/{id: [0-9]+}(/|$)(.*)", "pathType": "ImplementationSpecific"}]},
            {"host": "a.cine.nc"},
        ],
        "tls": [{"secretName": "tls", "hosts": ["*.cine.nc"]}],
    },
    "probes": {"liveness": {"exec": {"command": ["true"]}}, "startup": {"tcpSocket": {"port": "http"}}},
    "resources": {"requests": {"cpu": 1, "memory": None}, "limits": None},
    "podAnnotations": {"prometheus.io/scrape": "true", "note": "on"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "podDisruptionBudget": {"enabled": True},
    "networkPolicy": {"enabled": True, "from": [{"namespaceSelector": {}}]},
}


def test_an_override_that_is_removed_brings_the_charts_own_value_back(kwok: Kwok, tmp_path: Path) -> None:
    namespace = f"override-{uuid.uuid4().hex[:8]}"
    kwok.command("kubectl", "create", "namespace", namespace)
    folder = charts.stage(ROOT / "charts", HELPER, tmp_path, bare=True)

    def deploy(brick: Mapping[str, Any]) -> dict[str, Any]:
        layer = Layer("values/kafka-notif.yml", "", {HELPER: brick})
        values, problems = release_values(ROOT / "charts", HELPER, [layer], {})
        assert problems == []
        text = rendering.as_json(with_defaults(ROOT / "charts", HELPER, values))
        kwok.command("helm", "upgrade", "--install", "r", str(folder), "-n", namespace, "-f", "-", stdin=text)
        return live(kwok, namespace)

    before = deploy({})
    during = deploy(OVERRIDES)
    assert deploy({}) == before
    container = during["Deployment/kafka-notif"]["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"] == {"requests": {"cpu": "1"}}
    assert {"exec", "httpGet"} & container["livenessProbe"].keys() == {"exec"}
    rules = during["Ingress/kafka-notif"]["spec"]["rules"]
    assert [rule["host"] for rule in rules] == ["*.cine.nc", "a.cine.nc"]
    assert rules[0]["http"]["paths"][0]["path"] == "/{id: [0-9]+}(/|$)(.*)"
    # One name moves from a plain value to a key of cineges-config and back.
    deploy({"env": {"A": "x"}})
    moved = deploy({"envFromConfig": {"A": "odoo.host"}})["Deployment/kafka-notif"]
    (variable,) = (one for one in moved["spec"]["template"]["spec"]["containers"][0]["env"] if one["name"] == "A")
    assert variable == {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "cineges-config", "key": "odoo.host"}}}
    assert deploy({"env": {"A": "x"}}) != before
    assert deploy({}) == before
