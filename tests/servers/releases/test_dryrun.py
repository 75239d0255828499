"""Server-side dry runs on a real API server: what it would refuse of a release, and nothing where it would not."""

import copy
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bus.bundle import contents
from bus.deployment import deployable
from bus.image_reference import parse
from bus.images.delivered import rendered
from bus.releases.compare import dryrun
from bus.releases.compare.refusals import Answer, Verdicts
from bus.releases.objects import key_of
from bus.releases.render import charts
from tests.support.bundled import plan_of
from tests.support.kwok import Kwok
from tests.support.rendered import ROOT, everything_on, render

pytestmark = pytest.mark.servers
Spec = dict[str, Any]
TEMPLATE: Spec = {
    "metadata": {"labels": {"app": "r"}},
    "spec": {
        "containers": [
            {
                "name": "main",
                "image": "example.invalid/tiny:1",
                "env": [{"name": "DB_PASSWORD", "value": "s3cr3t-value"}, {"name": "LEVEL", "value": "info"}],
                "ports": [{"name": "http", "containerPort": 80}],
            }
        ],
        "volumes": [{"name": "work", "emptyDir": {}}],
    },
}


def workload(kind: str, **more: Any) -> Spec:
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "r"}}, "template": copy.deepcopy(TEMPLATE), **more}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "r"}, "spec": spec}


def stateful_set() -> Spec:
    storage = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    claims = [{"metadata": {"name": "data"}, "spec": storage}]
    return workload("StatefulSet", serviceName="r", volumeClaimTemplates=claims)


def job() -> Spec:
    template = copy.deepcopy(TEMPLATE)
    template["spec"]["restartPolicy"] = "Never"
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "r"}, "spec": {"template": template}}


def service() -> Spec:
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    spec = {"selector": {"app": "r"}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "r"}, "spec": spec}


def plain(kind: str, **fields: Any) -> Spec:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "r"}, **fields}


class Place:
    """A namespace of a test's own, and what a deployment into it would be told."""

    def __init__(self, kwok: Kwok, *labels: str) -> None:
        self.kwok, self.namespace = kwok, f"dry-{uuid.uuid4().hex[:8]}"
        kwok.command("kubectl", "create", "namespace", self.namespace)
        if labels:
            kwok.command("kubectl", "label", "namespace", self.namespace, *labels)

    def deployed(self, *specs: Spec) -> None:
        """Made as Helm makes objects: created by a manager called helm, without server-side apply."""
        items = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(specs)})
        self.kwok.command("kubectl", "create", "--field-manager=helm", "-n", self.namespace, "-f", "-", stdin=items)

    def asked(self, old: list[Spec], new: list[Spec]) -> Verdicts:
        sides = ({key_of(spec, self.namespace): spec for spec in side} for side in (old, new))
        return dryrun.ask(self.kwok.cluster(self.namespace), *sides)

    def changed(self, spec: Spec, change: Callable[[Spec], Any]) -> Verdicts:
        """`spec` deployed, and then asked for with a change."""
        self.deployed(spec)
        new = copy.deepcopy(spec)
        change(new)
        return self.asked([spec], [new])


@pytest.fixture
def place(kwok: Kwok) -> Place:
    return Place(kwok)


def main(spec: Spec) -> Spec:
    container: Spec = spec["spec"]["template"]["spec"]["containers"][0]
    return container


IMMUTABLE: list[tuple[Callable[[], Spec], Callable[[Spec], Any], str, str]] = [
    (
        stateful_set,
        lambda spec: spec["spec"]["volumeClaimTemplates"][0]["metadata"].update(name="other"),
        "StatefulSet/r",
        "kubectl delete statefulset r -n {} --cascade=orphan",
    ),
    (job, lambda spec: main(spec).update(image="example.invalid/tiny:2"), "Job/r", "kubectl delete job r -n {}"),
    (
        lambda: plain("Secret", immutable=True, data={"k": "YWJjZA=="}),
        lambda spec: spec["data"].update(k="ZWZnaA=="),
        "Secret/r",
        "give the object another name",
    ),
]


@pytest.mark.parametrize(("make", "change", "name", "remedy"), IMMUTABLE, ids=[one[2] for one in IMMUTABLE])
def test_an_immutable_field_is_told_with_the_way_out(
    make: Callable[[], Spec], change: Callable[[Spec], Any], name: str, remedy: str, place: Place
) -> None:
    verdicts = place.changed(make(), change)
    assert not verdicts.unjudged
    (refused,) = verdicts.refused
    assert refused.object == name
    assert "immutable" in refused.said or "updates to statefulset spec" in refused.said
    assert remedy.format(place.namespace) in refused.remedy
    for secret in ("s3cr3t-value", "YWJjZA==", "ZWZnaA=="):
        assert secret not in str(verdicts)


