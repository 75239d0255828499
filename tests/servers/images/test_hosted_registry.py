"""Images into a registry that the stack runs itself: by a port-forward of a real API server, which KWOK answers."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import yaml
from pulumi.dynamic import ConfigureRequest

from bus.cluster.access import NotDeployed
from bus.config import hosted_registry
from bus.images.registry.client import Registry
from bus.images.registry.login import Login
from components.providers.copies import ImageCopiesProvider
from tests.support.fake_pods import NAMESPACE, answering, workload
from tests.support.kwok import control_plane
from tests.support.registry import PASSWORD, USER, Maker, Running, registry

pytestmark = pytest.mark.servers
MIB = 1 << 20


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, dict[str, Any]]]:
    """A registry behind port 8081 of a pod, and how its site is reached."""
    folder = tmp_path_factory.mktemp("hosted")
    with ExitStack() as stack:
        behind = stack.enter_context(registry(folder / "registry", htpasswd=True))
        plane = stack.enter_context(control_plane())
        port = {
            "ports": [hosted_registry.PUSH_PORT],
            "target": {"port": int(behind.host.split(":")[1]), "address": "127.0.0.1"},
        }
        spec = {"selector": {"matchNamespaces": [NAMESPACE]}, "forwards": [port]}
        kind = {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterPortForward", "metadata": {"name": "push"}}
        stack.enter_context(answering(plane, folder, [{**kind, "spec": spec}]))
        plane.command("kubectl", "create", "namespace", NAMESPACE)
        sets = yaml.safe_dump(workload(hosted_registry.BRICK, 1))
        plane.command("kubectl", "apply", "-n", NAMESPACE, "-f", "-", stdin=sets)
        plane.command(
            "kubectl", "rollout", "status", f"statefulset/{hosted_registry.BRICK}", "-n", NAMESPACE, "--timeout=90s"
        )
        cluster = plane.cluster(NAMESPACE)
        yield behind, {"cluster": cluster, "namespace": NAMESPACE, "site": "central", "mode": "port-forward"}


def provider(kubeconfig: str) -> ImageCopiesProvider:
    """A provider that logs in as the pusher."""
    config = {"bus:delivery.username": USER, "bus:delivery.password": PASSWORD, "bus:central.kubeconfig": kubeconfig}
    made, request = ImageCopiesProvider(), ConfigureRequest.__new__(ConfigureRequest)
    request.config = config  # type: ignore[assignment]
    made.configure(request)
    return made


def test_images_go_in_through_the_api_server(
    hosted: tuple[Running, dict[str, Any]], source: Running, maker: Maker
) -> None:
    behind, place = hosted
    made = maker.image("isi/in", "1", [maker.blob("isi/in", 20 * MIB, "a"), maker.blob("isi/in", MIB, "b")])
    cluster = place["cluster"]
    host = {"site": "central", "namespace": NAMESPACE, "context": cluster.context, "mode": "port-forward"}
    image = f"{source.host}/isi/in:1"
    images, digests = {image: "registry.cust.nc:30500/hickson/isi/in:1"}, {image: made.digest}
    reached = {"insecure": True, "sourceInsecure": True, "sourceMirror": "", "host": host}
    props: dict[str, Any] = {"images": images, "digests": digests, **reached}
    acting = provider(cluster.kubeconfig)
    assert (acting.create(props).outs or {})["copiedBytes"] > 21 * MIB
    inside = Registry(behind.host, insecure=True, login=Login(USER, PASSWORD))
    assert inside.manifest("hickson/isi/in", "1").content == made.content
    assert (acting.update("", props, props).outs or {})["copiedBytes"] == 0
    assert (acting.read("id", props).outs or {})["digests"] == {image: made.digest}
    with pytest.raises(NotDeployed, match="has no StatefulSet docker-registry yet"):
        acting.create({**props, "host": {**host, "namespace": "default"}})
