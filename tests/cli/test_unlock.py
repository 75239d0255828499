"""What a killed run leaves in a state, and Pulumi would warn of in every run to come."""

from bus.cli.unlock import interrupted

RELEASE = "urn:pulumi:prod::bus::bus:index:Bus$kubernetes:helm.sh/v3:Release::central-bricks-release"


def test_creations_that_did_not_end_are_told_by_name() -> None:
    state = {"pending_operations": [{"type": "creating", "resource": {"urn": RELEASE}}]}
    assert interrupted(state) == ["central-bricks-release"]


def test_what_pulumi_drops_by_itself_is_left_to_it() -> None:
    others = [{"type": kind, "resource": {"urn": RELEASE}} for kind in ("updating", "deleting", "reading")]
    assert interrupted({"pending_operations": others}) == []
    assert interrupted({"pending_operations": None}) == interrupted({}) == []
