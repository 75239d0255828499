"""Images in rendered manifests: none missed, wherever it stands; and what is no image is not taken for one."""

import time
from typing import Any

import pytest
import yaml

from bus.config.parsing import YamlLoader
from bus.images.delivered.proof import judge
from bus.images.delivered.rendered import Named, mentions, named

DIGEST = "sha256:" + "d" * 64
CRONJOB = f"""
kind: CronJob
metadata: {{name: import}}
spec:
  jobTemplate:
    spec:
      template:
        spec:
          initContainers: [{{name: wait, image: "dkr.isi.nc/isi/wait:1"}}]
          containers:
            - name: run
              image: dkr.isi.nc/isi/run@{DIGEST}
              args: ["--sidecar=dkr.isi.nc/isi/side:2"]
              env:
                - {{name: WORKER_IMAGE, value: "host:5000/isi/worker:3"}}
                - {{name: ES, value: "http://es.site.nc:9200/films"}}
                - {{name: JDBC, value: "jdbc:postgresql://postgres.x:5432/db"}}
                - {{name: BROKER, value: "kafka.x:9092"}}
                - {{name: PATH_, value: "/usr/share/x.y/z:1"}}
"""
OTHERS = """
kind: Kafka
metadata: {name: broker}
spec: {image: "quay.io/strimzi/kafka:0.4", entityOperator: {topicOperator: {image: "localhost:5000/op:1"}}}
---
kind: ConfigMap
metadata: {name: agent}
data:
  agent.conf: "runner:\\n  image = registry.gitlab.nc/team/runner:17.1\\n"
  scan.repository: mirror.gcr.io/aqua/scan
---
kind: Service
metadata: {name: plain}
spec: {ports: [{port: 80, name: image}]}
"""


def documents(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text))


def test_hooks_init_containers_cronjobs_env_and_args_are_all_seen() -> None:
    assert set(named(documents(CRONJOB))) == {
        Named("dkr.isi.nc/isi/wait:1", "CronJob import: initContainers.wait.image", True, "init container"),
        Named(f"dkr.isi.nc/isi/run@{DIGEST}", "CronJob import: containers.run.image", True, "CronJob"),
        Named("dkr.isi.nc/isi/side:2", "CronJob import: containers.run.args.0", False, "text"),
        Named("host:5000/isi/worker:3", "CronJob import: containers.run.env.WORKER_IMAGE.value", False, "text"),
    }


def test_custom_resources_and_config_are_seen_too() -> None:
    assert [(found.image, found.role) for found in named(documents(OTHERS))] == [
        ("quay.io/strimzi/kafka:0.4", "custom resource"),
        ("localhost:5000/op:1", "custom resource"),
        ("registry.gitlab.nc/team/runner:17.1", "text"),
        ("mirror.gcr.io/aqua/scan", "text"),
    ]


def test_the_prose_of_a_definition_names_examples_and_its_defaults_are_seen() -> None:
    image = {"description": "such as quay.io/ceph/nvmeof:1.5", "default": "quay.io/ceph/nvmeof:1.6"}
    spec = {"versions": [{"name": "v1", "schema": {"properties": {"image": image}}}]}
    (found,) = named([{"kind": "CustomResourceDefinition", "metadata": {"name": "c"}, "spec": spec}])
    assert found.image == "quay.io/ceph/nvmeof:1.6"


