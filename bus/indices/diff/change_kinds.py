"""What each kind of change does to a live index: one table, which tests/servers/indices/test_change_kinds.py proves."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from bus.indices.diff.normal_form import canonical


class ChangeKind(IntEnum):
    """What a change costs, cheapest first; several together cost as much as the dearest."""

    NOTHING = 0
    IN_PLACE = 1
    DYNAMIC = 2
    REOPEN = 3
    REINDEX = 4
    IMPOSSIBLE = 5

    @property
    def said(self) -> str:
        """As previews and documents call it."""
        return _SAID[self]


_SAID = {
    ChangeKind.NOTHING: "nothing",
    ChangeKind.IN_PLACE: "mapping in place",
    ChangeKind.DYNAMIC: "setting in place",
    ChangeKind.REOPEN: "close and open",
    ChangeKind.REINDEX: "reindex",
    ChangeKind.IMPOSSIBLE: "impossible",
}


@dataclass(frozen=True)
class Rule:
    """One row: `what` changes (a trailing `*` stands for anything), to which value if not to any, and what that is."""

    what: str
    kind: ChangeKind
    why: str
    to: str | None = None

    def covers(self, what: str, wanted: object) -> bool:
        """Whether a change of `what` to `wanted` is this row's."""
        here = what.startswith(self.what[:-1]) if self.what.endswith("*") else what == self.what
        return here and (self.to is None or canonical(wanted) == self.to)


_NEW_ONLY = "new documents only; indexed documents stay as they are"
_QUERIES = "queries only"
_FIXED = "the server refuses another value for a field that exists"

