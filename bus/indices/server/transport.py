"""One client for servers 6 to 9: a transport that asks each in its own dialect.

elasticsearch-py 9 asks for answers "compatible-with=9", which 8 and 6 refuse, and takes a 2xx answer without
X-Elastic-Product (before 7.14) for another product's, after the call was executed.
"""

import re
from typing import Any

from elastic_transport import ApiResponseMeta, HttpHeaders, Transport, TransportApiResponse

_VENDOR = re.compile(r"application/vnd\.elasticsearch\+(x-ndjson|json); ?compatible-with=9")
# Where 6.8 speaks of mapping types unless it is asked not to (https://www.elastic.co/guide/en/elasticsearch/reference/6.8/removal-of-types.html).
_TYPED = re.compile(r"^/(_template(/[^/?]+)?|(_all|[^/_?][^/?]*)(/_mapping)?)(\?|$)")
_PRODUCT = "x-elastic-product"


def transport(major: int) -> type[Transport]:
    """The transport for servers of a major version; the client's own where it speaks their dialect."""
    return {6: _Six, 7: _Seven, 8: _Eight}.get(major, Transport)


class _Eight(Transport):
    """Compatible with 8."""

    def perform_request(self, method: str, target: str, **given: Any) -> TransportApiResponse:
        """As the client's, with the headers that this server knows."""
        given["headers"] = {key: self._header(value) for key, value in (given.get("headers") or {}).items()}
        return super().perform_request(method, target, **given)

    def _header(self, value: str) -> str:
        return value.replace("compatible-with=9", "compatible-with=8")


class _Seven(_Eight):
    """Plain JSON; an answer without the product's name gets it, since bus has asked the server what it is.

    What it warns of is how later versions will ask; those are asked so.
    """

    def perform_request(self, method: str, target: str, **given: Any) -> TransportApiResponse:
        """As the client's, plainly."""
        answer = super().perform_request(method, target, **given)
        headers = HttpHeaders({key: value for key, value in answer.meta.headers.items() if key.lower() != "warning"})
        headers[_PRODUCT] = "Elasticsearch"
        old = answer.meta
        return TransportApiResponse(
            ApiResponseMeta(old.status, old.http_version, headers, old.duration, old.node), answer.body
        )

    def _header(self, value: str) -> str:
        return _VENDOR.sub(r"application/\1", value)


class _Six(_Seven):
    """Without mapping types, where 6.8 can be asked so."""

    def perform_request(self, method: str, target: str, **given: Any) -> TransportApiResponse:
        """As the client's, in the typeless form of 6.7 and later; no index is hidden there."""
        target = target.replace(",hidden", "")
        if _TYPED.match(target) and method in ("GET", "PUT"):
            target += ("&" if "?" in target else "?") + "include_type_name=false"
        return super().perform_request(method, target, **given)
