"""The listener of docs/topics.md, and what the chart makes of it."""

import re
from pathlib import Path
from typing import Any

import yaml

from bus.releases.render import charts, rendering

ROOT = Path(__file__).parents[2]
NAMESPACE = "hicksoncinecity-prod"


def documented() -> dict[str, str]:
    """`config` of Kafka as the page has it."""
    page = (ROOT / "docs/topics.md").read_text()
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(sites:.*?)```", page, re.DOTALL)]
    config: dict[str, str] = blocks[0]["sites"]["cinecity"]["values"]["kafka"]["config"]
    return config


def rendered(config: dict[str, str], folder: Path, **values: Any) -> str:
    """server.properties of charts/kafka."""
    chart = charts.stage(ROOT / "charts", "kafka", folder)
    objects = yaml.safe_load_all(rendering.render(chart, "r", NAMESPACE, {"config": config, **values}))
    settings: str = next(o["data"]["server.properties"] for o in objects if o and o["kind"] == "ConfigMap")
    return settings
