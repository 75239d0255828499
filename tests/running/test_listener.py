"""The listener that docs/topics.md gives for a mirror between clusters, as the chart renders it."""

from pathlib import Path

import pytest

from bus.running import addresses
from tests.support.listeners import NAMESPACE, documented, rendered


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
