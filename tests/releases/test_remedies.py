"""What `bus drift` says to do, by the records of the release and by how its cluster is reached."""

import pytest

from bus.cluster.access import Cluster
from bus.releases.compare.remedies import of_release
from bus.releases.recovery.state import MARK, Revision

HERE = Cluster(context="hickson-cinecity", namespace="n")
UP = "pulumi up --stack prod"


def history(*statuses: str) -> list[Revision]:
    said = {"superseded": f"{MARK}then", "deployed": f"{MARK}then"}
    return [
        Revision("r", number, status, f"r.v{number}", description=said.get(status, "cut off"))
        for number, status in enumerate(statuses, 1)
    ]


def back_to(revision: int) -> list[str]:
    return [f"remedy: helm rollback r {revision} -n n --kube-context hickson-cinecity", f"then: {UP}"]


@pytest.mark.parametrize(
    ("statuses", "lines"),
    [
        (("superseded", "deployed"), back_to(2)),
        (("superseded", "failed", "deployed"), back_to(3)),
        (
            ("superseded", "deployed", "failed"),
            [
                "revision 3 failed, and objects may be partly of it; the last one that was ready is revision 2",
                *back_to(2),
            ],
        ),
        (
            # A second failure: bus has marked the deployed one superseded, so that Helm compares with both.
            ("superseded", "superseded", "failed", "failed"),
            [
                "revision 4 failed, and objects may be partly of it; the last one that was ready is revision 2",
                *back_to(2),
            ],
        ),
        (
            ("deployed", "pending-upgrade"),
            [
                "revision 2 is pending-upgrade: a deployment is running, or was killed",
                f"remedy: wait until it ends; where it was killed: bus unlock --stack prod, then {UP}",
            ],
        ),
        (("failed",), [f"remedy: {UP}"]),
        ((), [f"remedy: {UP}"]),
    ],
)
def test_the_command_names_the_revision_that_is_deployed(statuses: tuple[str, ...], lines: list[str]) -> None:
    assert of_release("r", HERE, history(*statuses), "cinecity", "prod") == lines
    assert of_release("r", HERE, history(*statuses)[::-1], "cinecity", "prod") == lines, "in whatever order"


def test_a_kubeconfig_of_its_own_is_fetched_first_and_never_shown() -> None:
    reached = Cluster(kubeconfig="secret: text", namespace="n")
    assert of_release("r", reached, history("deployed"), "cinecity", "prod") == [
        "FILE below is the site's kubeconfig: pulumi config get bus:cinecity.kubeconfig --stack prod > FILE",
        "remedy: helm rollback r 1 -n n --kubeconfig FILE",
        f"then: {UP}",
    ]


def test_a_context_that_a_shell_would_split_is_quoted() -> None:
    reached = Cluster(context="my cluster; rm", namespace="n")
    assert "--kube-context 'my cluster; rm'" in of_release("r", reached, history("deployed"), "cinecity", "prod")[0]
