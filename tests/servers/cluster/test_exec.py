"""Commands in a pod through a real API server: stdin, both outputs, exit codes, and what cannot be started."""

from collections.abc import Iterator

import pytest
import yaml

from bus.cluster import kube
from bus.cluster.access import Cluster, NotDeployed, Unreachable
from tests.support.kwok import Kwok, control_plane

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def plane() -> Iterator[Kwok]:
    """A control plane whose fake node runs commands on this machine."""
    with control_plane(FAKE_EXEC="1") as found:
        found.command("kubectl", "create", "namespace", "site")
        found.command(
            "kubectl",
            "run",
            "-n",
            "site",
            "p",
            "--image=none",
            "--overrides",
            '{"spec":{"tolerations":[{"operator":"Exists"}]}}',
        )
        found.command("kubectl", "wait", "-n", "site", "--for=condition=Ready", "pod/p", "--timeout=60s")
        yield found


@pytest.fixture
def cluster(plane: Kwok) -> Cluster:
    return plane.cluster("site")


def test_what_goes_in_over_stdin_comes_back(cluster: Cluster) -> None:
    assert kube.execute(cluster, "p", ["sh", "-c", "head -n 2; echo three >&2"], "one\ntwo é\nmore\n") == "one\ntwo é\n"
    big = "x" * 300_000 + "\n"
    assert kube.execute(cluster, "p", ["sh", "-c", "head -n 1"], big) == big


def test_a_command_that_fails_says_why(cluster: Cluster) -> None:
    with pytest.raises(kube.CommandFailed, match="no such role"):
        kube.execute(cluster, "p", ["sh", "-c", "echo no such role >&2; exit 3"], "")
    with pytest.raises(kube.CommandFailed, match=r"exit \w+ 4"):
        kube.execute(cluster, "p", ["sh", "-c", "exit 4"], "")


def test_what_is_not_there_does_not_start_or_does_not_end_is_said(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotDeployed, match="pod q in site is not there"):
        kube.execute(cluster, "q", ["true"], "")
    with pytest.raises(kube.CommandFailed, match="/none"):
        kube.execute(cluster, "p", ["/none"], "")
    monkeypatch.setattr(kube, "_COMMAND_SECONDS", 2.0)
    with pytest.raises(Unreachable, match="a command in pod p in site did not end within 2 s"):
        kube.execute(cluster, "p", ["sh", "-c", "sleep 20"], "")


def test_a_user_who_may_not_is_told_what_is_missing(cluster: Cluster, plane: Kwok) -> None:
    reader = yaml.safe_load(cluster.kubeconfig)
    plane.command("kubectl", "create", "serviceaccount", "reader", "-n", "site")
    reader["users"][0]["user"] = {"token": plane.command("kubectl", "create", "token", "reader", "-n", "site").strip()}
    with pytest.raises(Unreachable, match="HTTP 403; it takes create pods/exec there, as the deployer"):
        kube.execute(Cluster(kubeconfig=yaml.safe_dump(reader), namespace="site"), "p", ["true"], "")
