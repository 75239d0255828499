"""Which documents were deleted from the source while it was copied: counts say first whether any were, and how many.

What nobody touched since the copy began has sequence numbers up to its beginning in the source, and up to its end in
the target. As many there as here say that none of those was deleted, without a look at any id (docs/adr/0025).
"""

import time
from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Any

from bus.indices.reindex.checkpoint import ReindexCheckpoint
from bus.indices.reindex.documents import IndexPair
from bus.indices.reindex.sweep import Sweep, Window, newest_and_oldest_first

_ALL = 2**63
"""more than there are"""
_ROUNDS = 2
"""so often all that is left to list is listed: what was left, and where counts still say that some are gone, all"""


class Deletions:
    """The deletions during one copy, as one run finds them."""

    def __init__(self, pair: IndexPair) -> None:
        self._pair = pair
        self._untouched, self._later = Sweep(pair), Sweep(pair)

    def copied(self, hits: Iterable[Mapping[str, Any]]) -> None:
        """Takes note of documents that went into the target after the copy of all."""
        self._later.copied(hits)

    def untouched(self, noted: ReindexCheckpoint) -> int:
        """Documents of the source that nobody touched since the copy began; to be asked before what was is copied."""
        return self._count(self._pair.source, _up_to(noted.began))

    def sweep_known(self, noted: ReindexCheckpoint, untouched: int, beat: Callable[[], None]) -> tuple[int, bool]:
        """Takes away what is gone, without a look at more ids than are known of what was copied at first.

        Returns how many documents that were, and whether more of them must be gone than could be found so. Of what was
        written meanwhile some may not be copied yet, and so hide a deletion until writes are blocked.
        """
        swept = self._sweep_later(noted, beat)
        while (gone := self._gone(noted, untouched)) > 0:
            found = self._untouched.of_known(gone, beat)
            if not found:
                break
            swept += found
            self._pair.refresh()
        return swept, gone > 0

    def _sweep_later(self, noted: ReindexCheckpoint, beat: Callable[[], None]) -> int:
        """Takes away what was written meanwhile, copied, and deleted again: until counts say that all of it is gone.

        Counts alone end it, never a sum of what was found: one document may be noted by several passes, and what is
        found may be of those that nobody counted.
        """
        swept, begun_again = 0, False
        later = _after(noted.filled)
        while (gone := self._count(self._pair.target, later) - self._count(self._pair.source, _after(noted.began))) > 0:
            found = self._later.of_known(gone, beat) or self._later.of_listed(later, gone, beat)
            if not found and begun_again:
                break  # writes go on: what counts say now is not copied yet, or was deleted since
            if not found:
                self._later, begun_again = Sweep(self._pair), True
            swept += found
            self._pair.refresh()
        return swept

    def sweep_listed(
        self, noted: ReindexCheckpoint, untouched: int, beat: Callable[[], None], seconds: float = inf
    ) -> tuple[int, bool]:
        """The same for what was copied at first, listing it until counts say that all is gone, or time is over."""
        end = time.monotonic() + seconds
        swept, rounds = 0, 0
        self._pair.refresh()
        while (gone := self._gone(noted, untouched)) > 0 and rounds < _ROUNDS and time.monotonic() < end:
            if self._untouched.is_listed:
                self._untouched = Sweep(self._pair)
            windows = newest_and_oldest_first(noted.filled)
            found = self._untouched.of_listed(windows, gone, beat, end - time.monotonic())
            rounds += int(found < gone)
            swept += found
            self._pair.refresh()
        return swept, gone > 0

    def list_all(self, noted: ReindexCheckpoint, beat: Callable[[], None]) -> None:
        """The same of all that was copied at first, so that later sweeps know all of it."""
        self._pair.refresh()
        self._untouched.of_listed(newest_and_oldest_first(noted.filled), _ALL, beat)

    def sweep_all(self, noted: ReindexCheckpoint, beat: Callable[[], None]) -> int:
        """Takes away what is gone, whatever the counts say: of transformed documents they say nothing."""
        swept = self._untouched.of_known(_ALL, beat) + self._later.of_known(_ALL, beat)
        swept += self._untouched.of_listed(newest_and_oldest_first(noted.filled), _ALL, beat)
        return swept + self._later.of_listed(_after(noted.filled), _ALL, beat)

    def _gone(self, noted: ReindexCheckpoint, untouched: int) -> int:
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