CONFIG = """
versions:
- natsStreamingImage: nats-streaming:0.22.1
  image: 'jenkins/agent:3-1'
  image: png
  imagePull: a:1
"""
# Shapes of public charts: argo-events, jenkins, opentelemetry-kube-stack, cloudnative-pg, longhorn, datadog.
SHAPES: list[tuple[dict[str, Any], list[str]]] = [
    ({"data": {"c.yaml": CONFIG}}, ["nats-streaming:0.22.1", "jenkins/agent:3-1"]),
    ({"spec": {"args": ["--collector-image=otel/collector:1", "--level=info:1"]}}, ["otel/collector:1"]),
    ({"spec": {"args": ["--engine-image", "longhornio/engine:1", "--name", "a/b:1"]}}, ["longhornio/engine:1"]),
    ({"spec": {"args": ["one\n--image=redis:7 \\\n  --x"]}}, ["redis:7"]),
    ({"spec": {"env": [{"name": "RELATED_IMAGE_NAME", "value": "grafana/agent"}]}}, ["grafana/agent"]),
    ({"spec": {"env": [{"name": "GREETING", "value": "grafana/agent:1"}]}}, []),
    ({"spec": {"imageName": "postgres:16"}}, ["postgres:16"]),
    ({"spec": {"image": {"registry": "quay.io", "repository": "a/b", "tag": "1"}}}, ["quay.io/a/b:1"]),
    ({"spec": {"aImage": {"repository": "gcr.io/dd", "name": "a", "digest": DIGEST}}}, [f"gcr.io/dd/a@{DIGEST}"]),
    ({"spec": {"image": {"repository": "quay.io/a/b"}}}, ["quay.io/a/b"]),
    ({"kind": "ConfigMap", "data": {"image": "logo.png", "BACKGROUND_IMAGE": "on"}}, []),
    ({"kind": "ConfigMap", "data": {"image": "redis:7"}}, ["redis:7"]),
    ({"spec": {"required": ["image", "newVersion"]}}, []),
    ({"metadata": {"annotations": {"agent": "uses quay.io/a/b:1, and more"}}}, ["quay.io/a/b:1"]),
    ({"data": {"net": "10.0.0.0/8", "svc": "es.site.svc:9200/films", "far": "es.site.svc.cluster.local/films"}}, []),
    ({"kind": "PodList", "items": [{"kind": "Pod", "spec": {"containers": [{"image": "a.b/c:1"}]}}]}, ["a.b/c:1"]),
]  # fmt: skip


@pytest.mark.parametrize(("document", "images"), SHAPES)
def test_shapes_of_public_charts(document: dict[str, Any], images: list[str]) -> None:
    assert [found.image for found in named([{"kind": "X", **document}])] == images


def test_a_long_text_is_looked_through_at_once() -> None:
    """A megabyte without a space, as a Secret may hold: a pattern that begins anew at each character takes hours."""
    secret = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "imag3" * 200_000, "b": "a-a.a" * 200_000}}
    started = time.monotonic()
    assert list(named([secret])) == []
    assert time.monotonic() - started < 10


def test_odd_documents_stop_nothing_and_hide_nothing() -> None:
    text = "---\n---\nx: =\nimage: a.b/c:1\n---\n- {kind: Pod, image: a.b/d:1}\n---\nonly text\n"
    objects = list(yaml.load_all(text, YamlLoader))
    assert [found.image for found in named(objects)] == ["a.b/c:1", "a.b/d:1"]


def test_a_hook_is_told_from_what_runs_all_the_time() -> None:
    meta = {"name": "migrate", "annotations": {"helm.sh/hook": "pre-upgrade"}}
    spec = {"template": {"spec": {"containers": [{"name": "c", "image": "reg.nc/migrate:1"}]}}}
    job = {"kind": "Job", "metadata": meta, "spec": spec}
    assert [found.role for found in named([job, {**job, "metadata": {"name": "plain"}}])] == ["hook", "container"]


@pytest.mark.parametrize(
    ("text", "registry", "count"),
    [
        ("dkr.isi.nc/isi/x:1", "reg.client", 1),
        ("reg.client/isi/x:1", "reg.client", 0),
        ("https://dkr.isi.nc/v2/", "reg.client", 1),
        ("mydkr.isi.nc/x and dkr.isi.nc.fr/x", "reg.client", 0),
        ("dkr.isi.nc/client/isi/x:1", "dkr.isi.nc/client", 0),
        ("dkr.isi.nc/isi/x:1", "dkr.isi.nc/client", 1),
    ],
)
def test_a_mention_of_the_source_registry_is_found_in_any_text(text: str, registry: str, count: int) -> None:
    document = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": text}}
    assert len(list(mentions([document], ["dkr.isi.nc"], registry))) == count


