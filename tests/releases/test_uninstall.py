"""Which revisions of a release may have left objects that its removal has to find."""

import pytest

from bus.releases.recovery.state import TAKEN_OVER, Revision
from bus.releases.recovery.uninstall import in_use


@pytest.mark.parametrize(
    ("statuses", "used"),
    [
        (["deployed"], [1]),
        (["superseded", "deployed"], [2]),
        (["superseded", "deployed", "failed", "pending-upgrade"], [2, 3, 4]),
        (["superseded", "superseded", "failed"], [2, 3]),
        (["failed", "failed", "pending-install"], [1, 2, 3]),
        (["superseded", "taken over", "failed"], [2, 3]),
        (["superseded", "uninstalling"], [1, 2]),
        (["uninstalled"], [1]),
    ],
    ids=lambda given: "-".join(map(str, given)),
)
def test_objects_are_those_of_the_last_ready_revision_and_of_all_after_it(statuses: list[str], used: list[int]) -> None:
    history = [
        Revision("r", number, "failed", f"v{number}", description=f"{TAKEN_OVER}deployed")
        if status == "taken over"
        else Revision("r", number, status, f"v{number}")
        for number, status in enumerate(statuses, 1)
    ]
    assert [record.revision for record in in_use(history)] == used
