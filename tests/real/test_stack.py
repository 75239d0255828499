"""Stack local: nothing to do twice, one site more changes one site, secrets stay secret, order is the engine's."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.components.test_order import TIERS
from tests.real.sandbox import ROOT, Stack, kubectl, operations

pytestmark = pytest.mark.real
# The stack itself, and the dynamic provider, whose inputs are the stack's config.
ENGINE = ("bus-local", "default")


@pytest.fixture(scope="module")
def secrets() -> list[str]:
    """The sandbox's secrets in clear; short ones such as `admin` would be found in any text."""
    config = json.loads(Stack.local().pulumi("config", "--show-secrets", "--json"))
    values = [entry["value"] for key, entry in config.items() if entry.get("secret") and len(entry["value"]) >= 8]
    assert len(values) >= 4
    return values


def test_a_preview_right_after_up_shows_no_change() -> None:
    Stack.local().pulumi("preview", "--expect-no-changes")


def test_a_refresh_right_after_up_shows_no_change() -> None:
    Stack.local().pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    Stack.local().pulumi("preview", "--expect-no-changes")


def test_no_secret_stands_in_clear_in_state_preview_or_helm(secrets: list[str]) -> None:
    def reconfigured(config: dict[str, Any]) -> None:
        config["bus:values"]["cineges-ui"] = {"replicaCount": 2}

    texts = {
        "state": Stack.local().pulumi("stack", "export"),
        "preview with a change": Stack.local().changed(reconfigured).pulumi("preview", "--diff"),
        "stack outputs": Stack.local().pulumi("stack", "output", "--json"),
        "config maps": kubectl("get", "configmaps", "-A", "-o", "json"),
        "pods": kubectl("get", "pods", "-A", "-o", "json"),
        "stack file": (ROOT / "Pulumi.local.yaml").read_text(),
    }
    for place, text in texts.items():
        for secret in secrets:
            assert secret not in text, f"a secret stands in clear in {place}"


def test_one_more_complexe_changes_that_site_and_the_mirror() -> None:
    def kone(config: dict[str, Any]) -> None:
        cinecity = config["bus:sites"]["cinecity"]
        config["bus:sites"]["kone"] = {
            **cinecity,
            "namespace": "hicksonkone-local",
            "odoo": {"database": "complexe-kone"},
            "cinemaCode": "K-N",
            "slotName": "debezium_kone",
        }

    before = json.loads(kubectl("get", "pods", "-A", "-o", "json"))["items"]
    names = {pod["metadata"]["uid"] for pod in before if pod["metadata"]["namespace"].startswith("hickson")}
    stack = Stack.local()
    changed = operations(stack.changed(kone).up())
    try:
        assert changed.pop("mirror-release") == "update"
        assert all(name.startswith("kone-") and op == "create" for name, op in changed.items() if name not in ENGINE), (
            changed
        )
        after = json.loads(kubectl("get", "pods", "-A", "-o", "json"))["items"]
        assert names <= {pod["metadata"]["uid"] for pod in after}, "a pod of another site was replaced"
    finally:
        stack.up()
        kubectl("delete", "namespace", "hicksonkone-local", "--timeout=90s")


def test_a_broken_stack_file_is_refused_before_anything_is_touched() -> None:
    def broken(config: dict[str, Any]) -> None:
        config["bus:sites"]["central"]["kafka"] = {"brokers": 1, "replicationFactor": 3}
        config["bus:sites"]["cinecity"]["cinemacode"] = "X"

    with pytest.raises(AssertionError) as refused:
        Stack.local().changed(broken).pulumi("up", "--yes", "--skip-preview")
    said = str(refused.value)
    assert "2 problems, nothing was touched" in said
    assert "bus:sites.central.kafka.replicationFactor = 3: exceeds the 1 broker(s)" in said
    assert "did you mean cinemaCode?" in said
    assert "Traceback" not in said


def test_an_unreachable_cluster_is_refused_before_anything_is_touched() -> None:
    with pytest.raises(AssertionError) as refused:
        Stack.local().changed(lambda config: config.update({"bus:context": "nowhere"})).pulumi("preview")
    assert "the cluster of central cannot be reached" in str(refused.value)
    assert "Traceback" not in str(refused.value)


@pytest.fixture(scope="module")
def again() -> Iterator[list[dict[str, Any]]]:
    """The events of an `up` that follows a `destroy`, with the data of before still on the volumes."""
    stack = Stack.local()
    stack.pulumi("destroy", "--yes", "--skip-preview")
    yield stack.up()


def test_destroy_keeps_the_data_and_up_finds_it_again(again: list[dict[str, Any]]) -> None:
    assert operations(again)["central-bricks-release"] == "create"
    topics = kubectl(
        "exec",
        "-n",
        "hicksoncentral-local",
        "kafka-0",
        "--",
        "/opt/kafka/bin/kafka.sh",
        "topics",
        "--bootstrap-server",
        "localhost:9092",
        "--list",
    )
    assert "cineges.film.data" in topics
    Stack.local().pulumi("preview", "--expect-no-changes")


def test_no_brick_started_before_its_topics_and_indices_existed(again: list[dict[str, Any]]) -> None:
    """The engine's own log: the first step of a tier comes after the last end of every earlier tier."""
    started: dict[str, int] = {}
    ended: dict[str, int] = {}
    for event in again:
        for kind, times in (("resourcePreEvent", started), ("resOutputsEvent", ended)):
            if kind in event:
                times[event[kind]["metadata"]["urn"].rsplit("::", 1)[-1]] = event["sequence"]
    for site in ("central", "cinecity"):
        for number, tier in enumerate(TIERS):
            for role in tier:
                for before in (name for earlier in TIERS[:number] for name in earlier):
                    assert ended[f"{site}-{before}"] < started[f"{site}-{role}"], f"{site}: {role} before {before}"
    last = max(ended[f"{site}-{role}"] for site in ("central", "cinecity") for tier in TIERS for role in tier)
    assert last < started["mirror-release"]
