"""Credentials of registries from Docker's configuration and its credential helpers, as `docker login` leaves them.

https://docs.docker.com/reference/cli/docker/login/#credential-stores
"""

import base64
import binascii
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bus.errors import UserError
from bus.image_reference import HUB
from bus.images.registry.login import Login

_TOKEN = "<token>"
# What `docker login` without a host writes.
_KEYS = {HUB: "https://index.docker.io/v1/"}


class BadCredentials(UserError):
    """Docker's configuration or a helper that cannot be used; the message names it and never shows a password."""


def docker_config(host: str, login: Login) -> str:
    """A login as Docker's configuration holds it, which is what a kubelet pulls with too."""
    entry = {"username": login.username, "password": login.password, "auth": login.basic.removeprefix("Basic ")}
    return json.dumps({"auths": {host: entry}})


def config_file(env: Mapping[str, str] = os.environ) -> Path:
    """Where Docker keeps its logins: $DOCKER_CONFIG/config.json, or ~/.docker/config.json."""
    folder = env.get("DOCKER_CONFIG")
    return (Path(folder) if folder else Path(env.get("HOME", "/")) / ".docker") / "config.json"


def find(host: str, config: Path | None = None) -> Login:
    """The login for a registry; empty where nobody logged in to it. Raises BadCredentials."""
    file = config or config_file()
    try:
        content: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return Login()
    except (OSError, ValueError) as error:
        raise BadCredentials(
            f"{file} cannot be read: {type(error).__name__}; log in again: docker login {host}"
        ) from None
    helper = (content.get("credHelpers") or {}).get(host) or content.get("credsStore")
    if helper and (found := _ask(str(helper), _KEYS.get(host, host))):
        return found
    return _stored(file, host, content.get("auths") or {})


def _stored(file: Path, host: str, auths: Mapping[str, Any]) -> Login:
    """A login that stands in the file itself; its keys are hosts, or URLs of older clients."""
    urls = (f"https://{host}", f"http://{host}", f"https://{host}/v1/", f"https://{host}/v2/")
    keys = (_KEYS.get(host, host), host, *urls)
    entry = next((auths[key] for key in keys if key in auths), None) or {}
    if entry.get("identitytoken"):
        raise BadCredentials(f"{file}: {host} has an identity token, which is not supported; use a user and a password")
    if not entry.get("auth"):
        return Login(entry.get("username", ""), entry.get("password", ""))
    try:
        username, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise BadCredentials(f"{file}: auths.{host}.auth is not base64; log in again: docker login {host}") from None
    return Login(username, password)


def _ask(helper: str, host: str) -> Login | None:
    """What a credential helper has for `host`, asked over stdin; None where it has nothing."""
    command = f"docker-credential-{helper}"
    try:
        done = subprocess.run([command, "get"], input=host, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        raise BadCredentials(f"{command} is named in Docker's configuration and is not on PATH") from None
    except subprocess.TimeoutExpired:
        raise BadCredentials(f"{command} did not answer for {host} in 30 s") from None
    if done.returncode:
        if "credentials not found" in done.stdout.lower() + done.stderr.lower():
            return None
        raise BadCredentials(f"{command} failed for {host}: {done.stderr.strip()[:200]}")
    answer = json.loads(done.stdout)
    if answer.get("Username") == _TOKEN:
        raise BadCredentials(f"{command} answers with an identity token for {host}, which is not supported")
    return Login(answer.get("Username", ""), answer.get("Secret", ""))
