"""Which documents were deleted from the source while it was copied: counts say first whether any were.

What nobody touched since the copy began has sequence numbers up to its beginning in the source, and up to its end in
the target. As many there as here say that none of those was deleted, without a look at any id (docs/adr/0025).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bus.indices.pair import Pair
from bus.indices.state import Note
from bus.indices.sweeping import Sweep


class Deletions:
    """The deletions during one copy, as one run finds them."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._untouched, self._later = Sweep(pair), Sweep(pair)

    def copied(self, hits: Iterable[Mapping[str, Any]]) -> None:
        """Takes note of documents that went into the target after the copy of all."""
        self._later.copied(hits)

    def untouched(self, noted: Note) -> int:
        """Documents of the source that nobody touched since the copy began; to be asked before what was is copied."""
        return self._count(self._pair.source, _up_to(noted.began))

    def would_list(self, noted: Note, untouched: int) -> bool:
        """Whether a sweep would have to list all that was copied at first, which takes as long as they are many."""
        return not self._untouched.has_listed and self._count(self._pair.target, _up_to(noted.filled)) > untouched

    def sweep(self, noted: Note, untouched: int, beat: Callable[[], None]) -> int:
        """Takes away what is gone, where counts say that something is; returns how many documents that were.

        Of what was written meanwhile some may not be copied yet, and so hide a deletion until writes are blocked.
        """
        here, there = _up_to(noted.filled), _after(noted.began)
        swept = 0
        if self._count(self._pair.target, here) > untouched:
            swept = self._untouched.run(here, beat)
        if self._count(self._pair.target, _after(noted.filled)) > self._count(self._pair.source, there):
            swept += self._later.run(_after(noted.filled), beat)
        return swept

    def sweep_all(self, noted: Note, beat: Callable[[], None]) -> int:
        """As `sweep`, whatever the counts say: of transformed documents they say nothing."""
        return self._untouched.run(_up_to(noted.filled), beat) + self._later.run(_after(noted.filled), beat)

    def _count(self, index: str, shards: Mapping[str, Mapping[str, Any]]) -> int:
        return sum(
            int(self._pair.client.count(index=index, query=query, preference=f"_shards:{shard}")["count"])
            for shard, query in shards.items()
        )


def _up_to(marks: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Shard -> the query for its documents up to a sequence number."""
    return {shard: {"range": {"_seq_no": {"lte": mark}}} for shard, mark in marks.items()}


def _after(marks: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    return {shard: {"range": {"_seq_no": {"gt": mark}}} for shard, mark in marks.items()}