# The first row that covers a change wins.
# https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/mapping-parameters
PARAMETERS = (
    Rule("ignore_above", ChangeKind.IN_PLACE, _NEW_ONLY),
    Rule("ignore_malformed", ChangeKind.IN_PLACE, _NEW_ONLY),
    Rule("coerce", ChangeKind.IN_PLACE, _NEW_ONLY),
    Rule("copy_to", ChangeKind.IN_PLACE, _NEW_ONLY),
    Rule("dynamic", ChangeKind.IN_PLACE, _NEW_ONLY),
    Rule("depth_limit", ChangeKind.IN_PLACE, _NEW_ONLY),
    Rule("max_input_length", ChangeKind.IN_PLACE, _NEW_ONLY),
    Rule("norms", ChangeKind.IN_PLACE, "lengths are dropped as segments merge", to="false"),
    Rule("norms", ChangeKind.REINDEX, "dropped lengths cannot be restored"),
    Rule("search_analyzer", ChangeKind.IN_PLACE, _QUERIES),
    Rule("search_quote_analyzer", ChangeKind.IN_PLACE, _QUERIES),
    Rule("split_queries_on_whitespace", ChangeKind.IN_PLACE, _QUERIES),
    Rule("fielddata", ChangeKind.IN_PLACE, _QUERIES),
    Rule("fielddata_frequency_filter", ChangeKind.IN_PLACE, _QUERIES),
    Rule("eager_global_ordinals", ChangeKind.IN_PLACE, "built at refresh, not stored"),
    Rule("meta", ChangeKind.IN_PLACE, "a note"),
    Rule("path", ChangeKind.IN_PLACE, "an alias field points elsewhere"),
    Rule("type", ChangeKind.REINDEX, _FIXED),
    Rule("enabled", ChangeKind.REINDEX, "the server refuses it, or accepts it without an effect"),
    Rule("*", ChangeKind.REINDEX, _FIXED),
)
_ADDED = "a new field; earlier documents do not have it in the index"
SMALLER_VECTOR = "index_options of a vector, to a kind that its values allow, with at least as many neighbours"
JOIN_MORE = "join relation more"
FIELDS = (
    Rule("new field", ChangeKind.IN_PLACE, _ADDED),
    Rule("new multi-field", ChangeKind.IN_PLACE, _ADDED),
    Rule("field no longer declared", ChangeKind.NOTHING, "it stays until the next reindex"),
    Rule(JOIN_MORE, ChangeKind.IN_PLACE, "a join field may gain children"),
    Rule(
        SMALLER_VECTOR,
        ChangeKind.IN_PLACE,
        "for segments written from then on; others as they merge",
    ),
)
MAPPING = (
    Rule("dynamic", ChangeKind.IN_PLACE, _NEW_ONLY),
    Rule("dynamic_templates", ChangeKind.IN_PLACE, "new fields only"),
    Rule("dynamic_date_formats", ChangeKind.IN_PLACE, "new fields only"),
    Rule("date_detection", ChangeKind.IN_PLACE, "new fields only"),
    Rule("numeric_detection", ChangeKind.IN_PLACE, "new fields only"),
    Rule("_meta", ChangeKind.IN_PLACE, "a note"),
    Rule("runtime", ChangeKind.IN_PLACE, "computed by queries"),
    Rule("_source", ChangeKind.REINDEX, "the server would apply it to new documents only"),
    Rule("_routing", ChangeKind.REINDEX, "existing documents may have none"),
    Rule("enabled", ChangeKind.REINDEX, "the server would apply it to new documents only"),
    Rule("subobjects", ChangeKind.REINDEX, "the server would apply it to new documents only"),
    Rule("*", ChangeKind.REINDEX, "a live index may refuse it"),
)
_AT_BIRTH = "fixed when an index is created"
# https://www.elastic.co/docs/reference/elasticsearch/index-settings/index-modules; the server names final ones itself.
SETTINGS = (
    Rule("number_of_shards", ChangeKind.REINDEX, _AT_BIRTH),
    Rule("number_of_routing_shards", ChangeKind.REINDEX, "a closed index accepts it without an effect"),
    Rule("routing_partition_size", ChangeKind.REINDEX, _AT_BIRTH),
    Rule("routing_path", ChangeKind.REINDEX, _AT_BIRTH),
    Rule("soft_deletes.enabled", ChangeKind.REINDEX, _AT_BIRTH),
    Rule("mode", ChangeKind.REINDEX, "a closed index accepts it, but its documents have the old mode"),
    Rule("mapping.source.mode", ChangeKind.REINDEX, "a closed index accepts it, but its documents have the old mode"),
    Rule("sort.*", ChangeKind.REINDEX, "a closed index accepts it, but its segments keep the old order"),
    Rule("analysis.*", ChangeKind.REINDEX, "a closed index accepts it, but its documents keep the old terms"),
    Rule("similarity.*", ChangeKind.REOPEN, "scores are computed by queries"),
    Rule("codec", ChangeKind.REOPEN, "for segments written from then on"),
    Rule("store.type", ChangeKind.REOPEN, "how files are read"),
    Rule("store.preload", ChangeKind.REOPEN, "which files are read when it opens"),
    Rule("load_fixed_bitset_filters_eagerly", ChangeKind.REOPEN, "read when it opens"),
    Rule("queries.cache.enabled", ChangeKind.REOPEN, "read when it opens"),
    Rule("shard.check_on_startup", ChangeKind.REOPEN, "read when it opens"),
    Rule("mapping.coerce", ChangeKind.REOPEN, _NEW_ONLY),
    Rule("mapping.ignore_malformed", ChangeKind.REOPEN, _NEW_ONLY),
    Rule("*", ChangeKind.DYNAMIC, "applied while it is in use"),
)
NEW_ANALYSIS = Rule("analysis.* that is new or unused", ChangeKind.REOPEN, "no field has terms of it yet")
NO_SOURCE = Rule(
    "a reindex of an index whose _source is off or partial",
    ChangeKind.IMPOSSIBLE,
    "its documents cannot be read back: declare an index with another name and fill it from the source of the data",
)
TABLE: Mapping[str, tuple[Rule, ...]] = {
    "Fields": FIELDS,
    "Parameters of a field": PARAMETERS,
    "The rest of a mapping": MAPPING,
    "Settings": (NEW_ANALYSIS, *SETTINGS),
    "Any": (NO_SOURCE,),
}
"""everything above under the headings of docs/indices.md"""


def rule(rows: tuple[Rule, ...], what: str, wanted: object = None) -> Rule:
    """The row of a change; raises LookupError where none covers it."""
    for row in rows:
        if row.covers(what, wanted):
            return row
    raise LookupError(what)
