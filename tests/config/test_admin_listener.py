"""Each site's brokers are reached at an address that the site has alone, whatever other sites a stack has."""

import ipaddress
from typing import Any

import pytest

from bus.config.admin_listener import ANNOTATION, AdminListener, advertised, default_port, listener, loopback
from bus.config.settings import Settings
from bus.errors import InvalidInput
from bus.plan.derived_values import base_values
from tests.support import fleet


def fleet_of(sites: int, **of_each: Any) -> Settings:
    """A stack with as many sites, central among them."""
    return fleet.load(fleet.fleet_config(sites - 1, **of_each))


def places(settings: Settings) -> list[tuple[str, int]]:
    """Every local address and port that the stack may forward from."""
    sites = settings.stack_file.sites
    found = {name: settings.admin_listener(name) for name in sites}
    return [place for name, one in found.items() if one for place in one.places(sites[name].kafka.brokers)]


@pytest.mark.parametrize("sites", [21, 101, 1000])
@pytest.mark.parametrize("brokers", [1, 15])
def test_many_sites_are_accepted_and_no_two_share_a_place(sites: int, brokers: int) -> None:
    found = places(fleet_of(sites, kafka={"brokers": brokers}))
    assert len(set(found)) == len(found) == (sites - 1) * brokers + 1


def test_sites_of_clusters_of_their_own_may_have_one_namespace() -> None:
    config = fleet.fleet_config(100, namespace="hickson")
    for name, site in config["bus:sites"].items():
        site["context"] = f"cluster-of-{name}"
    found = places(fleet.load(config))
    assert len(set(found)) == len(found) == 101


def test_no_other_site_moves_one() -> None:
    few, many = fleet_of(3), fleet_of(300)
    for site in few.stack_file.sites:
        assert few.admin_listener(site) == many.admin_listener(site)


def test_an_address_stays_what_it_is() -> None:
    """Another one would restart the brokers of every site that is deployed."""
    found = listener("central", "hicksoncentral-prod", None)
    assert found == AdminListener("127.105.158.150", 20064)
    assert found.of_broker(2) == "127.105.158.150:20066"
    assert found.address == "127.105.158.150"


def test_addresses_are_loopback_and_none_that_the_machine_uses_itself() -> None:
    found = {loopback(f"c{number}", "hickson") for number in range(5000)}
    assert len(found) > 4990
    for address in found:
        parts = [int(part) for part in address.split(".")]
        assert ipaddress.ip_address(address).is_loopback
        assert 1 <= parts[1] <= 254 and 1 <= parts[3] <= 254, "127.0.0.0/16 and the ends are taken"


def test_a_port_of_the_stack_file_is_one_of_localhost() -> None:
    found = listener("c001", "hicksonc001", 21000)
    assert (found, found.of_broker(1), found.address) == (
        AdminListener("localhost", 21000),
        "localhost:21001",
        "127.0.0.1",
    )


def test_ports_of_the_stack_file_may_not_overlap() -> None:
    config = fleet.fleet_config(2, kafka={"brokers": 3, "adminPort": 21000})
    config["bus:sites"]["c002"]["kafka"] = {"brokers": 3, "adminPort": 21002}
    with pytest.raises(InvalidInput, match="local port 21002 of localhost is also used for site c001"):
        fleet.load(config)
    config["bus:sites"]["c002"]["kafka"]["adminPort"] = 21003
    fleet.load(config)


@pytest.mark.parametrize(
    "direct", [{"kafka": {"bootstrapServers": "b:9092", "adminPort": 21000}}, {"access": "direct"}], ids=str
)
def test_sites_that_nobody_forwards_to_need_no_place(direct: dict[str, Any]) -> None:
    settings = fleet_of(30, **direct)
    assert [name for name in settings.stack_file.sites if settings.admin_listener(name)] == ["central"]
    admin = base_values(settings, "c001", {})["isiinfra"]["kafka"]["admin"]
    assert admin == {"port": settings.admin_port("c001")}, "their brokers keep what they advertise, and do not restart"


def test_access_may_be_direct_for_all() -> None:
    settings = fleet.load(fleet.fleet_config(30) | {"bus:access": "direct"})
    assert places(settings) == []
    assert fleet.load(fleet.fleet_config(1, access="port-forward") | {"bus:access": "direct"}).admin_listener("c001")


def test_brokers_advertise_what_is_forwarded() -> None:
    settings = fleet_of(2)
    found = settings.admin_listener("c001")
    assert found and base_values(settings, "c001", {})["isiinfra"]["kafka"]["admin"] == {
        "host": found.host,
        "port": found.port,
    }


@pytest.mark.parametrize(
    ("annotations", "found"),
    [
        ({ANNOTATION: "127.1.2.3:20016"}, AdminListener("127.1.2.3", 20016)),
        ({ANNOTATION: "localhost:21000"}, AdminListener("localhost", 21000)),
        ({"checksum/config": "a"}, AdminListener("localhost", 29000)),
        ({}, AdminListener("localhost", 29000)),
    ],
)
def test_a_pod_says_where_it_is_advertised_and_one_of_an_earlier_version_is_on_localhost(
    annotations: dict[str, str], found: AdminListener
) -> None:
    assert advertised(annotations, 29000) == found


def test_pods_of_an_earlier_version_are_found_where_they_were() -> None:
    settings = fleet_of(2)
    assert settings.admin_port("c001") == default_port("hicksonc001")
    assert 20000 <= default_port("hicksonc001") <= 30224
