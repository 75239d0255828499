"""A deployment of a stack of the project, and what the program registers for it."""

from pathlib import Path

import pulumi
import pytest

from bus.deployment import Deployment
from bus.plan import build
from components.bus import Bus, BusArgs
from tests.support.program_engine import Registered, record
from tests.support.registry import HTPASSWD, PULL_HTPASSWD
from tests.support.stacks import load_stack

ROOT = Path(__file__).parents[2]
STACKS = ["local", "master", "recette", "prod"]
# The tiers of docs/spec.md, as the suffixes of what each registers on a site; mirror and delivery stand apart.
TIERS = (
    ("namespace",),
    ("base-secret", "base-products-release"),
    ("base-topics",),
    ("notif-release",),
    ("topics", "indices"),
    ("bricks-release",),
)


def registrations(deployment: Deployment) -> dict[str, Registered]:
    def program() -> None:
        keys = deployment.settings.secret_keys
        secrets = {site: {key: pulumi.Output.secret("s3cret") for key in names} for site, names in keys.items()}
        login = (pulumi.Output.secret("bus"), pulumi.Output.secret("s3cret"))
        htpasswd = {site: pulumi.Output.secret(HTPASSWD + PULL_HTPASSWD) for site in deployment.settings.htpasswd_keys}
        pusher = pulumi.Output.secret("bus")
        Bus(
            "hickson",
            BusArgs(deployment, secrets, {}, login if deployment.settings.pull_secret else None, htpasswd, pusher),
        )

    return record(program)


def plan_of(stack: str, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.chdir(ROOT)
    return build.plan(ROOT, load_stack(stack))
