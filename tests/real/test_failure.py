"""A brick that cannot start: the run says why, the other site goes on, and the same command mends it all."""

from typing import Any

import pytest

from tests.real.sandbox import Site, Stack, kubectl

pytestmark = pytest.mark.real
CENTRAL, CINECITY = Site("hicksoncentral-local"), Site("hicksoncinecity-local")


def broken(config: dict[str, Any]) -> None:
    """cineges-caisse-api of cinecity reads a topic that its user may not; central has a change that is sound."""
    config["bus:timeouts"] = {"bricksSeconds": 120}
    config["bus:sites"]["cinecity"]["values"] = {"cineges-caisse-api": {"env": {"BRICK_CONSUME": "no.such.topic"}}}
    config["bus:sites"]["central"]["values"] = {"cineges-ui": {"replicaCount": 2}}


def replicas(site: Site, brick: str) -> str:
    return kubectl("get", f"deployment/{brick}", "-n", site.namespace, "-o", "jsonpath={.status.readyReplicas}")


def test_a_brick_that_cannot_start_is_explained_and_the_other_site_goes_on() -> None:
    stack = Stack.local()
    try:
        with pytest.raises(AssertionError) as failed:
            stack.changed(broken).pulumi("up", "--yes", "--skip-preview", "--continue-on-error")
        said = str(failed.value)
        assert "cineges-caisse-api" in said
        assert "TOPIC_AUTHORIZATION_FAILED: Not authorized to access topics" in said, "its last log line"
        assert "Warning: " not in said, "what concerns no operator"
        assert "Traceback" not in said
        assert "resource cinecity-bricks-release [kubernetes:helm.sh/v3:Release] failed; what depends on it" in said
        assert replicas(CENTRAL, "cineges-ui") == "2", "central had to go on"
        assert "mirror-release updat" not in said, "what depends on the failed release must not start"
    finally:
        stack.up()
    assert replicas(CENTRAL, "cineges-ui") == "1"
    assert replicas(CINECITY, "cineges-caisse-api") == "1"
    stack.pulumi("preview", "--expect-no-changes")
