"""SIGKILL to a real `pulumi up`, with Kafka and Elasticsearch and their pods: the same command again ends it.

With BUS_KILLS above 1 the upgrade too, which has nothing that tests/servers/releases/test_kills.py has not.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bus.cluster.access import Cluster
from bus.releases.recovery import records
from tests.real.sandbox import Stack, kubectl, need

pytestmark = pytest.mark.real
NAMESPACE = "hicksontiers-local"
UP = ("up", "--yes", "--skip-preview")
KILLS = int(os.environ.get("BUS_KILLS", "1"))


def with_tiers(config: dict[str, Any]) -> None:
    """One more complexe, as cinecity is."""
    config["bus:sites"]["tiers"] = {
        **config["bus:sites"]["cinecity"],
        "namespace": NAMESPACE,
        "odoo": {"database": "complexe-tiers"},
        "cinemaCode": "T-T",
        "slotName": "debezium_tiers",
    }


def with_more_of_it(config: dict[str, Any]) -> None:
    """An upgrade of that complexe."""
    with_tiers(config)
    config["bus:sites"]["tiers"]["values"] = {"cineges-web": {"replicaCount": 2}}


def newest(release: str) -> str:
    """The status of a release's newest record; empty where it has none."""
    cluster = Cluster(context="bus-sandbox", kubeconfig=Path(need("KUBECONFIG")).read_text(), namespace=NAMESPACE)
    found = records.read(cluster, [release])[release]
    return max(found, key=lambda record: record.revision).status if found else ""


def workloads() -> dict[str, tuple[int, int]]:
    """name -> wanted and ready pods, of all Deployments and StatefulSets of the complexe."""
    items = json.loads(kubectl("get", "deployments,statefulsets", "-n", NAMESPACE, "-o", "json"))["items"]
    return {one["metadata"]["name"]: (one["spec"]["replicas"], one["status"].get("readyReplicas", 0)) for one in items}


def starting(workload: str) -> bool:
    """Whether Helm has made a workload that is not ready yet."""
    wanted, ready = workloads().get(workload, (0, 0))
    return ready < wanted


def test_a_killed_install_and_removal_of_a_complexe_are_ended_by_the_same_command() -> None:
    plain, tiers = Stack.local(), Stack.local().changed(with_tiers)
    more = Stack.local().changed(with_more_of_it)
    moments: list[tuple[Stack, Callable[[], bool]]] = [
        (tiers, lambda: newest("basetiers") == "pending-install" and starting("kafka")),
        (more, lambda: newest("tiers") == "pending-upgrade"),
        (plain, lambda: newest("tiers") == "uninstalling"),
    ]
    try:
        for stack, moment in moments:
            if stack is more and KILLS == 1:
                continue
            assert stack.killed(moment, *UP), "it ended before it was killed"
            stack.pulumi(*UP)
            if stack is not plain:
                assert workloads()["kafka"] == (1, 1)
                assert workloads()["cineges-web"] == ((2, 2) if stack is more else (1, 1))
                assert all(wanted == ready for wanted, ready in workloads().values())
        assert workloads() == {}
    except BaseException:
        plain.pulumi(*UP)
        raise
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=300s")
