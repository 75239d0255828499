"""Destroy, and up again delivered to a registry that central runs itself: order, data, and who may pull."""

import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bus.deployment import PULL_SECRET
from bus.image_reference import parse
from bus.images.registry.client import Registry
from tests.real.sandbox import ROOT, Site, Stack, eventually, kubectl, operations, run
from tests.support.program import TIERS
from tests.support.registry import HTPASSWD, MANIFEST, PASSWORD, PULL_HTPASSWD, PULL_PASSWORD, PULL_USER, USER

pytestmark = pytest.mark.real
CENTRAL, CINECITY = Site("hicksoncentral-local"), Site("hicksoncinecity-local")
SOURCE, RECETTE, DOC = "127.0.0.1:5000", "recette", "hickson/cineges-doc"
PORT = 30500
"""sandbox/cluster/node.sh has the node ask it without TLS"""


def registry() -> str:
    """The registry as nodes and runner reach it."""
    address = "{.items[0].status.addresses[?(@.type=='InternalIP')].address}"
    return f"{kubectl('get', 'nodes', '-o', f'jsonpath={address}')}:{PORT}"


@dataclass(frozen=True)
class Again:
    """An `up` that follows a `destroy`: its events, and what was written before."""

    stack: Stack
    events: list[dict[str, Any]]
    film: str
    host: str
    """the registry that central runs"""
    only_there: str
    """an image that recette runs and this stack does not"""


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Again]:
    """A destroy, then the customer from its own registry, with recette's images and the data of before."""
    host = registry()

    def delivered(config: dict[str, Any]) -> None:
        target = {"registry": f"{host}/hickson", "insecure": True, "hostedBy": "central"}
        config["bus:delivery"] = {**target, "alsoFrom": [RECETTE], "sourceMirror": SOURCE, "sourceInsecure": True}
        config["bus:sites"]["central"]["enable"] = ["docker-registry"]
        config["bus:values"]["docker-registry"] = {"service": {"nodePort": PORT}, "persistence": {"size": "2Gi"}}

    film = f"film-{uuid.uuid4().hex[:8]}"
    CENTRAL.produce("cineges-central-api", "cineges.film.data", film, {"title": "Mon oncle", "code": film})
    eventually(lambda: CINECITY.get("es", f"films/_doc/{film}", 9200))
    Stack.local().pulumi("destroy", "--yes", "--skip-preview")
    stack = Stack.local().changed(delivered)
    other = tmp_path_factory.mktemp("recette")
    only_there = recette(other)
    secrets = {
        "delivery.username": USER,
        "delivery.password": PASSWORD,
        "delivery.pullUsername": PULL_USER,
        "delivery.pullPassword": PULL_PASSWORD,
        "central.docker-registry.htpasswd": HTPASSWD + PULL_HTPASSWD,
    }
    for key, value in secrets.items():
        stack.pulumi("config", "set", "--secret", f"bus:{key}", stdin=value)
    yield Again(stack, stack.up(), film, host, only_there)
    Stack.local().up()
    run("pulumi", "stack", "rm", RECETTE, "--yes", "--force", "--non-interactive", cwd=other)


def recette(folder: Path) -> str:
    """Deploys another stack of the project, which runs one brick more; that image, with its digest."""
    with closing(Registry(SOURCE, insecure=True)) as source:
        image = f"dkr.isi.nc/{DOC}:0.1.0@{source.digest(DOC, '0.1.0')}"
    pins = {"central": {"cineges-doc": image, "cineges-ui": "dkr.isi.nc/hickson/cineges-ui:0.1.0"}}
    runtime = {"name": "python", "options": {"virtualenv": str((ROOT / ".venv").resolve())}}
    (folder / "Pulumi.yaml").write_text(json.dumps({"name": "bus", "runtime": runtime}))
    (folder / "__main__.py").write_text(f"import pulumi\npulumi.export('pins', {pins!r})\n")
    run("pulumi", "stack", "select", "--create", RECETTE, "--non-interactive", cwd=folder)
    run("pulumi", "up", "--yes", "--skip-preview", "--stack", RECETTE, "--non-interactive", cwd=folder)
    return image


def test_destroy_keeps_the_data_and_up_finds_it_again(again: Again) -> None:
    assert operations(again.events)["central-bricks-release"] == "create"
    for site in (CENTRAL, CINECITY):
        assert site.get("es", f"films/_doc/{again.film}", 9200)["_source"]["title"] == "Mon oncle"
    again.stack.pulumi("preview", "--expect-no-changes")


def test_everything_runs_from_the_customers_registry(again: Again) -> None:
    own = set()
    for site in (CENTRAL, CINECITY):
        pods = json.loads(kubectl("get", "pods", "-n", site.namespace, "-o", "json"))["items"]
        images = {container["image"] for pod in pods for container in pod["spec"]["containers"]}
        assert images
        own |= {image for image in images if not image.startswith(f"{again.host}/hickson/")}
    assert [parse(image).name for image in own] == ["sys-isi/docker-registry"], "all but the registry itself"


