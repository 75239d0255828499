"""Stack local: nothing to do twice, one site more changes one site, secrets stay secret."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.real.sandbox import ROOT, Site, Stack, eventually, keys_seen, kubectl, need, operations, run
from tests.real.secrecy import backend_files, helm_records

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


def test_no_secret_stands_in_clear_in_state_logs_preview_or_helm(secrets: list[str]) -> None:
    def reconfigured(config: dict[str, Any]) -> None:
        config["bus:values"]["cineges-ui"] = {"replicaCount": 2}

    texts = {
        **backend_files(),
        "preview with a change": Stack.local().changed(reconfigured).pulumi("preview", "--diff"),
        "stack outputs": Stack.local().pulumi("stack", "output", "--json"),
        "Helm's records": helm_records(),
        "config maps": kubectl("get", "configmaps", "-A", "-o", "json"),
        "pods": kubectl("get", "pods", "-A", "-o", "json"),
        "stack file": (ROOT / "sandbox/Pulumi.local.yaml").read_text(),
    }
    for place, text in texts.items():
        for secret in secrets:
            assert secret not in text, f"a secret stands in clear in {place}"


def test_one_more_complexe_on_a_kubeconfig_of_its_own_changes_that_site_and_the_mirror() -> None:
    """Its broker is of 2.8, beside a ZooKeeper, and asks nobody for a login: the mirror serves it all the same."""
    run(sys.executable, "-m", "sandbox.images.older", "push")

    def kone(config: dict[str, Any]) -> None:
        cinecity = config["bus:sites"]["cinecity"]
        config["bus:sites"]["kone"] = {
            **cinecity,
            "namespace": "hicksonkone-local",
            "odoo": {"database": "complexe-kone"},
            "cinemaCode": "K-N",
            "slotName": "debezium_kone",
            "kafka": {"brokers": 1, "replicationFactor": 1, "mode": "zookeeper"},
            "values": {brick: {"image": {"tag": "2.8.2"}} for brick in ("kafka", "zookeeper")},
        }

    before = json.loads(kubectl("get", "pods", "-A", "-o", "json"))["items"]
    names = {pod["metadata"]["uid"] for pod in before if pod["metadata"]["namespace"].startswith("hickson")}
    stack, kubeconfig = Stack.local(), Path(need("KUBECONFIG")).read_text()
    more = stack.changed(kone)
    more.pulumi("config", "set", "--secret", "bus:kone.kubeconfig", stdin=kubeconfig)
    changed = operations(more.up())
    try:
        assert changed.pop("mirror-release") == "update"
        assert changed.pop("central-kafka-users") == "update", "the mirror works as one more group"
        assert changed.pop("images") == "update", "it brings an image of its own"
        assert changed.pop("deployment") == "update", "it says which images are tried, for the new site too"
        mine = ("kone-", "mirror-kone-", "retired-kone-")
        assert all(name.startswith(mine) and op == "create" for name, op in changed.items() if name not in ENGINE), (
            changed
        )
        after = json.loads(kubectl("get", "pods", "-A", "-o", "json"))["items"]
        assert names <= {pod["metadata"]["uid"] for pod in after}, "a pod of another site was replaced"
        key = re.search(r"client-key-data: (\S+)", kubeconfig)
        assert key
        assert key[1] not in more.pulumi("stack", "export"), "the kubeconfig stands in clear in the state"
        more.pulumi("preview", "--expect-no-changes")
        Site("hicksoncentral-local").produce("cineges-central-api", "cineges.film.data", "kone", {"title": "Kone"})
        eventually(lambda: "kone" in keys_seen(Site("hicksonkone-local"), "cineges-complexe-jobs", "cineges.film.data"))
    finally:
        stack.up()
        kubectl("delete", "namespace", "hicksonkone-local", "--timeout=300s")


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
