"""Every deployable chart under the real helm: lint, each stack's values, one registry for all images, Pod Security."""

from pathlib import Path
from typing import Any

import pytest

from bus.plan import build
from bus.releases.render import charts
from tests.support.pods import pods
from tests.support.rendered import DEPLOYABLE, ROOT, everything_on, helm, render
from tests.support.stacks import load_stack

pytestmark = pytest.mark.helm
STACKS = ["local", "master", "recette", "prod"]


@pytest.fixture(scope="session")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("staged")
    for chart in DEPLOYABLE:
        charts.stage(ROOT / "charts", chart, out)
    return out


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
    plan = build.plan(ROOT, load_stack(stack))
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


def variables(pod: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in pod["containers"][0]["env"]}


def test_a_brick_that_has_a_kafka_login_gets_it_from_its_secret_and_restarts_with_another_revision(
    staged: Path,
) -> None:
    def rendered(revision: int) -> dict[str, dict[str, Any]]:
        asked = {"users": ["cineges-central-jobs", "db2kafka"], "passwordRevision": revision}
        values = {"global": {"kafka": asked}, "db2kafka": {"tables": [{"name": "film", "schedule": "0 3 * * *"}]}}
        return {f"{d['kind']} {d['metadata']['name']}": d for d in render(staged / "hickson-central", values)}

    one, two = rendered(1), rendered(2)
    for name, brick in (
        ("Deployment cineges-central-jobs", "cineges-central-jobs"),
        ("CronJob db2kafka-film", "db2kafka"),
    ):
        ((_, pod),) = pods([one[name]])
        found = variables(pod)
        assert found["KAFKA_SECURITY_PROTOCOL"] == "SASL_PLAINTEXT"
        assert found["KAFKA_SASL_PASSWORD"] == {"secretKeyRef": {"name": f"kafka-{brick}", "key": "password"}}
        assert found["KAFKA_SASL_MECHANISM"]["secretKeyRef"]["key"] == "mechanism"
        assert one[name] != two[name]
    assert one["Deployment cineges-ui"] == two["Deployment cineges-ui"]
    ((_, pod),) = pods([one["Deployment cineges-ui"]])
    assert not [variable for variable in variables(pod) if "SASL" in variable]


BELOW = ("admin", "controller")


def test_brokers_that_ask_read_their_login_from_its_volume_only(staged: Path) -> None:
    def rendered(revision: int) -> list[dict[str, Any]]:
        asked = {"isiinfra": {"kafka": {"authorization": {"enabled": True}}}}
        return render(staged / "hickson-base", {**asked, "global": {"kafka": {"passwordRevision": revision}}})

    named = {(d["kind"], d["metadata"]["name"]): d for d in rendered(1)}
    config = named["ConfigMap", "kafka"]["data"]["server.properties"]
    lines = dict(line.split("=", 1) for line in config.splitlines() if "=" in line)
    assert lines["listener.security.protocol.map"] == (
        "INTERNAL:SASL_PLAINTEXT,ADMIN:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT"
    )
    assert lines["authorizer.class.name"] == "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
    assert "allow.everyone.if.no.acl.found" not in lines
    plain = {key: value for key, value in lines.items() if key.endswith("plain.sasl.jaas.config")}
    assert plain == {f"listener.name.{one}.plain.sasl.jaas.config": "${dir:/etc/kafka-brokers:jaas}" for one in BELOW}
    taken = {key: value for key, value in lines.items() if key.endswith("sasl.enabled.mechanisms")}
    assert "PLAIN" not in taken["listener.name.internal.sasl.enabled.mechanisms"], "bricks reach it, over a network"
    assert lines["sasl.mechanism.inter.broker.protocol"] == "SCRAM-SHA-512"
    start = named["ConfigMap", "kafka"]["data"]["start.sh"]
    assert "ADMIN://127.0.0.1:9094" in start, "who takes PLAIN of bus is reached through the API server alone"
    assert named["StatefulSet", "kafka"]["metadata"]["annotations"] == {"bus/broker-logins": "scram"}
    stateful = named["StatefulSet", "kafka"]["spec"]["template"]
    volumes = {volume["name"]: volume for volume in stateful["spec"]["volumes"]}
    assert volumes["login"]["secret"]["secretName"] == "kafka-brokers"
    later = {(d["kind"], d["metadata"]["name"]): d for d in rendered(2)}["StatefulSet", "kafka"]["spec"]["template"]
    assert later["metadata"]["annotations"] != stateful["metadata"]["annotations"]


