"""The stack file of the sandbox: a template, the secrets that `make up` makes, and what the user changed."""

from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from sandbox import places
from sandbox.stack import edited, link, merged, wanted

TEMPLATE = {"config": {"bus:environment": "local", "bus:sites": {"central": {}}}}
SECRET = {"secure": "v1:abc:def"}


@pytest.fixture(autouse=True)
def the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MINE", False)
    monkeypatch.delenv("BUS_REGISTRY", raising=False)


def test_without_a_note_of_what_was_written_only_secrets_and_their_salt_are_kept() -> None:
    before = {
        "encryptionsalt": "v1:salt",
        "config": {
            "bus:odoo.password": SECRET,
            "bus:environment": "old",
            "bus:gone": "x",
            "bus:map": {"secure": 1, "b": 2},
        },
    }
    content = merged(TEMPLATE["config"], None, before)
    assert content == {"encryptionsalt": "v1:salt", "config": {**TEMPLATE["config"], "bus:odoo.password": SECRET}}


def test_a_file_without_config_is_a_first_run() -> None:
    assert merged(TEMPLATE["config"], None, {"encryptionsalt": "s", "config": None})["config"] == TEMPLATE["config"]


def test_what_the_user_changed_stays_and_the_rest_follows_the_template() -> None:
    last = {"bus:a": 1, "bus:b": 1, "bus:sites": {"central": {"kafka": {"brokers": 1}}, "cinecity": {}}, "bus:gone": 1}
    config = {"bus:a": 2, "bus:b": 2, "bus:sites": {"central": {"kafka": {"brokers": 1, "x": 1}}, "cinecity": {}}}
    theirs = {
        "bus:a": 1,
        "bus:b": 5,
        "bus:sites": {"central": {"kafka": {"brokers": 3}}, "kone": {"cinemaCode": "K-N"}},
        "bus:gone": 1,
        "bus:odoo.password": SECRET,
    }
    assert merged(config, last, {"encryptionsalt": "s", "config": theirs}) == {
        "encryptionsalt": "s",
        "config": {
            "bus:a": 2,
            "bus:b": 5,
            "bus:sites": {"central": {"kafka": {"brokers": 3, "x": 1}}, "kone": {"cinemaCode": "K-N"}},
            "bus:odoo.password": SECRET,
        },
    }


@pytest.mark.parametrize(
    ("last", "template", "theirs", "result"),
    [
        ({"k": 1}, {"k": 1}, {"k": 1}, {"k": 1}),
        ({"k": 1}, {"k": 2}, {}, {}),
        ({"k": 1}, {}, {"k": 2}, {"k": 2}),
        ({"k": [1]}, {"k": [1, 2]}, {"k": [3]}, {"k": [3]}),
        ({"k": {"a": 1}}, {"k": {"a": 1, "b": 1}}, {"k": None}, {"k": None}),
        ({}, {"k": {"a": 1}}, {"k": {"b": 1}}, {"k": {"a": 1, "b": 1}}),
    ],
)
def test_a_users_change_wins(last: Any, template: Any, theirs: Any, result: Any) -> None:
    assert edited(last, template, theirs) == result


def test_the_sandbox_has_its_images_from_its_own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = {"mirror": "127.0.0.1:5000", "insecure": True}
    assert wanted(TEMPLATE)["bus:images"] == mirror
    monkeypatch.setenv("BUS_REGISTRY", "127.0.0.1:5999")
    assert wanted(TEMPLATE)["bus:images"] == {**mirror, "mirror": "127.0.0.1:5999"}


def test_a_cluster_of_ones_own_without_a_registry_keeps_the_images_of_the_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "MINE", True)
    config = wanted(TEMPLATE, "my-context")
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
    delivery: dict[str, Any] = wanted(TEMPLATE, "my-context", registry)["bus:delivery"]
    assert (delivery["registry"], delivery["insecure"]) == (registry, insecure)
    assert (delivery["sourceMirror"], delivery["sourceInsecure"]) == ("127.0.0.1:5000", True)


def test_what_is_merged_is_left_as_it_was() -> None:
    before = {"config": {"bus:odoo.password": SECRET}}
    merged(wanted(TEMPLATE, "c", "r"), None, before)
    assert TEMPLATE == {"config": {"bus:environment": "local", "bus:sites": {"central": {}}}}
    assert before == {"config": {"bus:odoo.password": SECRET}}


def test_the_checkout_links_to_the_stack_file_again_and_again(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        config = tmp_path / folder / "Pulumi.local.yaml"
        link(tmp_path, config)
        assert (tmp_path / "Pulumi.local.yaml").readlink() == config


def test_a_file_of_the_users_is_not_replaced(tmp_path: Path) -> None:
    own = tmp_path / "Pulumi.local.yaml"
    own.write_text("mine")
    with pytest.raises(SystemExit, match=r"is a file.*mv Pulumi.local.yaml Pulumi.local.yaml.mine"):
        link(tmp_path, tmp_path / "cache/Pulumi.local.yaml")
    assert own.read_text() == "mine"


def test_pulumi_install_finds_the_lock() -> None:
    """`pulumi install` looks for requirements.txt alone, and leaves an empty .venv without it."""
    lines = [line for line in (places.ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines == ["-r requirements.lock"]


def test_git_tracks_no_stack_file_that_pulumi_writes_into_in_the_sandbox() -> None:
    names = ("Pulumi.local.yaml", "sandbox/Pulumi.local.yaml")
    tracked = run(["git", "ls-files", *names], cwd=places.ROOT, capture_output=True, text=True, check=True)
    assert tracked.stdout.split() == ["sandbox/Pulumi.local.yaml"]
