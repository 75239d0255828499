"""Which server this is, asked by plain HTTP before the client's first call, and the client that fits it.

The client of 9 executes some calls on a 6.8 server and only then raises that it does not know such a server.
"""

from typing import Any

from elasticsearch import Elasticsearch, TransportError
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from bus.cluster.access import Unreachable
from bus.indices.server.transport import transport
from bus.indices.server.versions import Server, unmanaged

_CONNECT_SECONDS = 60.0
_CALL_SECONDS = 60.0
_STARTING = (429, 502, 503)


class _NotYet(Unreachable):
    """A server that is still starting."""


def connect(url: str, connections: int) -> tuple[Server, Elasticsearch]:
    """The server at `url` and a client that speaks to it; raises Unreachable where bus does not manage it."""
    with Elasticsearch(url, max_retries=0, request_timeout=_CALL_SECONDS) as plain:
        server = _server(url, plain)
    if reason := unmanaged(server.version):
        raise Unreachable(f"{url} {reason}")
    return server, Elasticsearch(
        url,
        transport_class=transport(server.major),
        request_timeout=_CALL_SECONDS,
        connections_per_node=connections,
    )


@retry(
    retry=retry_if_exception_type(_NotYet), stop=stop_after_delay(_CONNECT_SECONDS), wait=wait_fixed(1), reraise=True
)
def _server(url: str, client: Elasticsearch) -> Server:
    """Who answers GET /, once it has a cluster; the transport asks as any HTTP client would."""
    try:
        answer = client.transport.perform_request("GET", "/", headers={"accept": "application/json"})
    except TransportError as error:
        raise _NotYet(f"Elasticsearch at {url} does not answer: {error}") from error
    if answer.meta.status in _STARTING:
        raise _NotYet(f"Elasticsearch at {url} does not answer: HTTP {answer.meta.status}")
    told: Any = answer.body if isinstance(answer.body, dict) else {}
    version = told.get("version") or {}
    if answer.meta.status != 200 or "number" not in version or version.get("distribution"):
        who = version.get("distribution") or f"HTTP {answer.meta.status}"
        raise Unreachable(f"{url} is no Elasticsearch that answers bus: {who}")
    if told.get("cluster_uuid", "_na_") == "_na_":
        raise _NotYet(f"Elasticsearch at {url} does not answer: has not joined a cluster yet")
    return Server(str(version["number"]), str(told["cluster_uuid"]))
