"""How much one call may carry: a controller writes what a call changes as one batch, and refuses a large one."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

K = TypeVar("K")

# Kafka's QuorumController takes 10000 records a call (MAX_RECORDS_PER_USER_OP) and 10000 new partitions
# (ReplicationControlManager): beyond that, POLICY_VIOLATION or UNKNOWN for all of it (seen with 4.3.1). Half of that
# leaves room for records that come along, as those that unfence what a call touches.
MOST_RECORDS = 5_000


def batches(records: Mapping[K, int], most: int = MOST_RECORDS) -> Iterator[list[K]]:
    """Keys in their order, so many a time as write at most `most` records; one that alone writes more goes alone."""
    batch: list[K] = []
    total = 0
    for name, count in records.items():
        if batch and total + count > most:
            yield batch
            batch, total = [], 0
        batch.append(name)
        total += count
    if batch:
        yield batch