def test_the_way_out_of_an_immutable_stateful_set_keeps_its_pods(place: Place) -> None:
    old, new = stateful_set(), stateful_set()
    new["spec"]["podManagementPolicy"] = "Parallel"
    place.deployed(old)
    assert place.asked([old], [new]).refused
    place.kwok.command("kubectl", "delete", "statefulset", "r", "--cascade=orphan", "-n", place.namespace)
    assert place.asked([old], [new]) == Verdicts()


def test_an_unknown_field_is_named_on_new_and_on_changed_objects(place: Place) -> None:
    misspelled = workload("Deployment")
    main(misspelled)["imagge"] = "example.invalid/tiny:2"
    said = 'unknown field "spec.template.spec.containers[0].imagge"'
    assert [one.said for one in place.asked([], [misspelled]).refused] == [said]
    changed = place.changed(workload("Deployment"), lambda spec: main(spec).update(imagge="example.invalid/tiny:2"))
    assert [one.said for one in changed.refused] == [said]
    assert "Helm refuses it too" in changed.refused[0].remedy


def test_pods_that_break_the_namespace_s_pod_security_are_told_by_workload(kwok: Kwok) -> None:
    place = Place(kwok, "pod-security.kubernetes.io/enforce=restricted")
    verdicts = place.asked([], [workload("Deployment"), stateful_set(), job(), service()])
    assert [one.object for one in verdicts.refused] == ["Deployment/r", "StatefulSet/r", "Job/r"]
    assert all('violates PodSecurity "restricted:latest"' in one.said for one in verdicts.refused)
    assert all("lower podSecurity of the site" in one.remedy for one in verdicts.refused)
    assert not verdicts.unjudged


def test_values_of_secrets_are_in_no_message(place: Place) -> None:
    broken = [plain("Secret", data={"k": "top-secret-value"}), plain("Secret", stringData={"k": 4711471147})]
    broken[1]["metadata"] = {"name": "s"}
    number = workload("Deployment")
    main(number)["env"][0]["value"] = 4711471147
    verdicts = place.asked([], [*broken, number])
    assert [one.object for one in verdicts.refused] == ["Secret/r", "Secret/s", "Deployment/r"]
    assert "top-secret" not in str(verdicts)
    assert "4711471147" not in str(verdicts)


