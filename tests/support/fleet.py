"""A stack of the example customer with as many sites as a test wants."""

import json
from pathlib import Path
from typing import Any

import yaml

from bus.config import settings

ROOT = Path(__file__).parents[2]


def fleet_config(complexes: int, **of_each: Any) -> dict[str, Any]:
    """Central and `complexes` sites c001, c002, ... like the sandbox's cinecity, each with the keys `of_each`."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "sandbox/Pulumi.local.yaml").read_text())["config"]
    sites = config["bus:sites"]
    model = sites.pop(next(name for name in sites if name != "central"))
    for number in range(1, complexes + 1):
        name = f"c{number:03}"
        own = {"namespace": f"hickson{name}", "cinemaCode": f"C-{number}", "slotName": f"slot_{name}"}
        sites[name] = {**model, **own, **of_each}
    return config


def load(config: dict[str, Any]) -> settings.Settings:
    """The settings of such a stack, with stand-ins for its secrets."""
    secrets = {f"bus:{name}": "s3cret" for name in settings.SECRETS}
    flat = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return settings.load("fleet", flat | secrets, set(secrets))
