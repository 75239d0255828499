"""Logins as Docker's configuration has them."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from bus.image_reference import parse
from bus.images.registry.credentials import BadCredentials, config_file, docker_config, find
from bus.images.registry.login import Login
from bus.images.registry.registries import Access, Registries

PAIR = base64.b64encode(b"me:pass:word").decode()


@pytest.mark.parametrize(
    ("content", "login"),
    [
        ({}, Login()),
        ({"auths": {"reg.nc": {"auth": PAIR}}}, Login("me", "pass:word")),
        ({"auths": {"https://reg.nc/v1/": {"auth": PAIR}}}, Login("me", "pass:word")),
        ({"auths": {"reg.nc": {"username": "me", "password": "p"}}}, Login("me", "p")),
        ({"auths": {"reg.nc:5000": {"auth": PAIR}}}, Login()),
        ({"auths": {"reg.nc": {}}}, Login()),
    ],
)
def test_a_login_is_found_by_host(tmp_path: Path, content: dict[str, Any], login: Login) -> None:
    (tmp_path / "config.json").write_text(json.dumps(content))
    assert find("reg.nc", tmp_path / "config.json") == login


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        (json.dumps({"auths": {"reg.nc": {"auth": "%%%"}}}), "is not base64"),
        (json.dumps({"auths": {"reg.nc": {"identitytoken": "t"}}}), "identity token"),
        (json.dumps({"credsStore": "nobody-has-this"}), "docker-credential-nobody-has-this .* is not on PATH"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(BadCredentials, match=said):
        find("reg.nc", tmp_path / "config.json")


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ('read host; echo "{\\"Username\\": \\"me\\", \\"Secret\\": \\"$host\\"}"', Login("me", "reg.nc")),
        ("echo 'credentials not found in native keychain'; exit 1", Login("other", "p")),
        ("echo 'locked' >&2; exit 1", "docker-credential-x failed for reg.nc: locked"),
        ('echo \'{"Username": "<token>", "Secret": "t"}\'', "identity token"),
    ],
)
def test_a_helper_is_asked_over_stdin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, outcome: Login | str
) -> None:
    helper = tmp_path / "docker-credential-x"
    helper.write_text(f"#!/bin/sh\n{script}\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    config = {"credHelpers": {"reg.nc": "x"}, "auths": {"reg.nc": {"username": "other", "password": "p"}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    if isinstance(outcome, Login):
        assert find("reg.nc", tmp_path / "config.json") == outcome
    else:
        with pytest.raises(BadCredentials, match=outcome):
            find("reg.nc", tmp_path / "config.json")


def test_a_login_that_is_written_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(docker_config("reg.nc", Login("me", "p:w")))
    assert find("reg.nc", tmp_path / "config.json") == Login("me", "p:w")


def test_docker_says_where_its_configuration_is_and_no_login_shows_its_password(tmp_path: Path) -> None:
    assert config_file({"DOCKER_CONFIG": "/d", "HOME": "/h"}) == Path("/d/config.json")
    assert config_file({"HOME": "/h"}) == Path("/h/.docker/config.json")
    assert find("reg.nc", tmp_path / "none.json") == Login()
    assert "s3cret" not in repr(Login("me", "s3cret"))


def test_docker_hub_has_keys_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": PAIR}}}))
    assert find("docker.io", file) == Login("me", "pass:word")
    with Registries(Access(logins={"docker.io": Login("me", "p")})) as registries:
        assert str(registries.place(parse("docker.io/redis:7"))) == "registry-1.docker.io/library/redis:7"