# What a forced apply by another manager refuses, and Helm does not: docs/adr/0034.
REFUSED_BY_APPLY: list[tuple[str, Callable[[], Spec], Callable[[Spec], Any]]] = [
    ("number of a port", service, lambda spec: spec["spec"]["ports"][0].update(port=8080)),
    (
        "value to valueFrom",
        lambda: workload("Deployment"),
        lambda spec: main(spec)["env"].__setitem__(
            1, {"name": "LEVEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
        ),
    ),
    (
        "kind of a volume",
        lambda: workload("Deployment"),
        lambda spec: spec["spec"]["template"]["spec"].update(volumes=[{"name": "work", "configMap": {"name": "x"}}]),
    ),
    ("strategy", lambda: workload("Deployment"), lambda spec: spec["spec"].update(strategy={"type": "Recreate"})),
]
CLEAN: list[tuple[str, Callable[[], Spec], Callable[[Spec], Any]]] = [
    ("data of a config map", lambda: plain("ConfigMap", data={"k": "a"}), lambda spec: spec["data"].update(k="b")),
    ("image", lambda: workload("Deployment"), lambda spec: main(spec).update(image="example.invalid/tiny:2")),
    ("replicas of a set", stateful_set, lambda spec: spec["spec"].update(replicas=2)),
    *REFUSED_BY_APPLY,
]


@pytest.mark.parametrize(("make", "change"), [one[1:] for one in CLEAN], ids=[one[0] for one in CLEAN])
def test_a_change_that_helm_can_make_is_no_noise(
    make: Callable[[], Spec], change: Callable[[Spec], Any], place: Place
) -> None:
    assert place.changed(make(), change) == Verdicts()


@pytest.mark.parametrize(
    ("make", "change"), [one[1:] for one in REFUSED_BY_APPLY], ids=[one[0] for one in REFUSED_BY_APPLY]
)
def test_an_apply_alone_would_be_noise(
    make: Callable[[], Spec], change: Callable[[Spec], Any], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_answer(*arguments: object) -> Answer:
        return Answer(0, {})

    monkeypatch.setattr(dryrun, "_as_helm", no_answer)
    assert place.changed(make(), change).refused


def test_new_objects_are_no_noise_even_where_their_namespace_is_not_there_yet(place: Place) -> None:
    account = {**plain("ServiceAccount"), "metadata": {"name": "mine"}}
    theirs = workload("Deployment")
    theirs["spec"]["template"]["spec"]["serviceAccountName"] = "mine"
    twice = stateful_set()
    main(twice)["env"].append({"name": "LEVEL", "value": "debug"})  # Kubernetes only warns of it
    objects = [account, theirs, twice, job(), service(), plain("Secret", stringData={"k": "v"})]
    assert place.asked([], objects) == Verdicts()
    place.namespace = "not-there-yet"
    assert place.asked([], objects) == Verdicts()


def test_nothing_is_changed_by_asking(place: Place) -> None:
    old, new = service(), service()
    place.deployed(old)
    new["spec"]["ports"][0]["port"] = 8080
    before = place.kwok.objects("services", place.namespace)
    place.asked([old], [new, job(), stateful_set()])
    assert place.kwok.objects("services", place.namespace) == before
    assert place.kwok.objects("jobs,statefulsets,pods", place.namespace) == []


def test_a_quota_refuses_pods_of_new_workloads_and_not_of_upgraded_ones(place: Place) -> None:
    place.deployed(workload("Deployment"))
    place.kwok.command("kubectl", "create", "quota", "site", "--hard=pods=0", "-n", place.namespace)
    new = workload("Deployment")
    main(new)["image"] = "example.invalid/tiny:2"
    assert place.asked([workload("Deployment")], [new]) == Verdicts()
    (refused,) = place.asked([], [stateful_set()]).refused
    assert "exceeded quota: site" in refused.said


def test_a_kind_that_the_cluster_does_not_have_is_told(place: Place) -> None:
    topic = {"apiVersion": "kafka.example/v1", "kind": "Topic", "metadata": {"name": "r"}}
    (refused,) = place.asked([], [topic]).refused
    assert refused.said == "the cluster has no Topic in kafka.example/v1"


# The mirror has no object without sites.
@pytest.mark.parametrize("chart", sorted(set(deployable("hickson")) - {"kafka2kafka"}))
def test_our_own_charts_with_everything_on_are_no_noise_new_or_upgraded(
    chart: str, place: Place, tmp_path: Path
) -> None:
    rendered = render(charts.stage(ROOT / "charts", chart, tmp_path), everything_on(chart))
    assert rendered
    assert place.asked([], rendered) == Verdicts()
    place.deployed(*rendered)
    upgraded: list[Spec] = copy.deepcopy(rendered)
    for spec in upgraded:
        spec["metadata"].setdefault("labels", {})["tests/upgraded"] = "yes"
        if spec["kind"] in ("Deployment", "StatefulSet"):
            main(spec)["image"] = "example.invalid/next:2"
    assert place.asked(rendered, upgraded) == Verdicts()


def test_a_bundle_is_installed_by_what_its_readme_says(kwok: Kwok, tmp_path: Path) -> None:
    """Every kubectl line of it, word by word: the API server takes all that the bundle's files hold."""
    plan = plan_of(login=True, registry=True)
    for site in plan.sites.values():
        staged = {
            r.chart: charts.stage(ROOT / "charts", r.chart, tmp_path / ".charts") for r in plan.releases(site.name)
        }
        contents.write_site(tmp_path, plan, site, staged)
    (tmp_path / "JSON").write_text('{"auths": {}}')
    (tmp_path / "FILE").write_text("odoo.password=s3cret\n")
    bundle = contents.Bundle("hickson", "sln", plan.registry, 1, "2026-11-30T20:00:00Z")
    lines = [line.strip() for line in contents.readme(plan, bundle, "").splitlines() if line.startswith("  kubectl ")]
    wanted = sum(len(plan.releases(name)) + 1 for name in plan.sites)  # each release, and each namespace
    assert sum(" apply " in line for line in lines) == wanted
    for line in lines:
        told = line.replace(".dockerconfigjson=FILE", ".dockerconfigjson=JSON")
        kwok.command("sh", "-c", f"cd {tmp_path} && {told}")
    for site in plan.sites.values():
        found = json.loads(kwok.command("kubectl", "get", "namespace", site.site.namespace, "-o", "json"))
        assert found["metadata"]["labels"].items() >= plan.namespace_labels(site.name).items()
        running = kwok.objects("deployments,statefulsets,cronjobs", site.site.namespace)
        images = {found.image for found in rendered.named(running)}
        assert len(images) > 8 and images <= {str(parse(image)) for image in plan.deliveries(site.name).values()}