def test_no_brick_started_before_its_topics_and_indices_existed(again: Again) -> None:
    """The engine's own log: the first step of a tier comes after the last end of every earlier tier."""
    started: dict[str, int] = {}
    ended: dict[str, int] = {}
    for event in again.events:
        for kind, times in (("resourcePreEvent", started), ("resOutputsEvent", ended)):
            if kind in event:
                times[event[kind]["metadata"]["urn"].rsplit("::", 1)[-1]] = event["sequence"]
    tiers = (TIERS[0], ("delivery-images", "delivery-pull"), *TIERS[1:])
    for site in ("central", "cinecity"):
        assert ended["central-registry-release"] < started[f"{site}-delivery-images"]
        for number, tier in enumerate(tiers):
            for role in tier:
                for before in (name for earlier in tiers[:number] for name in earlier):
                    assert ended[f"{site}-{before}"] < started[f"{site}-{role}"], f"{site}: {role} before {before}"
    last = max(ended[f"{site}-{role}"] for site in ("central", "cinecity") for tier in tiers for role in tier)
    assert last < started["mirror-release"]


def test_a_pod_cannot_pull_without_the_secret_that_every_namespace_has(again: Again) -> None:
    image = kubectl("get", "deployment/cineges-web", "-n", CINECITY.namespace, "-o", "jsonpath={..containers[0].image}")
    names = {"refused": [], "served": [{"name": PULL_SECRET}]}
    kubectl("apply", "-n", CINECITY.namespace, "-f", "-", stdin=json.dumps(pods(image, names)))
    try:
        refused = eventually(lambda: waiting("refused"))
        assert "ErrImagePull" in refused or "ImagePullBackOff" in refused
        assert "401" in refused or "no basic auth credentials" in refused
        kubectl("wait", "pod/served", "-n", CINECITY.namespace, "--for=condition=Ready", "--timeout=300s")
    finally:
        kubectl("delete", "pod", *names, "-n", CINECITY.namespace, "--grace-period=1")


def pods(image: str, names: dict[str, list[dict[str, str]]]) -> dict[str, Any]:
    """A pod for each name that asks its registry for the image each time, with these pull secrets."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}
    container: dict[str, Any] = {"name": "c", "image": image, "imagePullPolicy": "Always", "args": ["pause"]}
    container["securityContext"] = {**security, "seccompProfile": {"type": "RuntimeDefault"}}
    items = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {"containers": [container], "imagePullSecrets": secrets, "automountServiceAccountToken": False},
        }
        for name, secrets in names.items()
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def waiting(pod: str) -> str:
    """Why a pod's container cannot start; empty while it is being tried."""
    said = kubectl("get", "pod", pod, "-n", CINECITY.namespace, "-o", "jsonpath={..state.waiting}")
    return "" if "ContainerCreating" in said else said


def test_the_registry_lets_nobody_in_without_a_login_and_keeps_its_data_over_a_restart(again: Again) -> None:
    tags = f"http://{again.host}/v2/hickson/hickson/cineges-web/tags/list"
    login = httpx.BasicAuth(PULL_USER, PULL_PASSWORD)
    for nobody in (None, (PULL_USER, "another"), (USER, PASSWORD)):
        assert httpx.get(tags, auth=nobody).status_code == 401, "where nodes pull, even the pusher is nobody"
    uploads = f"http://{again.host}/v2/hickson/hickson/cineges-web/blobs/uploads/"
    assert httpx.post(uploads, auth=login).status_code == 405, "read-only"
    before = httpx.get(tags, auth=login).json()
    assert before["tags"]
    kubectl("delete", "pod/docker-registry-0", "-n", CENTRAL.namespace)
    kubectl("rollout", "status", "statefulset/docker-registry", "-n", CENTRAL.namespace, "--timeout=300s")
    assert eventually(lambda: answered(tags, login)) == before


def answered(url: str, login: httpx.Auth) -> Any:
    """What the registry says; nothing while its service still points to the pod of before."""
    try:
        return httpx.get(url, auth=login).json()
    except httpx.HTTPError:
        return None


def test_what_another_stack_runs_is_delivered_too_and_the_list_of_images_says_why(again: Again) -> None:
    arguments = ("--stack", "local", "--config-file", str(again.stack.config))
    images = json.loads(run("bus", "images", "list", "--json", *arguments))
    (doc,) = (image for image in images if image["source"] == again.only_there)
    assert doc["pulled"].startswith(f"{again.host}/hickson/{DOC}@sha256:")
    assert doc["why"] == ["recette runs it on central as cineges-doc"]
    (ui,) = (image for image in images if image["pulled"].endswith("cineges-ui:0.1.0"))
    assert "central: central: Deployment cineges-ui: containers.cineges-ui.image (container)" in ui["why"]
    assert ui["why"][-1] == "recette runs it on central as cineges-ui"
    login = httpx.BasicAuth(PULL_USER, PULL_PASSWORD)
    for image in images:
        assert image["digest"].startswith("sha256:")
        if image["pulled"].startswith(again.host):
            place = parse(image["pulled"])
            url, accept = f"http://{again.host}/v2/{place.path}/manifests/{place.version}", {"Accept": MANIFEST}
            assert httpx.head(url, auth=login, headers=accept).headers["Docker-Content-Digest"] == image["digest"]
    assert "cineges-doc" in run("bus", "images", "list", *arguments)


def test_no_login_of_the_registry_stands_in_clear(again: Again) -> None:
    said = {
        "state": again.stack.pulumi("stack", "export"),
        "outputs": again.stack.pulumi("stack", "output", "--json"),
        "Helm's values": kubectl("get", "configmaps,statefulsets,pods", "-A", "-o", "json"),
        "events": json.dumps(again.events),
    }
    for place, text in said.items():
        for secret in (PASSWORD, PULL_PASSWORD, *(line.strip().split(":", 1)[1] for line in (HTPASSWD, PULL_HTPASSWD))):
            assert secret not in text, f"a login stands in clear in {place}"
