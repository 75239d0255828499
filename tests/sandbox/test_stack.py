"""The stack file of the sandbox: the checkout's, with the secrets that an earlier `make up` made."""

from typing import Any

import pytest

from sandbox import places
from sandbox.stack import merged

OWN = {"config": {"bus:environment": "local", "bus:sites": {"central": {}}}}
SECRET = {"secure": "v1:abc:def"}


@pytest.fixture(autouse=True)
def the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MINE", False)
    monkeypatch.delenv("BUS_REGISTRY", raising=False)


def test_secrets_and_their_salt_are_kept_and_all_else_is_the_checkouts() -> None:
    before = {
        "encryptionsalt": "v1:salt",
        "config": {
            "bus:odoo.password": SECRET,
            "bus:environment": "old",
            "bus:gone": "x",
            "bus:map": {"secure": 1, "b": 2},
        },
    }
    content = merged(OWN, before)
    assert content["encryptionsalt"] == "v1:salt"
    assert content["config"]["bus:odoo.password"] == SECRET
    assert content["config"]["bus:environment"] == "local"
    assert not content["config"].keys() & {"bus:gone", "bus:map"}


def test_a_copy_without_config_is_a_first_run() -> None:
    assert merged(OWN, {"encryptionsalt": "s", "config": None})["config"].keys() >= OWN["config"].keys()


def test_the_sandbox_has_its_images_from_its_own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = {"mirror": "127.0.0.1:5000", "insecure": True}
    assert merged(OWN, {})["config"]["bus:images"] == mirror
    monkeypatch.setenv("BUS_REGISTRY", "127.0.0.1:5999")
    assert merged(OWN, {})["config"]["bus:images"] == {**mirror, "mirror": "127.0.0.1:5999"}


def test_a_cluster_of_ones_own_without_a_registry_keeps_the_images_of_the_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "MINE", True)
    config = merged(OWN, {}, "my-context")["config"]
    assert config["bus:context"] == "my-context"
    assert not config.keys() & {"bus:images", "bus:delivery"}


@pytest.mark.parametrize(
    ("registry", "insecure"),
    [
        ("localhost:5001/bus", True),
        ("127.0.0.1/bus", True),
        ("registry.example/bus", False),
        ("localhost.example", False),
    ],
)
def test_a_registry_of_ones_own_is_delivered_to(monkeypatch: pytest.MonkeyPatch, registry: str, insecure: bool) -> None:
    monkeypatch.setattr(places, "MINE", True)
    delivery: dict[str, Any] = merged(OWN, {}, "my-context", registry)["config"]["bus:delivery"]
    assert (delivery["registry"], delivery["insecure"]) == (registry, insecure)
    assert (delivery["sourceMirror"], delivery["sourceInsecure"]) == ("127.0.0.1:5000", True)


def test_what_is_merged_is_left_as_it_was() -> None:
    before = {"config": {"bus:odoo.password": SECRET}}
    merged(OWN, before, "c", "r")
    assert OWN == {"config": {"bus:environment": "local", "bus:sites": {"central": {}}}}
    assert before == {"config": {"bus:odoo.password": SECRET}}
