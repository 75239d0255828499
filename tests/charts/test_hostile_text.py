"""Hostile text in every free place of a brick's file and of a stack file makes no object and shows no secret.

A few examples by default; BUS_HOSTILE_EXAMPLES=500 for more. Planning may refuse a text; what it takes, helm renders.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.config import settings as stack_settings
from bus.errors import InvalidInput
from bus.plan import build
from bus.releases.render import charts, rendering
from tests.support.stacks import SECRETS, config_of, flat

pytestmark = pytest.mark.helm
ROOT = Path(__file__).parents[2]
EXAMPLES = int(os.environ.get("BUS_HOSTILE_EXAMPLES", "12"))
Make = Callable[[str, str], dict[str, Any]]
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: root, namespace: kube-system}\n"
TEXTS = [
    f"x\n---\n{POD}",
    f'x"\n---\n{POD}',
    f"x'\r---\r{POD}",
    f"x\x85---\u2028{POD}",
    f"x\n# Source: hickson-central/templates/x.yaml\n{POD}",
    "A\n  valueFrom: {secretKeyRef: {name: kafka-brokers, key: jaas}}\n- name: B",
    "x, hostPID: true}",
    "{{ .Values.global }}",
    '{{ lookup "v1" "Secret" "" "" }}',
    "${dir:/etc/kafka-brokers:jaas}",
    "$(KAFKA_SASL_PASSWORD)",
    "*a &b !!python/name:os.system",
    "- a\n- b",
    "\n\n  key: value\n",
    "🎬 'é\" \\ %s",
    "~",
    "0x10",
    "yes",
]
text = st.one_of(
    st.sampled_from(TEXTS),
    st.text(max_size=40).map(lambda one: one.encode("utf-8", "replace").decode()),
    st.tuples(st.sampled_from(["a", "1", "/", "*."]), st.sampled_from(TEXTS)).map("".join),
)
# Where a brick's file takes text: brick, and a function from two texts to its values.
BRICK: dict[str, tuple[str, Make]] = {
    "env": ("cineges-ui", lambda a, b: {"env": {a: b, "PLAIN": a}}),
    "config": ("cineges-ui", lambda a, b: {"envFromConfig": {a: b, "HOST": b}}),
    "secret": ("cineges-ui", lambda a, b: {"envFromSecret": {a: b}}),
    "host": ("cineges-ui", lambda a, b: {"ingress": {"enabled": True, "hosts": [{"host": a}], "className": b}}),
    "path": (
        "cineges-ui",
        lambda a, b: {"ingress": {"enabled": True, "hosts": [{"host": b, "paths": [{"path": a, "pathType": b}]}]}},
    ),
    "ingress annotation": (
        "cineges-ui",
        lambda a, b: {"ingress": {"enabled": True, "annotations": {a: b, "x.y/z": a}}},
    ),
    "tls": ("cineges-ui", lambda a, b: {"ingress": {"enabled": True, "tls": [{"secretName": a, "hosts": [b]}]}}),
    "annotation": ("cineges-ui", lambda a, b: {"podAnnotations": {a: b, "note": a}}),
    "placement": ("cineges-ui", lambda a, b: {"nodeSelector": {a: b}, "affinity": {a: b}, "tolerations": [{a: b}]}),
    "probe": ("cineges-ui", lambda a, b: {"probes": {"liveness": {"exec": {"command": [a, b]}, a: b}}}),
    "policy": ("cineges-ui", lambda a, b: {"networkPolicy": {"enabled": True, "from": [{a: b}]}}),
    "resources": ("cineges-ui", lambda a, b: {"resources": {"limits": {a: b}}}),
    "image": ("cineges-ui", lambda a, b: {"image": {"tag": a, "name": b}}),
    "table": ("db2kafka", lambda a, b: {"tables": [{"name": "x", "schedule": "@daily", "env": {a: b, "Q": a}}]}),
    "schedule": ("db2kafka", lambda a, b: {"tables": [{"name": a, "schedule": b}]}),
    "es": ("es", lambda a, b: {"config": {a: b, "x.y": a}, "javaOpts": b}),
    "kafka": ("kafka", lambda a, b: {"config": {a: b, "x.y": a}}),
    "claim": ("postgres", lambda a, b: {"persistence": {"storageClass": a, "size": b}}),
    "global": ("cineges-ui", lambda a, b: {"global": {"repository": a, "imagePullSecrets": [b], "clusterDomain": a}}),
}
STACK: dict[str, Make] = {
    "config": lambda a, b: {"config": {a: b, "plain": a}},
    "odoo": lambda a, b: {"odoo": {"database": a, "host": b, "user": a}},
    "values": lambda a, b: {"values": {"cineges-ui": {"env": {a: b}, "podAnnotations": {a: b}}}},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "values", root / "values")
    (root / "charts").symlink_to(ROOT / "charts")
    return root


def objects(project: Path, site: dict[str, Any], stack: dict[str, Any]) -> set[tuple[str, str, str]] | None:
    """Kind, namespace and name of all that central is rendered to; None where planning or helm refuses it."""
    config = config_of("local")
    config["bus:sites"]["central"] |= site
    secrets = {f"bus:{name}": "s3cr3t-of-the-stack" for name in SECRETS}
    try:
        plan = build.plan(project, stack_settings.load("local", flat(config | stack) | secrets, set(secrets)))
        found = set()
        for release in plan.releases("central"):
            folder = charts.stage(ROOT / "charts", release.chart, project / "staged")
            manifest = rendering.render(folder, release.name, "hicksoncentral-local", release.values)
            assert "s3cr3t-of-the-stack" not in manifest
            for one in yaml.safe_load_all(manifest):
                found.add((one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]))
    except (InvalidInput, rendering.NoHelm) as error:
        assert "s3cr3t-of-the-stack" not in str(error)
        return None
    return found


@pytest.fixture(scope="module")
def ordinary(project: Path) -> set[tuple[str, str, str]]:
    found = objects(project, {}, {})
    assert found
    return found


def allowed(found: set[tuple[str, str, str]], ordinary: set[tuple[str, str, str]]) -> bool:
    """Whether nothing but what a switch of the values themselves turns on was added: an ingress, a policy, a table."""
    switched = {("Ingress", "", "cineges-ui"), ("NetworkPolicy", "", "cineges-ui"), ("CronJob", "", "db2kafka-x")}
    tables = {one for one in ordinary if one[0] == "CronJob"}
    new, gone = found - ordinary - switched, ordinary - found - tables
    return not gone and all(kind == "CronJob" and name.startswith("db2kafka-") for kind, _, name in new)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(place=st.sampled_from(sorted(BRICK)), one=text, other=text)
def test_text_of_a_brick_makes_no_object(
    place: str, one: str, other: str, project: Path, ordinary: set[tuple[str, str, str]]
) -> None:
    brick, values = BRICK[place]
    file = project / f"values/{brick}.yml"
    before = file.read_text()
    content = yaml.safe_load(before)
    content["values"] = values(one, other)
    try:
        file.write_text(yaml.safe_dump(content, allow_unicode=False))
        found = objects(project, {}, {})
    finally:
        file.write_text(before)
    assert found is None or allowed(found, ordinary)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(place=st.sampled_from(sorted(STACK)), one=text, other=text)
def test_text_of_a_stack_file_makes_no_object(
    place: str, one: str, other: str, project: Path, ordinary: set[tuple[str, str, str]]
) -> None:
    found = objects(project, STACK[place](one, other), {})
    assert found is None or allowed(found, ordinary)
