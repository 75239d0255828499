"""The listener that docs/topics.md gives for a mirror between clusters, as the chart renders it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.releases.render import charts, rendering
from bus.running import addresses

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


def test_the_documented_listener_is_reached_from_elsewhere() -> None:
    hosts = addresses.advertised(NAMESPACE, documented())
    assert [addresses.is_internal(host, {NAMESPACE}) for host in hosts] == [True, True, False]


@pytest.mark.helm
@pytest.mark.parametrize("domain", ["", "kone.k8s"])
def test_what_the_chart_advertises_is_what_is_judged(domain: str, tmp_path: Path) -> None:
    shared = {"global": {"clusterDomain": domain}} if domain else {}
    known = addresses.advertised(NAMESPACE, {}, domain or addresses.DOMAIN)
    assert addresses.deployed(rendered({}, tmp_path, **shared)) == known


@pytest.mark.helm
def test_the_documented_listener_is_what_brokers_get(tmp_path: Path) -> None:
    config = documented()
    settings = rendered(config, tmp_path)
    assert addresses.deployed(settings) == addresses.advertised(NAMESPACE, config)
    last = dict(line.split("=", 1) for line in settings.splitlines() if "=" in line)
    assert last["listeners"] == "@LISTENERS@,EXTERNAL://:9095"