def test_what_was_not_delivered_is_refused_with_its_place_and_the_way_out() -> None:
    env = [{"name": "HELPER", "value": "reg.client/isi/helper:1"}]
    pod = {"containers": [{"name": "a", "image": "reg.client/isi/x:1", "env": env}]}
    deployment = {"kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": {"spec": pod}}}

    def said(*delivered: str) -> list[str]:
        return [str(p) for p in judge([deployment], "umbrella", "central", delivered, ["dkr.isi.nc"], "reg.client")]

    assert said("reg.client/isi/x:1", "reg.client/isi/helper:1") == []
    (missing,) = said("reg.client/isi/x:1")
    assert missing.startswith("charts/umbrella: Deployment d: containers.a.env.HELPER.value: central: ")
    assert "looks like an image and is not delivered; name it in bus:delivery.extraImages" in missing
    assert "is in no list of what is delivered" in said("reg.client/isi/helper:1")[0]


def test_an_image_whose_tag_stands_elsewhere_is_found_by_its_place() -> None:
    config = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"scan.repository": "reg.client/isi/scan"}}
    plain = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"topologyKey": "topology.kubernetes.io/zone"}}

    def said(*delivered: str) -> list[str]:
        return [p.path for p in judge([config, plain], "umbrella", "central", delivered, ["dkr.isi.nc"], "reg.client")]

    assert said() == said("reg.client/isi/scanner:1") == ["ConfigMap c: data.scan.repository"]
    assert said("reg.client/isi/scan:1") == []


def test_text_that_is_no_image_is_let_pass_by_name_and_only_that() -> None:
    env = [{"name": "A", "value": "argocd.argoproj.io/instance"}, {"name": "B", "value": "reg.client/isi/b:1"}]
    pod = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"image": "reg.client/a:1", "env": env}]}}
    others = ["argocd.argoproj.io/instance", "reg.client/a:1"]
    said = [problem.path for problem in judge([pod], "u", "central", (), (), "reg.client", others)]
    assert said == ["Pod p: spec.containers.0.image", "Pod p: spec.containers.0.env.B.value"], "what runs is an image"
    other = {
        "kind": "Film",
        "metadata": {"name": "f"},
        "spec": {"image": "poster", "b": {"image": {"repository": "a/b"}}},
    }
    assert [found.image for found in named([other], ["poster", "a/b"])] == []
    assert [found.image for found in named([other])] == ["poster", "a/b"]
    assert len(judge([pod], "u", "central", ["reg.client/a:1", "reg.client/isi/b:1"], (), "reg.client")) == 1


