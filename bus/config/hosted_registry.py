"""The registry that a stack runs itself (brick docker-registry of a site): who may log in to it."""

import re
from collections.abc import Collection, Mapping

from bus.config import registry_logins
from bus.config.registry_logins import Logins
from bus.errors import Problem

BRICK = "docker-registry"
KEY = f"{BRICK}.htpasswd"
"""after a site's name: the secret that has the htpasswd file of its registry"""
SECRET = "docker-registry-auth"
"""made beside the release, which mounts it; its keys are `htpasswd`, and `htpasswd-push` where images are delivered"""
PUSH_PORT = 8081
"""of the instance that takes images; the other one, which nodes pull from, is read-only (docs/adr/0073)"""
HTPASSWD = "htpasswd"

# docker-registry takes bcrypt only: https://distribution.github.io/distribution/about/configuration/#htpasswd
_USER = re.compile(r"(?P<user>[^:\s]+):\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")


def problems(
    file: str,
    enabled: Mapping[str, Collection[str]],
    host: str | None,
    htpasswd: Mapping[str, str],
    logins: Logins,
) -> list[Problem]:
    """What is wrong with the registries' logins, and with a delivery to the one that site `host` runs.

    `enabled` maps each site to its optional bricks, `htpasswd` a site to its file's text; `logins` are those of the
    delivery and of the nodes. Text that is empty is a secret that was not read, and is not judged.
    """
    found = [problem for site, text in sorted(htpasswd.items()) for problem in _unreadable(file, site, text)]
    if host is None:
        return found
    if host not in enabled:
        allowed = f"is no site of this stack; sites: {', '.join(sorted(enabled))}"
        return [*found, Problem(file, "bus:delivery.hostedBy", host, allowed)]
    if BRICK not in enabled[host]:
        allowed = f"must name {BRICK}, which bus:delivery.hostedBy counts on"
        found.append(Problem(file, f"bus:sites.{host}.enable", None, allowed, f"enable: [{BRICK}]"))
    if host not in htpasswd:
        allowed = "missing secret: the htpasswd file of the registry that everything is deployed from"
        found.append(Problem(file, f"bus:{host}.{KEY}", None, allowed, _made(host)))
    else:
        for user, key in ((logins.username, "username"), (logins.pull_username, "pullUsername")):
            if user and htpasswd[host] and user not in _users(htpasswd[host]):
                allowed = f"has no line in bus:{host}.{KEY}, so the registry would refuse it"
                found.append(Problem(file, f"bus:delivery.{key}", None, allowed, f"add one: {_made(host)}"))
    if not logins.pushes:
        allowed = f"is required: the registry of {host} lets in nobody without a login"
        remedy = "pulumi config set --secret bus:delivery.username, and .password; .pullUsername, and .pullPassword"
        found.append(Problem(file, "bus:delivery.username", None, allowed, remedy))
    return found + registry_logins.hosted(file, host, logins)


def split(htpasswd: str, pusher: str) -> dict[str, str]:
    """Return the htpasswd file of each instance: who pulls, and `pusher` alone for the one that takes images."""
    lines = [line for line in htpasswd.splitlines() if _USER.fullmatch(line)]
    pushes = [line for line in lines if line.split(":", 1)[0] == pusher]
    pulls = [line for line in lines if line not in pushes]
    return {
        "htpasswd": "".join(f"{line}\n" for line in pulls),
        "htpasswd-push": "".join(f"{line}\n" for line in pushes),
    }


def _unreadable(file: str, site: str, text: str) -> list[Problem]:
    """The lines are never shown: each has a password's hash."""
    entries = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"]
    lines = [number for number, line in entries if not _USER.fullmatch(line)]
    wrong = [f"line {number} is no USER:HASH with a bcrypt hash, which is all that {BRICK} takes" for number in lines]
    if text and not text.strip():
        wrong = ["is empty, so nobody could log in"]
    return [Problem(file, f"bus:{site}.{KEY}", None, reason, _made(site)) for reason in wrong]


def _users(text: str) -> set[str]:
    return {found["user"] for line in text.splitlines() if (found := _USER.fullmatch(line))}


def _made(site: str) -> str:
    return f"htpasswd -nB USER > FILE, then pulumi config set --secret bus:{site}.{KEY} < FILE"
