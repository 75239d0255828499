"""Which pods of a StatefulSet will not get ready by themselves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bus.releases.recovery.statefulsets import stuck

NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)


def pod(**status: Any) -> dict[str, Any]:
    """A pod that is a minute old."""
    return {"metadata": {"name": "kafka-0", "creationTimestamp": "2026-11-24T22:29:00Z"}, "status": status}


def condition(kind: str, status: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status}]}


def waits(reason: str) -> list[dict[str, Any]]:
    return [{"name": "kafka", "state": {"waiting": {"reason": reason}}}]


@pytest.mark.parametrize(
    "reason", ["ImagePullBackOff", "ErrImagePull", "CrashLoopBackOff", "CreateContainerConfigError"]
)
def test_a_pod_that_cannot_start_is_stuck(reason: str) -> None:
    assert stuck([pod(containerStatuses=waits(reason))], NOW, timedelta(seconds=900)) == ["kafka-0"]
    assert stuck([pod(initContainerStatuses=waits(reason))], NOW, timedelta(seconds=900)) == ["kafka-0"]


def test_a_pod_that_no_node_takes_is_stuck() -> None:
    assert stuck([pod(**condition("PodScheduled", "False"))], NOW, timedelta(seconds=900)) == ["kafka-0"]


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing"])
def test_a_pod_that_is_starting_has_its_time(reason: str) -> None:
    assert stuck([pod(containerStatuses=waits(reason))], NOW, timedelta(seconds=900)) == []
    assert stuck([pod(containerStatuses=waits(reason))], NOW, timedelta(seconds=59)) == ["kafka-0"]


def test_a_running_pod_whose_probe_fails_has_its_time() -> None:
    running = pod(containerStatuses=[{"name": "kafka", "state": {"running": {}}}], **condition("Ready", "False"))
    assert stuck([running], NOW, timedelta(seconds=900)) == []
    assert stuck([running], NOW, timedelta(seconds=59)) == ["kafka-0"]


def test_a_ready_pod_and_one_on_its_way_out_are_left_alone() -> None:
    leaving = pod(containerStatuses=waits("CrashLoopBackOff"))
    leaving["metadata"]["deletionTimestamp"] = "2026-11-24T22:29:30Z"
    assert stuck([leaving, pod(**condition("Ready", "True"))], NOW, timedelta(0)) == []
