"""The preflight of a stack whose StatefulSets are on a real API server, as an earlier deployment left them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from bus.config import settings
from bus.deployment import Deployment
from bus.errors import InvalidInput
from bus.images.registry.client import as_manifest, digest_of
from bus.plan import build
from bus.releases.render import charts, rendering
from components import preflight
from tests.support.kwok import Kwok, control_plane
from tests.support.processes import free_port
from tests.support.registry import CONFIG, LAYER, MANIFEST, Running, registry
from tests.support.stacks import SECRETS, config_of, flat

pytestmark = pytest.mark.servers
ROOT = Path(__file__).parents[3]
KEPT = ("StatefulSet", "ConfigMap", "Service")


@pytest.fixture(scope="module")
def other() -> Iterator[Kwok]:
    with control_plane() as plane:
        yield plane


@pytest.fixture
def images(tmp_path: Path) -> Iterator[Running]:
    """A registry whose images say which version they hold."""
    with registry(tmp_path / "registry") as running:
        yield running


class Stack:
    """Stack local on control planes of the test's own, with namespaces of its own."""

    def __init__(self, kwok: Kwok, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.planes = {"central": kwok, "cinecity": kwok}
        self.namespaces = {site: f"{name}-{site}" for site in self.planes}
        self.folder, self.config = folder, config_of("local")
        self.warned: list[str] = []
        monkeypatch.chdir(ROOT)
        monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
        monkeypatch.setattr(pulumi.log, "warn", self.warned.append)

    def plan(self, central: dict[str, Any], cinecity: dict[str, Any] | None = None, **stack: Any) -> Deployment:
        """The plan with settings of the sites changed; `values` of a site go beside its blocks."""
        config = json.loads(json.dumps(self.config))
        for site, changed in (("central", central), ("cinecity", cinecity or {})):
            entry = config["bus:sites"][site]
            entry.pop("context", None)
            entry["namespace"] = self.namespaces[site]
            entry["kafka"] = {"brokers": 1, "adminPort": free_port()}
            entry.update(changed)
        config.update({f"bus:{key}": value for key, value in stack.items()})
        config.pop("bus:context")
        secrets = {f"bus:{name}": "s3cret" for name in SECRETS} | self.kubeconfigs
        return build.plan(ROOT, settings.load("test", flat(config) | secrets, set(secrets)))

    @property
    def kubeconfigs(self) -> dict[str, str]:
        return {f"bus:{site}.kubeconfig": plane.kubeconfig.read_text() for site, plane in self.planes.items()}

    def deploy(self, deployment: Deployment, site: str = "central") -> None:
        """Applies what the base release of a site renders, as far as it is judged."""
        plane, namespace, base = self.planes[site], self.namespaces[site], deployment.sites[site].base
        chart = charts.stage(ROOT / "charts", base.chart, self.folder / "charts")
        rendered = rendering.render(chart, base.name, namespace, base.values)
        objects = [one for one in yaml.safe_load_all(rendered) if one and one["kind"] in KEPT]
        plane.command("kubectl", "create", "namespace", namespace, check=False)
        plane.command("kubectl", "apply", "-n", namespace, "-f", "-", stdin=yaml.safe_dump_all(objects))

    def wait(self, workload: str, site: str = "central") -> None:
        """Until the fake pods of a set are ready."""
        namespace = self.namespaces[site]
        self.planes[site].command(
            "kubectl", "rollout", "status", f"statefulset/{workload}", "-n", namespace, "--timeout=60s"
        )

    def refused(self, deployment: Deployment) -> list[str]:
        """What the preflight refuses; nothing where it lets the plan pass."""
        self.warned.clear()
        try:
            preflight.run(deployment, self.kubeconfigs)
        except InvalidInput as error:
            return [str(problem) for problem in error.problems]
        return []


@pytest.fixture
def stack(kwok: Kwok, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    number = abs(hash(request.node.name)) % 10**6
    return Stack(kwok, f"run{number}", tmp_path, monkeypatch)


def test_a_first_install_takes_any_number_of_nodes_and_brokers(stack: Stack) -> None:
    assert not stack.refused(stack.plan({"elasticsearch": {"nodes": 3}, "kafka": {"brokers": 3}}))
    assert not stack.warned


def test_other_nodes_brokers_and_mode_are_refused_all_at_once(stack: Stack) -> None:
    one = stack.plan({})
    stack.deploy(one)
    stack.deploy(one, "cinecity")
    assert not stack.refused(one)
    wanted = stack.plan({"elasticsearch": {"nodes": 3}}, {"kafka": {"brokers": 1, "mode": "zookeeper"}})
    first, second = stack.refused(wanted)
    assert first.startswith("Pulumi.test.yaml: bus:sites.central.elasticsearch.nodes = 3: a cluster of 1 node runs")
    assert second.startswith("Pulumi.test.yaml: bus:sites.cinecity.kafka.mode = 'zookeeper': brokers of mode kraft run")
    assert f"-n {stack.namespaces['cinecity']}" in second
    (grown,) = stack.refused(stack.plan({"kafka": {"brokers": 3}}))
    assert "bus:sites.central.kafka.brokers = 3" in grown and "do not answer" in grown


def test_fewer_nodes_and_brokers_are_refused_scaled_to_0_and_uninstalled_too(stack: Stack) -> None:
    three = stack.plan({"elasticsearch": {"nodes": 3}, "kafka": {"brokers": 3}})
    stack.deploy(three)
    for workload in ("es", "kafka"):
        stack.wait(workload)
    namespace, command = stack.namespaces["central"], stack.planes["central"].command

    def keys() -> list[str]:
        return [line.split(": ")[1].split(" ")[0].rsplit(".", 2)[-2] for line in stack.refused(stack.plan({}))]

    assert not stack.refused(three)
    assert keys() == ["elasticsearch", "kafka"]
    command("kubectl", "scale", "statefulset/es", "statefulset/kafka", "-n", namespace, "--replicas=0")
    assert not stack.refused(three), "they were stopped, and come back"
    assert keys() == ["elasticsearch", "kafka"]
    command("kubectl", "delete", "statefulset/es", "statefulset/kafka", "-n", namespace)
    assert not stack.refused(three), "their volumes are left, and fit"
    assert keys() == ["elasticsearch", "kafka"]
    command("kubectl", "delete", "pvc", "-l", "app.kubernetes.io/name in (kafka, es)", "-n", namespace)
    assert not stack.refused(stack.plan({})), "as the remedy has it"


def test_another_size_of_volumes_is_refused_until_they_and_the_set_were_changed_by_hand(stack: Stack) -> None:
    now = stack.plan({})
    stack.deploy(now)
    stack.wait("es")
    namespace, command = stack.namespaces["central"], stack.planes["central"].command
    larger = stack.plan({"values": {"es": {"persistence": {"size": "6Gi"}}}})
    (said,) = stack.refused(larger)
    assert said.startswith(
        "values/es.yml: values.persistence.size = '6Gi': site central: StatefulSet es makes volumes of"
    )
    command("kubectl", "delete", "statefulset", "es", "-n", namespace, "--cascade=orphan")
    assert not stack.refused(larger)
    assert len(stack.warned) == 1 and "ask for 5Gi still" in stack.warned[0] and "kubectl patch pvc" in stack.warned[0]


def image(host: Running, name: str, tag: str, env: list[str]) -> None:
    """Pushes an image that says `env` of itself."""
    client = host.client()
    config: dict[str, Any] = {"architecture": "amd64", "os": "linux", "config": {"Env": env}}

    def put(content: bytes, media_type: str) -> dict[str, Any]:
        digest = digest_of(content)
        client.put_blob(name, digest, len(content), iter([content]))
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    described = {"schemaVersion": 2, "mediaType": MANIFEST, "config": put(json.dumps(config).encode(), CONFIG)}
    described["layers"] = [put(b"layer", LAYER)]
    client.put_manifest(name, tag, as_manifest(described))
    client.close()


def test_images_of_other_versions_are_refused_by_what_they_say_of_themselves(stack: Stack, images: Running) -> None:
    image(images, "sys-isi/postgres", "17", ["PG_MAJOR=17", "PG_VERSION=17.10-1"])
    image(images, "sys-isi/postgres", "next", ["PG_MAJOR=18", "PG_VERSION=18.1-1"])
    image(images, "sys-isi/kafka", "4.3.1", ["PATH=/bin"])
    look_up = {"images": {"mirror": images.host, "insecure": True}}
    now = stack.plan({}, **look_up)
    stack.deploy(now)
    for workload in ("postgres", "kafka", "es"):
        stack.wait(workload)
    assert not stack.refused(now)

    def wanted(brick: str, tag: str, **more: Any) -> Deployment:
        values = {**stack.config["bus:values"], brick: {"image": {"tag": tag}}}
        return stack.plan({}, values=values, **{**look_up, **more})

    (postgres,) = stack.refused(wanted("postgres", "next"))
    assert postgres.startswith(
        "values/postgres.yml: image = 'dkr.isi.nc/sys-isi/postgres:next': site central: PostgreSQL"
    )
    assert "18.1 does not start on the files of 17.10" in postgres and "PG_VERSION of the image" in postgres
    (kafka,) = stack.refused(wanted("kafka", "4.2.0"))
    assert "Kafka 4.2.0 is older than what runs, 4.3.1" in kafka and "tag 4.2.0" in kafka
    (elasticsearch,) = stack.refused(wanted("es", "9.4.2"))
    assert "Elasticsearch 9.4.2 does not start on the data of 9.4.3" in elasticsearch
    assert not stack.refused(wanted("postgres", "17.11"))
    assert not stack.warned

    own = "1.0.0_isi.2"
    assert not stack.refused(wanted("kafka", own)), "a numbering of the customer's own is no version of Kafka"
    (warned,) = stack.warned
    assert f'bus:images.versions: {{"sys-isi/kafka:{own}": "<the version of Kafka in it>"}}' in warned
    named = {**look_up["images"], "versions": {f"sys-isi/kafka:{own}": "2.8.2"}}
    (said,) = stack.refused(wanted("kafka", own, images=named))
    assert "Kafka 2.8.2 is older than what runs, 4.3.1" in said


def test_a_mirror_to_another_cluster_is_refused_where_its_brokers_cannot_be_reached(stack: Stack, other: Kwok) -> None:
    assert not stack.refused(stack.plan({})), "one cluster"
    stack.planes["cinecity"] = other
    (bare,) = stack.refused(stack.plan({}))
    assert "bus:sites.cinecity.kafka.mirrorBootstrapServers: cinecity is on another cluster than central" in bare
    address = f"kafka.cinecity.invalid:{free_port()}"
    brokers = {"brokers": 1, "mirrorBootstrapServers": address}
    (named,) = stack.refused(stack.plan({}, {"kafka": brokers}))
    assert f"mirrorBootstrapServers = '{address}'" in named and ".svc.cluster.local" in named
    assert not stack.refused(stack.plan({}, {"kafka": {**brokers, "reachableFromCentral": True}}))
    assert not stack.refused(stack.plan({}, {"mirror": {}}))
    listener = f"EXTERNAL://{address}"
    config = {"advertised.listeners": f"INTERNAL://kafka-@ORDINAL@.kafka-headless:9092,{listener}"}
    assert not stack.refused(stack.plan({}, {"kafka": brokers, "values": {"kafka": {"config": config}}}))


def test_the_same_cluster_by_another_way_is_no_other_cluster(stack: Stack) -> None:
    content = yaml.safe_load(stack.planes["cinecity"].kubeconfig.read_text())
    content["contexts"][0]["name"] = content["current-context"] = "another-name"
    changed = stack.folder / "kubeconfig"
    changed.write_text(yaml.safe_dump(content))
    stack.planes["cinecity"] = Kwok(changed, stack.planes["central"].tools, stack.planes["central"].environment)
    assert not stack.refused(stack.plan({}))
    assert not stack.warned
