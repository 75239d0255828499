"""Stack local: nothing to do twice, one site more changes one site, secrets stay secret, order is the engine's."""

import gzip
import json
import os
import re
import uuid
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.components.test_order import TIERS
from tests.real.sandbox import ROOT, Site, Stack, eventually, kubectl, need, operations

pytestmark = pytest.mark.real
# The stack itself, and the dynamic provider, whose inputs are the stack's config.
ENGINE = ("bus-local", "default")
CENTRAL, CINECITY = Site("hicksoncentral-local"), Site("hicksoncinecity-local")
CUSTOMER_REGISTRY = "127.0.0.1:5001/hickson"


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


def backend_files() -> dict[str, str]:
    """Every file that the state backend and `make up` keep: checkpoints, history, backups, stack file, logs."""
    state = Path(need("PULUMI_BACKEND_URL").removeprefix("file://"))
    folders = (state, Path(need("BUS_CACHE")) / "logs")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if path.name == "local.json"], "no checkpoint found"
    return {str(path): path.read_text(errors="replace") for path in [*files, Path(os.environ["BUS_CONFIG_FILE"])]}


def helm_records() -> str:
    """What Helm keeps of every release, unpacked."""
    records = json.loads(kubectl("get", "secrets", "-A", "-l", "owner=helm", "-o", "json"))["items"]
    assert len(records) >= 7
    return "\n".join(gzip.decompress(b64decode(b64decode(r["data"]["release"]))).decode() for r in records)


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
        "stack file": (ROOT / "Pulumi.local.yaml").read_text(),
    }
    for place, text in texts.items():
        for secret in secrets:
            assert secret not in text, f"a secret stands in clear in {place}"


def test_one_more_complexe_on_a_kubeconfig_of_its_own_changes_that_site_and_the_mirror() -> None:
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
    stack, kubeconfig = Stack.local(), Path(need("KUBECONFIG")).read_text()
    more = stack.changed(kone)
    more.pulumi("config", "set", "--secret", "bus:kone.kubeconfig", stdin=kubeconfig)
    changed = operations(more.up())
    try:
        assert changed.pop("mirror-release") == "update"
        assert changed.pop("central-kafka-users") == "update", "the mirror works as one more group"
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


@dataclass(frozen=True)
class Again:
    """An `up` that follows a `destroy`: its events, and what was written before."""

    stack: Stack
    events: list[dict[str, Any]]
    film: str


@pytest.fixture(scope="module")
def again() -> Iterator[Again]:
    """A destroy, then the whole customer from its own registry, with the data of before still on the volumes."""

    def delivered(config: dict[str, Any]) -> None:
        target = {"registry": CUSTOMER_REGISTRY, "insecure": True}
        config["bus:delivery"] = {**target, "sourceMirror": "127.0.0.1:5000", "sourceInsecure": True}

    film = f"film-{uuid.uuid4().hex[:8]}"
    CENTRAL.produce("cineges-central-api", "cineges.film.data", film, {"title": "Mon oncle", "code": film})
    eventually(lambda: CINECITY.get("es", f"films/_doc/{film}", 9200))
    Stack.local().pulumi("destroy", "--yes", "--skip-preview")
    stack = Stack.local().changed(delivered)
    yield Again(stack, stack.up(), film)
    Stack.local().up()


def test_destroy_keeps_the_data_and_up_finds_it_again(again: Again) -> None:
    assert operations(again.events)["central-bricks-release"] == "create"
    for site in (CENTRAL, CINECITY):
        assert site.get("es", f"films/_doc/{again.film}", 9200)["_source"]["title"] == "Mon oncle"
    again.stack.pulumi("preview", "--expect-no-changes")


def test_everything_runs_from_the_customers_registry(again: Again) -> None:
    for site in (CENTRAL, CINECITY):
        pods = json.loads(kubectl("get", "pods", "-n", site.namespace, "-o", "json"))["items"]
        images = {container["image"] for pod in pods for container in pod["spec"]["containers"]}
        assert images
        assert not [image for image in images if not image.startswith(f"{CUSTOMER_REGISTRY}/")]


def test_no_brick_started_before_its_topics_and_indices_existed(again: Again) -> None:
    """The engine's own log: the first step of a tier comes after the last end of every earlier tier."""
    started: dict[str, int] = {}
    ended: dict[str, int] = {}
    for event in again.events:
        for kind, times in (("resourcePreEvent", started), ("resOutputsEvent", ended)):
            if kind in event:
                times[event[kind]["metadata"]["urn"].rsplit("::", 1)[-1]] = event["sequence"]
    tiers = (TIERS[0], ("delivery-images",), *TIERS[1:])
    for site in ("central", "cinecity"):
        for number, tier in enumerate(tiers):
            for role in tier:
                for before in (name for earlier in tiers[:number] for name in earlier):
                    assert ended[f"{site}-{before}"] < started[f"{site}-{role}"], f"{site}: {role} before {before}"
    last = max(ended[f"{site}-{role}"] for site in ("central", "cinecity") for tier in tiers for role in tier)
    assert last < started["mirror-release"]
