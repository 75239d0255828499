"""The way back from drift that `bus drift` prints, run as it is printed, on a control plane with the real helm."""

import shlex
import uuid
from pathlib import Path

import pytest

from bus.cli.drift import of_release
from bus.cluster.access import Cluster
from bus.releases.compare import remedies
from bus.releases.recovery import records
from tests.support.kwok import Kwok
from tests.support.states import NEVER, READY, Place

pytestmark = pytest.mark.servers
OLD, NEW, BROKEN = (
    "image=example.invalid/tiny:old",
    "image=example.invalid/tiny:new",
    "image=example.invalid/tiny:bad",
)


@pytest.fixture
def place(kwok: Kwok, tmp_path: Path) -> Place:
    namespace = f"remedies-{uuid.uuid4().hex[:8]}"
    kwok.command("kubectl", "create", "namespace", namespace)
    return Place(kwok, namespace, tmp_path)


def images(at: Place) -> set[str]:
    found = [*at.kwok.objects("deployments", at.namespace), *at.kwok.objects("statefulsets", at.namespace)]
    return {one["spec"]["template"]["spec"]["containers"][0]["image"] for one in found}


def follow(at: Place) -> str:
    """Runs the remedy as it is printed for a site that is reached by a context; what was printed."""
    context = at.kwok.command("kubectl", "config", "current-context").strip()
    history = records.read(at.cluster, ["r"])["r"]
    lines = remedies.of_release("r", Cluster(context=context, namespace=at.namespace), history, "central", "prod")
    remedy = next(line for line in lines if line.startswith("remedy: helm "))
    at.kwok.command(*shlex.split(remedy.removeprefix("remedy: ")))
    return "\n".join(lines)


def by_hand(at: Place) -> None:
    where = ("-n", at.namespace)
    at.kwok.command("kubectl", "scale", "deployment", "r-deployment", "--replicas=2", *where)
    at.kwok.command("kubectl", "set", "image", "deployment/r-deployment", "main=example.invalid/by-hand:1", *where)
    at.kwok.command("kubectl", "delete", "configmap", "r-config", *where)


def test_drift_is_gone_and_the_images_are_those_deployed(place: Place) -> None:
    place.install(READY, OLD)
    place.upgrade(READY, NEW)
    by_hand(place)
    assert len(of_release(place.cluster, "r")) == 3
    follow(place)
    assert of_release(place.cluster, "r") == []
    assert images(place) == {"example.invalid/tiny:new"}, "helm rollback without a revision goes to the one before"


def test_a_revision_that_failed_before_the_deployed_one_does_not_come_back(place: Place) -> None:
    place.helm("install", "r", place.chart(), "--set", f"{NEVER},{BROKEN}", "--wait", "--timeout", "1s", check=False)
    assert place.newest() == "failed"
    # Kubernetes never replaces the pod of such a set by itself.
    place.kwok.command("kubectl", "delete", "statefulset", "r-statefulset", "-n", place.namespace)
    place.upgrade(READY, NEW)
    by_hand(place)
    follow(place)
    assert of_release(place.cluster, "r") == []
    assert images(place) == {"example.invalid/tiny:new"}


def test_where_the_last_revision_failed_the_deployed_one_comes_back(place: Place) -> None:
    place.install(READY, OLD)
    place.upgrade(READY, NEW)
    place.helm(
        "upgrade", "r", place.chart(), "--set", f"{NEVER},{BROKEN},text=x", "--wait", "--timeout", "1s", check=False
    )
    assert place.newest() == "failed" and images(place) == {"example.invalid/tiny:bad"}
    assert of_release(place.cluster, "r"), "what a failed revision left is not as it was deployed"
    said = follow(place)
    assert "revision 3 failed, and objects may be partly of it; the last one that was ready is revision 2" in said
    assert of_release(place.cluster, "r") == []
    assert images(place) == {"example.invalid/tiny:new"}
