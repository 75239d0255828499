"""The sandbox is deployed with the rights of rbac/, and previewed by who may only read."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.cluster.access import Cluster
from bus.cluster.kube import cluster_uid
from tests.real.sandbox import Stack, kubectl, need

pytestmark = pytest.mark.real


@pytest.fixture
def previewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stack local's context is that of a previewer."""
    content = yaml.safe_load(Path(need("KUBECONFIG")).read_text())
    context = next(one for one in content["contexts"] if one["name"] == "bus-sandbox")
    context["context"]["user"] = "previewer"
    content["users"] = [one for one in content["users"] if one["name"] == "previewer"]
    content["current-context"] = "bus-sandbox"
    content["contexts"] = [context]
    target = tmp_path / "kubeconfig"
    target.touch(0o600)
    target.write_text(yaml.safe_dump(content))
    monkeypatch.setenv("KUBECONFIG", str(target))


def test_the_sandbox_is_not_deployed_by_an_administrator() -> None:
    answer = kubectl("--context", "bus-sandbox", "auth", "whoami", "-o", "jsonpath={.status.userInfo}")
    assert "bus-deployers" in answer
    uid = kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    assert cluster_uid(Cluster(context="bus-sandbox")) == uid, "else another cluster would not be refused"
    assert "system:masters" not in answer


@pytest.mark.usefixtures("previewer")
def test_a_previewer_sees_that_nothing_changes() -> None:
    found = json.loads(Stack.local().pulumi("preview", "--json"))
    changed = {step["urn"].split("::")[2].rsplit("$", 1)[-1] for step in found["steps"] if step["op"] != "same"}
    # The provider's input is the path of the kubeconfig, which is another one here; nothing follows from it.
    assert changed <= {"pulumi:providers:kubernetes"}
    assert found["changeSummary"]["same"] > 50


@pytest.mark.usefixtures("previewer")
def test_a_previewer_sees_what_would_change_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def reconfigured(config: dict[str, Any]) -> None:
        config["bus:values"]["cineges-ui"] = {"replicaCount": 2}
        config["bus:sites"]["central"]["config"] = {"shop.address": "Nouméa"}

    said = Stack.local().changed(reconfigured).pulumi("preview")
    assert "spec.replicas" in said
    assert "may not use" in said  # the API server is asked by dry runs, which are writes
