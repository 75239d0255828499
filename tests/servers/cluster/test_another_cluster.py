"""A site whose context or kubeconfig leads to another cluster: seen at preview on two real control planes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from components.providers.clusters import ClusterPinProvider
from tests.support.dynamic import Refused, host, resumed
from tests.support.kwok import Kwok, control_plane

pytestmark = pytest.mark.servers
PROPS: dict[str, Any] = {"site": "kone", "namespace": "n", "context": "", "mode": "port-forward"}


@pytest.fixture(scope="module")
def other() -> Iterator[Kwok]:
    with control_plane() as plane:
        yield plane


def config(kubeconfig: str) -> Mapping[str, str]:
    return {"bus:kone.kubeconfig": kubeconfig}


def uid(plane: Kwok) -> str:
    found = json.loads(plane.command("kubectl", "get", "namespace", "kube-system", "-o", "json"))
    return str(found["metadata"]["uid"])


def who_may_nothing(plane: Kwok) -> str:
    """The kubeconfig of a user of the cluster without any right."""
    plane.command("kubectl", "create", "serviceaccount", "nobody", "-n", "default")
    token = plane.command("kubectl", "create", "token", "nobody", "-n", "default").strip()
    content = yaml.safe_load(plane.kubeconfig.read_text())
    for user in content["users"]:
        user["user"] = {"token": token}
    return yaml.safe_dump(content)


def test_another_cluster_is_refused_until_the_stack_file_names_it(kwok: Kwok, other: Kwok) -> None:
    with host(ClusterPinProvider(), config(kwok.kubeconfig.read_text())) as first:
        assert first.up(PROPS)
        assert first.outputs["clusterUid"] == uid(kwok)
        assert not first.up(PROPS), "the pin is no change at the next run"
        with host(ClusterPinProvider(), config(other.kubeconfig.read_text())) as moved:
            resumed(first, moved)
            with pytest.raises(Refused, match=f"cluster of kone is another one .*{uid(kwok)} -> {uid(other)}"):
                moved.check(PROPS)
            assert moved.up({**PROPS, "clusterUid": uid(other)})
            assert not moved.up(PROPS), "the key may go again"
            assert moved.outputs["clusterUid"] == uid(other)


def test_a_state_of_before_is_pinned_by_one_update_and_no_right_to_look_is_no_change(kwok: Kwok) -> None:
    with host(ClusterPinProvider(), config(who_may_nothing(kwok))) as blind:
        assert blind.up(PROPS)
        assert not blind.up(PROPS)
        with host(ClusterPinProvider(), config(kwok.kubeconfig.read_text())) as seeing:
            resumed(blind, seeing)
            assert seeing.up(PROPS)
            assert seeing.outputs["clusterUid"] == uid(kwok)
            with host(ClusterPinProvider(), config(who_cannot_connect())) as away:
                assert not resumed(seeing, away).up(PROPS), "a cluster that does not answer is judged elsewhere"


def who_cannot_connect() -> str:
    cluster = {"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    content: dict[str, Any] = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}]}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "c", **content})
