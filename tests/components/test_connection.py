"""Which cluster a provider speaks to, by what a resource and the stack's secrets have."""

from typing import Any

import pytest
from pulumi.dynamic import Config, ConfigureRequest

from bus.cluster.access import Unreachable
from components.providers import connection
from components.providers.users import KafkaUsersProvider


def props(context: str = "", mode: str = "port-forward") -> dict[str, Any]:
    return {
        "site": "kone",
        "namespace": "hicksonkone",
        "context": context,
        "mode": mode,
        "adminPort": 9094,
        "users": {},
    }


def request(**secrets: str) -> ConfigureRequest:
    return ConfigureRequest(Config({f"bus:{key}": value for key, value in secrets.items()}, "bus"))


@pytest.mark.parametrize(
    ("given", "secrets", "found"),
    [
        (props("bureau"), {}, ("bureau", "")),
        (props(), {"kone.kubeconfig": "apiVersion: v1"}, ("", "apiVersion: v1")),
        (props(mode="direct"), {}, ("", "")),
    ],
    ids=["context", "kubeconfig", "reached_directly"],
)
def test_the_cluster_of_a_site(given: dict[str, Any], secrets: dict[str, str], found: tuple[str, str]) -> None:
    cluster = connection.cluster(given, request(**secrets))
    assert (cluster.context, cluster.kubeconfig) == found


def test_a_site_whose_kubeconfig_is_gone_is_on_no_other_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    """Its users would be deleted wherever the ambient kubeconfig leads to, by the namespace's name alone."""
    with pytest.raises(Unreachable, match="no kubeconfig of kone any more"):
        connection.cluster(props(), request())
    provider = KafkaUsersProvider()
    provider.configure(request())
    provider.delete("kone", props())
    assert "Kafka users of kone stay as they are" in capsys.readouterr().err
