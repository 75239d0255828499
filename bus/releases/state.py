"""Which Helm records a dead deployment left locked, and what frees them."""

from collections.abc import Iterable
from dataclasses import dataclass

# https://github.com/helm/helm/blob/main/pkg/release/v1/status.go
PENDING = frozenset({"pending-install", "pending-upgrade", "pending-rollback"})


@dataclass(frozen=True)
class Record:
    """One revision of a release, as Helm keeps it in a Secret of the namespace."""

    release: str
    revision: int
    status: str
    secret: str


def locked(records: Iterable[Record]) -> list[Record]:
    """The newest revision of each release, where it is pending.

    Asked while this stack's lock is held: whoever started that operation is gone, and Helm itself never unlocks it
    (helm/helm#7653, pulumi-kubernetes#2054). Marked failed, the next upgrade goes on from it, and a first install may
    take its name again.
    """
    newest: dict[str, Record] = {}
    for record in records:
        if record.release not in newest or newest[record.release].revision < record.revision:
            newest[record.release] = record
    return sorted((r for r in newest.values() if r.status in PENDING), key=lambda record: record.release)
