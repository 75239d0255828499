"""Deployments that a bundle is made of."""

from dataclasses import replace
from pathlib import Path

from bus.config import hosted_registry
from bus.deployment import Deployment
from bus.plan import build
from tests.support.stacks import load_stack

ROOT = Path(__file__).parents[2]


def plan_of(login: bool = False, registry: bool = False, hosted_by: str | None = None) -> Deployment:
    settings = load_stack("prod")
    sites = dict(settings.stack_file.sites)
    if registry:
        sites["central"] = sites["central"].model_copy(update={"enable": (hosted_registry.BRICK,)})
    assert settings.stack_file.delivery
    delivery = settings.stack_file.delivery.model_copy(update={"hosted_by": hosted_by})
    content = settings.stack_file.model_copy(update={"sites": sites, "delivery": delivery})
    keys = {"central": f"central.{hosted_registry.KEY}"} if registry else {}
    return build.plan(ROOT, replace(settings, stack_file=content, delivery_login=login, htpasswd_keys=keys))
