"""What keeps a release from getting ready, on a real node: each is said with its reason, remedy, event and log."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.cluster.access import Cluster
from bus.releases.failure.report import report
from tests.real.sandbox import eventually, kubectl, need, run

pytestmark = pytest.mark.real
NAMESPACE, CHART = "bus-unwell", Path(__file__).parent / "unwell"
SAID = {
    "an image that cannot be pulled": (
        r"no-image-.*: container main cannot pull dkr.isi.nc/hickson/never-built:9.9.9: .*\n"
        r"    to do: check name, tag and registry in values/<brick>.yml.*\n"
        r"    event: (Failed|BackOff): .*"
    ),
    "an exceeded quota": (
        r"Deployment/no-room-in-quota: the namespace's quota is used up: .*exceeded quota: site.*\n"
        r"    to do: raise the ResourceQuota of the namespace.*"
    ),
    "a claim that stays unbound": (
        r"PersistentVolumeClaim/data: no volume is made for it: .*nowhere.*\n"
        r"    to do: storage class nowhere: .*\n"
        r"    event: ProvisioningFailed: .*"
    ),
    "a probe that never passes": (
        r"no-answer-.*: container main runs and is not ready: Readiness probe.*\n"
        r"    to do: its log says what it does.*\n"
        r"(    event: .*\n)+"
        r"    log of main:\n"
        r"      waiting for the moon"
    ),
    "a job that does not end": r"Job/no-end: has not ended\n    to do: its pod runs, or waits for something",
}


@pytest.fixture
def unwell() -> Iterator[Cluster]:
    """A release of which nothing gets ready."""
    kubectl("create", "namespace", NAMESPACE)
    try:
        run("helm", "install", "r", str(CHART), "--namespace", NAMESPACE)
        yield Cluster(kubeconfig=Path(need("KUBECONFIG")).read_text(), namespace=NAMESPACE)
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--timeout=300s")


def test_each_thing_that_keeps_a_release_from_getting_ready_is_said(unwell: Cluster) -> None:
    def all_said() -> bool:
        said = report(unwell, "r")
        missing = [what for what, pattern in SAID.items() if not re.search(pattern, said)]
        assert not missing, f"not said: {missing}\n{said}"
        return True

    eventually(all_said)
