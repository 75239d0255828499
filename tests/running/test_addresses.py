"""Whether central's mirror reaches brokers of another cluster - each case a file in addresses/."""

from pathlib import Path

import pytest
import yaml

from bus.config.stack_file import Site
from bus.running import addresses

CASES = sorted((Path(__file__).parent / "addresses").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_central_reaches_the_brokers_or_the_mirror_is_refused(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    kafka = {"mirrorBootstrapServers": given["bootstrap"]}
    site = Site.model_validate({"namespace": "site", "odoo": {"database": "d"}, "kafka": kafka})
    domain = given.get("domain", addresses.DOMAIN)
    settings = "".join(f"{key}={value}\n" for key, value in given.get("deployed", {}).items())
    brokers = addresses.Brokers(
        addresses.advertised("site", given.get("config", {}), domain),
        addresses.deployed(settings),
        tuple(given["seen"]) if "seen" in given else None,
        domain,
    )
    found, expected = addresses.judged("kone", site, brokers, {"site", "central"}), given["expect"]
    if expected is None:
        assert found is None, found
        return
    assert found is not None
    assert (found.key, found.wanted, found.refused) == ("kafka.mirrorBootstrapServers", given["bootstrap"], True)
    for part in expected["said"]:
        assert part in found.said, found.said
    for part in expected["remedy"]:
        assert part in found.remedy, found.remedy
    unsure = addresses.unasked("kone", found)
    assert not unsure.refused and "cannot be told" in unsure.said and found.said in unsure.said


@pytest.mark.parametrize(
    ("host", "internal"),
    [
        ("kafka", True),
        ("kafka.central", True),
        ("kafka-0.kafka-headless.n.svc.cluster.local", True),
        ("kafka.n.svc.cluster.local.", True),
        ("KAFKA.n.SVC", True),
        ("127.0.0.1", True),
        ("[::1]", True),
        ("0.0.0.0", True),
        ("", True),
        ("10.0.0.4", False),
        ("kafka.cinecity.hickson.nc", False),
        ("kafka.svc.hickson.nc", False),
        ("kafka.n.svc.clusterset.local", False),
    ],
)
def test_a_name_of_one_cluster_is_known_as_such(host: str, internal: bool) -> None:
    assert addresses.is_internal(host, {"central"}) is internal
