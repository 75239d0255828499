"""Which server does what, and in which dialect it is asked."""

from typing import Any

import pytest
from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig, Transport, TransportApiResponse

from bus.indices.diff.plan import Reindexing, WantedIndex, plan
from bus.indices.server import versions
from bus.indices.server.transport import transport
from bus.indices.server.versions import Server

NODE = NodeConfig("http", "localhost", 9200)
VENDOR = "application/vnd.elasticsearch+json; compatible-with=9"


@pytest.mark.parametrize("version", ["5.6.16", "6.7.2", "7.16.3", "10.0.0"])
def test_other_servers_are_not_managed(version: str) -> None:
    assert versions.unmanaged(version) == f"is Elasticsearch {version}; bus manages 9.0, 8.0, 7.17, 6.8 and up"


@pytest.mark.parametrize("version", sorted(versions.TRIED.values()))
def test_servers_that_the_tests_run_are_managed(version: str) -> None:
    assert not versions.unmanaged(version)


@pytest.mark.parametrize(
    ("mappings", "major", "refused"),
    [
        ({"properties": {"a": {"type": "keyword"}}}, 6, ""),
        ({"runtime": {"a": {"type": "long"}}}, 6, "runtime fields"),
        ({"properties": {"o": {"dynamic": "runtime", "properties": {}}}}, 6, "runtime fields"),
        ({"runtime": {"a": {"type": "long"}}}, 7, ""),
    ],
)
def test_what_a_server_lacks_is_refused(mappings: dict[str, Any], major: int, refused: str) -> None:
    change = plan(None, WantedIndex("films", mappings, {}, {}, Reindexing()))
    found = versions.refusals(change, Server(versions.TRIED[major], "id"))
    assert list(found) == (["mappings.runtime"] if refused else [])
    assert all(refused in text for text in found.values())


@pytest.mark.parametrize(
    ("major", "target", "asked", "header"),
    [
        (9, "/films", "/films", VENDOR),
        (8, "/films", "/films", VENDOR.replace("9", "8")),
        (7, "/films?a=b", "/films?a=b", "application/json"),
        (6, "/films", "/films?include_type_name=false", "application/json"),
        (6, "/films/_mapping?a=b", "/films/_mapping?a=b&include_type_name=false", "application/json"),
        (6, "/_all", "/_all?include_type_name=false", "application/json"),
        (6, "/_template", "/_template?include_type_name=false", "application/json"),
        (6, "/_template/x", "/_template/x?include_type_name=false", "application/json"),
        (6, "/f?expand_wildcards=open,hidden", "/f?expand_wildcards=open&include_type_name=false", "application/json"),
        (6, "/films/_settings", "/films/_settings", "application/json"),
        (6, "/films/_doc/1", "/films/_doc/1", "application/json"),
        (6, "/_cluster/health", "/_cluster/health", "application/json"),
    ],
)
def test_each_is_asked_in_its_own_dialect(
    major: int, target: str, asked: str, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str]] = []

    def send(self: Transport, method: str, target: str, **given: Any) -> TransportApiResponse:
        sent.append((target, given["headers"]["accept"]))
        return TransportApiResponse(ApiResponseMeta(200, "1.1", HttpHeaders(), 0.1, NODE), {})

    monkeypatch.setattr(Transport, "perform_request", send)
    answer = transport(major)([NODE]).perform_request("GET", target, headers={"accept": VENDOR})
    assert sent == [(asked, header)]
    assert ("x-elastic-product" in answer.meta.headers) == (major < 8)
