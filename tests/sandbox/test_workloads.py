"""Which workloads `make up` still waits for."""

from typing import Any

from sandbox.workloads import unready


def workload(name: str, wants: int, *, generation: int = 2, **status: int) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "site", "name": name, "generation": generation},
        "spec": {"replicas": wants},
        "status": status,
    }


def test_one_with_fewer_ready_pods_than_it_wants_is_waited_for() -> None:
    items = [workload("api", 2, readyReplicas=1, observedGeneration=2), workload("new", 1, observedGeneration=2)]
    assert unready({"items": items}) == ["site/api", "site/new"]


def test_one_whose_change_was_not_seen_yet_is_waited_for() -> None:
    assert unready({"items": [workload("api", 1, readyReplicas=1, observedGeneration=1)]}) == ["site/api"]
    assert unready({"items": [workload("api", 1, readyReplicas=1)]}) == ["site/api"]


def test_nothing_is_waited_for_once_all_are_ready_or_scaled_to_none() -> None:
    items = [workload("api", 2, readyReplicas=2, observedGeneration=2), workload("off", 0, observedGeneration=2)]
    assert unready({"items": items}) == []
