"""Which index_options a vector that is there may get: further segments are written so, others as they merge.

https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/dense-vector#dense-vector-index-options
"""

from collections.abc import Mapping
from typing import Any

_GRAPHS = ("hnsw", "int8_hnsw", "int4_hnsw", "bbq_hnsw")
"""each is a smaller spelling of those before it"""
_FLAT = ("int8_flat", "int4_flat", "bbq_flat")
_NEXT: Mapping[str, frozenset[str]] = {
    **{graph: frozenset(_GRAPHS[number + 1 :]) for number, graph in enumerate(_GRAPHS)},
    "flat": frozenset((*_GRAPHS, *_FLAT, "bbq_disk")),
    "int8_flat": frozenset((*_GRAPHS, *_FLAT)),
    "int4_flat": frozenset((*_GRAPHS, "bbq_flat")),
    "bbq_flat": frozenset({"bbq_hnsw"}),
}


def may_become(live: object, wanted: object) -> bool:
    """Whether a live index takes these options, both in full; a graph keeps its neighbours, or gets more."""
    if not isinstance(live, Mapping) or not isinstance(wanted, Mapping):
        return False
    one, other = str(live.get("type")), str(wanted.get("type"))
    if one in _GRAPHS and other in _GRAPHS and _neighbours(wanted) < _neighbours(live):
        return False
    return one == other or other in _NEXT.get(one, ())


def _neighbours(options: Mapping[str, Any]) -> float:
    return float(options.get("m", 0))
