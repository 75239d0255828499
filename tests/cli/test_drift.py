"""`bus drift`: what a refresh of topics and indices found, from the engine's own events."""

import json

from bus.cli.drift import steps
from bus.notes.sets import changed_sets

URN = "urn:pulumi:local::bus::bus:index:Bus$pulumi-python:dynamic/bus:TopicSet::central-topics"


def event(op: str, partitions: int) -> str:
    def state(count: int) -> dict[str, object]:
        return {"type": "pulumi-python:dynamic/bus:TopicSet", "inputs": {"topics": {"a": {"partitions": count}}}}

    metadata = {"op": op, "urn": URN, "old": state(1), "new": state(partitions)}
    return json.dumps({"sequence": 1, "resOutputsEvent": {"metadata": metadata}})


def test_what_the_servers_have_is_compared_with_what_was_deployed() -> None:
    # Before it is read, the engine shows a resource as it was: that is no finding.
    before = json.dumps({"resourcePreEvent": {"metadata": {"op": "refresh", "urn": URN}}})
    found = changed_sets(steps("\n".join([before, event("update", 3)])))
    assert found == {"central-topics": ["~ a: partitions 1 -> 3"]}


def test_nothing_is_found_where_nothing_changed() -> None:
    assert changed_sets(steps(event("same", 1))) == {}
