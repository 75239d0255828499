"""Which documents were deleted from the source while it was copied: counts say first whether any were, and how many.

What nobody touched since the copy began has sequence numbers up to its beginning in the source, and up to its end in
the target. As many there as here say that none of those was deleted, without a look at any id (docs/adr/0025).
"""

from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Any

from bus.indices.pair import Pair
from bus.indices.state import Note
from bus.indices.sweeping import Sweep, Window, newest_and_oldest_first

_ALL = 2**63
"""more than there are"""


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

    def sweep_known(self, noted: Note, untouched: int, beat: Callable[[], None]) -> tuple[int, bool]:
        """Takes away what is gone, without a look at more ids than are known of what was copied at first.

        Returns how many documents that were, and whether more of them must be gone than could be found so. Of what was
        written meanwhile some may not be copied yet, and so hide a deletion until writes are blocked.
        """
        target, source = self._pair.target, self._pair.source
        swept = 0
        later = _after(noted.filled)
        if (gone := self._count(target, later) - self._count(source, _after(noted.began))) > 0:
            swept += self._later.of_known(gone, beat)
            swept += self._later.of_listed(later, gone - swept, beat)
        found = 0
        if (gone := self._gone(noted, untouched)) > 0:
            found = self._untouched.of_known(gone, beat)
        return swept + found, gone > found and not self._untouched.is_listed

    def sweep_listed(
        self, noted: Note, untouched: int, beat: Callable[[], None], seconds: float = inf
    ) -> tuple[int, bool]:
        """The same for what was copied at first, listing it until as many are found as are gone, or time is over."""
        self._pair.refresh()
        gone = self._gone(noted, untouched)
        found = self._untouched.of_listed(newest_and_oldest_first(noted.filled), gone, beat, seconds)
        return found, gone > found and not self._untouched.is_listed

    def list_all(self, noted: Note, beat: Callable[[], None]) -> None:
        """The same of all that was copied at first, so that later sweeps know all of it."""
        self._pair.refresh()
        self._untouched.of_listed(newest_and_oldest_first(noted.filled), _ALL, beat)

    def sweep_all(self, noted: Note, beat: Callable[[], None]) -> int:
        """Takes away what is gone, whatever the counts say: of transformed documents they say nothing."""
        swept = self._untouched.of_known(_ALL, beat) + self._later.of_known(_ALL, beat)
        swept += self._untouched.of_listed(newest_and_oldest_first(noted.filled), _ALL, beat)
        return swept + self._later.of_listed(_after(noted.filled), _ALL, beat)

    def _gone(self, noted: Note, untouched: int) -> int:
        """At least so many of what was copied at first: some that are gone may have been made again since the pass."""
        made = self._count(self._pair.source, _after(noted.checkpoints))
        return self._count(self._pair.target, _up_to(noted.filled)) - untouched - made

    def _count(self, index: str, windows: Iterable[Window]) -> int:
        client = self._pair.client
        return sum(
            int(client.count(index=index, query=one.query, preference=f"_shards:{one.shard}")["count"])
            for one in windows
        )


def _up_to(marks: Mapping[str, int]) -> list[Window]:
    """All documents up to a sequence number of each shard."""
    return [Window(shard, -1, mark) for shard, mark in marks.items()]


def _after(marks: Mapping[str, int]) -> list[Window]:
    return [Window(shard, mark) for shard, mark in marks.items()]
