"""How much one call may carry: a controller writes what a call changes as one batch, and refuses a large one."""

from collections.abc import Iterator, Mapping

# Kafka's QuorumController takes 10000 records a call (MAX_RECORDS_PER_USER_OP) and 10000 new partitions
# (ReplicationControlManager): beyond that, POLICY_VIOLATION or UNKNOWN for all of it (seen with 4.3.1). Half of that
# leaves room for records that come along, as those that unfence what a call touches.
MOST_RECORDS = 5_000


def batches(records: Mapping[str, int], most: int = MOST_RECORDS) -> Iterator[list[str]]:
    """Names in their order, so many a time as write at most `most` records; one that alone writes more goes alone."""
    batch: list[str] = []
    total = 0
    for name, count in records.items():
        if batch and total + count > most:
            yield batch
            batch, total = [], 0
        batch.append(name)
        total += count
    if batch:
        yield batch