def test_without_an_authorizer_brokers_and_bricks_are_as_they_were(staged: Path) -> None:
    (config,) = [
        d["data"]["server.properties"]
        for d in render(staged / "hickson-base", {})
        if (d["kind"], d["metadata"]["name"]) == ("ConfigMap", "kafka")
    ]
    assert "SASL" not in config
    assert "authorizer" not in config
    assert "password" not in config


def test_the_mirror_logs_in_on_the_sides_that_ask(staged: Path) -> None:
    def place(**more: Any) -> dict[str, Any]:
        topics = {"ctrl2cplx": ["notifications"], "cplx2ctrl": []}
        return {"name": "a", "bootstrapServers": "kafka.a:9092", "replicationFactor": 1, "topics": topics, **more}

    login = {"secret": "kafka-kafka2kafka-a", "passwordRevision": 1}
    documents = render(staged / "kafka2kafka", {"complexes": [place(login=login)]})
    config = next(d["data"]["mm2.properties"] for d in documents if d["kind"] == "ConfigMap")
    assert "a.sasl.mechanism = ${dir:/etc/login/a:mechanism}" in config
    assert "central.sasl" not in config, "its brokers ask for none"
    ((_, pod),) = pods([d for d in documents if d["kind"] == "Deployment"])
    assert {"name": "login-a", "secret": {"secretName": "kafka-kafka2kafka-a", "defaultMode": 0o440}} in pod["volumes"]
    without = render(staged / "kafka2kafka", {"complexes": [place()]})
    assert "sasl" not in str(without)


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


def test_several_nodes_of_elasticsearch_have_no_serial_collector(staged: Path) -> None:
    """With it they end at once, by a bootstrap check that one node alone is spared: seen on the sandbox."""
    for given, expected in (
        ({}, "-Xms320m -Xmx320m"),
        ({"javaOpts": "-XX:+UseG1GC"}, "-Xms320m -Xmx320m -XX:+UseG1GC"),
    ):
        documents = render(staged / "hickson-base/charts/isiinfra/charts/es", {"replicaCount": 3, **given})
        ((_, pod),) = pods([document for document in documents if document["kind"] == "StatefulSet"])
        options = {env["name"]: env.get("value") for env in pod["containers"][0]["env"]}
        assert options["ES_JAVA_OPTS"] == expected


@pytest.mark.parametrize("stack", STACKS)
def test_a_pod_of_kafka_says_where_its_broker_is_advertised(stack: str, staged: Path) -> None:
    loaded = load_stack(stack)
    plan = build.plan(ROOT, loaded)
    for name, site in plan.sites.items():
        named = {(d["kind"], d["metadata"]["name"]): d for d in render(staged / "hickson-base", site.base.values)}
        config = named["ConfigMap", "kafka"]["data"]
        template = named["StatefulSet", "kafka"]["spec"]["template"]
        said = template["metadata"]["annotations"].get("bus/admin-listener")
        found = loaded.admin_listener(name)
        assert said == (found and found.of_broker(0))
        host = found.host if found else "localhost"
        assert f",ADMIN://{host}:@ADMIN_PORT@\n" in config["server.properties"]
        assert f"$(({loaded.admin_port(name)} + ordinal))" in config["start.sh"]


def test_brokers_advertise_localhost_where_nobody_forwards_to_them(staged: Path) -> None:
    named = {(d["kind"], d["metadata"]["name"]): d for d in render(staged / "hickson-base", {})}
    assert ",ADMIN://localhost:@ADMIN_PORT@" in named["ConfigMap", "kafka"]["data"]["server.properties"]
    assert "bus/admin-listener" not in named["StatefulSet", "kafka"]["spec"]["template"]["metadata"]["annotations"]


@pytest.mark.parametrize("name", ["node.name", "path.logs", "discovery.type", "action.auto_create_index"])
def test_a_setting_of_elasticsearch_stands_once_and_the_values_have_the_last_word(staged: Path, name: str) -> None:
    values = {"isiinfra": {"es": {"config": {name: "own", "further": "x"}}}}
    documents = render(staged / "hickson-base", values)
    named = {(d["kind"], d["metadata"]["name"]): d for d in documents}
    args = named["StatefulSet", "es"]["spec"]["template"]["spec"]["containers"][0]["args"]
    names = [arg.partition("=")[0] for arg in args]
    assert len(names) == len(set(names)) == 11
    assert f"-E{name}=own" in args
