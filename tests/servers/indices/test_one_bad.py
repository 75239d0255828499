"""One bad index of a set stops no other: through pulumi's own provider process, on a real server."""

from contextlib import closing
from typing import Any

import pytest

from bus.indices.admin import Admin
from components.providers.indices import IndexSetProvider
from tests.support.dynamic import Broken, host
from tests.support.elasticsearch import Node, shared_node

pytestmark = pytest.mark.servers
node = shared_node


def props(url: str, indices: dict[str, Any]) -> dict[str, Any]:
    return {
        "site": "central",
        "namespace": "n",
        "context": "",
        "mode": "direct",
        "endpoint": url,
        "indices": indices,
        "confirmDelete": sorted(indices),
        "settingsForm": 2,
    }


def index(**definition: Any) -> dict[str, Any]:
    return {"mappings": {"properties": {"f": definition}}, "settings": {}, "aliases": {}}


def test_the_others_are_made_and_recorded_and_the_bad_one_is_named(node: Node) -> None:
    """The next run, with the bad one put right, makes that one alone."""
    good = {"one-bad-a": index(type="keyword"), "one-bad-z": index(type="date", locale="en-US")}
    bad = {"one-bad-m": index(type="no-such-type")}
    try:
        with host(IndexSetProvider()) as provider:
            with pytest.raises(Broken) as broken:
                provider.up(props(node.url, good | bad))
            [reason] = broken.value.reasons
            assert reason.startswith("one-bad-m: ") and "no-such-type" in reason
            assert broken.value.recorded and broken.value.recorded["created"] == sorted(good)
            assert provider.up(props(node.url, good | {"one-bad-m": index(type="long")}))
            assert provider.outputs["created"] == sorted(good | bad)
            assert not provider.up(props(node.url, good | {"one-bad-m": index(type="long")})), "en-US is en_US"
    finally:
        with closing(Admin(node.url)) as admin:
            admin.delete(sorted(good | bad))


def test_a_state_of_before_is_compared_without_a_difference(node: Node) -> None:
    """It held a list that commas would cut as a text of JSON, and did not say how it holds settings."""
    synonyms = ["a, b => c", "d"]
    settings = {"analysis.filter.s.type": "synonym", "analysis.filter.s.synonyms": synonyms}
    wanted = props(node.url, {"one-bad-old": {"mappings": {}, "settings": settings, "aliases": {}}})
    try:
        with host(IndexSetProvider()) as provider:
            assert provider.up(wanted)
            for held in (provider.inputs, provider.outputs):
                del held["settingsForm"]
                held["indices"]["one-bad-old"]["settings"]["analysis.filter.s.synonyms"] = '["a, b => c", "d"]'
            assert not provider.up(wanted)
    finally:
        with closing(Admin(node.url)) as admin:
            admin.delete(["one-bad-old"])