BOTH = f"r.io/team/b:1.0@{DIGEST}"
# Where an image stands, as text of that place names it: tag and digest, upper case, IPv6, annotations without a host.
PLACES: list[tuple[dict[str, Any], list[str]]] = [
    ({"spec": {"env": [{"name": "WORKER", "value": BOTH}]}}, [BOTH]),
    ({"spec": {"args": [f"--worker={BOTH}"]}}, [BOTH]),
    ({"spec": {"args": ["--worker-image", f"team/b:1.0@{DIGEST}"]}}, [f"team/b:1.0@{DIGEST}"]),
    ({"kind": "ConfigMap", "data": {"a": f"image: redis:7@{DIGEST}\n"}}, [f"redis:7@{DIGEST}"]),
    ({"metadata": {"annotations": {"x": BOTH}}}, [BOTH]),
    ({"spec": {"env": [{"name": "W", "value": "r.io/b@sha512:" + "a" * 128}]}}, ["r.io/b@sha512:" + "a" * 128]),
    ({"spec": {"env": [{"name": "W", "value": "REG.Example.NC/team/b:1"}]}}, ["REG.Example.NC/team/b:1"]),
    ({"spec": {"env": [{"name": "W", "value": "Reg:5000/team/b:1"}]}}, ["Reg:5000/team/b:1"]),
    ({"spec": {"env": [{"name": "W", "value": "[2001:DB8::1]:5000/b:1"}]}}, ["[2001:DB8::1]:5000/b:1"]),
    ({"spec": {"args": [f"--worker=[::1]/team/b@{DIGEST}"]}}, [f"[::1]/team/b@{DIGEST}"]),
    ({"data": {"place": "[fd00::1]:5000/team/b"}}, ["[fd00::1]:5000/team/b"]),
    ({"data": {"place": "REG.example.nc/team/b"}}, ["REG.example.nc/team/b"]),
    ({"metadata": {"annotations": {"vault.hashicorp.com/agent-image": "hashi/vault:1"}}}, ["hashi/vault:1"]),
    ({"metadata": {"annotations": {"sidecar.istio.io/proxyImage": "istio/proxyv2:1"}}}, ["istio/proxyv2:1"]),
    ({"metadata": {"annotations": {"x.io/image": f"redis:7@{DIGEST}"}}}, [f"redis:7@{DIGEST}"]),
    ({"metadata": {"annotations": {"x.io/sidecar-image": "reg:5000/a/b"}}}, ["reg:5000/a/b"]),
    ({"metadata": {"annotations": {"x.io/inject": '{"image": "redis:7", "n": 1}'}}}, ["redis:7"]),
    ({"metadata": {"annotations": {"x.io/image": "on", "y.io/image-pull": "a/b:1", "z": "a.b/c"}}}, []),
    ({"spec": {"template": {"metadata": {"annotations": {"x.io/image": "a/b"}}}}}, ["a/b"]),
    ({"spec": {"env": [{"name": "IMAGES", "value": "redis:7,a/b:1"}]}}, ["redis:7", "a/b:1"]),
    ({"metadata": {"annotations": {"x.io/sidecar-images": "redis:7, r.io/b:1"}}}, ["r.io/b:1", "redis:7"]),
    ({"kind": "ConfigMap", "data": {"images": "image: redis:7\n"}}, ["redis:7"]),
    ({"spec": {"env": [{"name": "IMAGE_RATIO", "value": "16:9"}, {"name": "IMAGES", "value": "all of them"}]}}, []),
    ({"spec": {"env": [{"name": "W", "value": "http://[::1]:5000/a/b:1 and https://A.b/c:1"}]}}, []),
]  # fmt: skip


@pytest.mark.parametrize(("document", "images"), PLACES)
def test_an_image_is_seen_however_its_place_writes_it(document: dict[str, Any], images: list[str]) -> None:
    assert [found.image for found in named([{"kind": "X", **document}])] == images


@pytest.mark.parametrize(
    ("written", "delivered", "same"),
    [
        (BOTH, f"r.io/team/b@{DIGEST}", True),
        (f"r.io/team/b@{DIGEST}", f"r.io/team/b@{DIGEST}", True),
        (BOTH, "r.io/team/b:1.0", False),
        (BOTH, "r.io/team/b@sha256:" + "e" * 64, False),
        (BOTH, f"r.io/team/c@{DIGEST}", False),
        ("R.IO/team/b:1", "r.io/team/b:1", True),
        ("r.io/team/b:1", "r.io/team/b:2", False),
        ("r.io/team/b", BOTH, True),
        (f"reg:5000/b:1@{DIGEST}", f"reg:5000/b@{DIGEST}", True),
        (f"redis:7@{DIGEST}", f"redis@{DIGEST}", True),
        ("[::1]:5000/b:1", "[::1]:5000/b:1", True),
    ],
)
def test_tag_and_digest_together_are_the_image_of_the_digest(written: str, delivered: str, same: bool) -> None:
    assert Named(written, "", True, "container").names(delivered) is same
    pod = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": written}]}}
    assert (judge([pod], "u", "central", [delivered], (), "r.io") == []) is same


def test_a_source_registry_in_upper_case_is_a_mention_of_it() -> None:
    document = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "DKR.isi.nc/x", "b": "Reg.client/x"}}
    assert len(list(mentions([document], ["dkr.isi.nc", "reg.client"], "REG.client"))) == 1
