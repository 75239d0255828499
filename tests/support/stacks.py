"""The project's own stack files, with stand-ins for their secrets."""

import json
from pathlib import Path
from typing import Any

import yaml

from bus.config import settings

ROOT = Path(__file__).parents[2]
SECRETS = ("odoo.masterPassword", "odoo.password", "odoo.postgres.password", "as400.password")


def flat(config: dict[str, Any]) -> dict[str, str]:
    """A stack file's config as Pulumi hands it to a program: text, structured values as JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


def file_of(stack: str) -> Path:
    """The file of a stack; the sandbox's is made from a template."""
    return ROOT / ("sandbox" if stack == "local" else "") / f"Pulumi.{stack}.yaml"


def config_of(stack: str) -> dict[str, Any]:
    """One of the project's own stack files, but for prod's policy: values/ have digests on branch prod only."""
    config: dict[str, Any] = yaml.safe_load(file_of(stack).read_text())["config"]
    config.pop("bus:images", None)
    return config


def load_stack(stack: str) -> settings.Settings:
    """One of the project's own stack files as `config_of` reads it, with stand-ins for its secrets."""
    config = config_of(stack)
    secrets = {f"bus:{name}": "s3cret" for name in SECRETS}
    return settings.load(stack, flat(config) | secrets, set(secrets))
