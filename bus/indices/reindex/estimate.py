"""What a copy into the next generation costs, and when it is refused before it begins."""

from dataclasses import dataclass

from bus.indices.diff.plan import Change

_DOCUMENTS_PER_SECOND = 5000.0
"""of a server that was never seen copying this index; small documents on two cores"""
_MARGIN = 1.2
"""a fresh copy is merged while it grows"""


@dataclass(frozen=True)
class Facts:
    """What a server says of an index that is to be copied, and of itself."""

    documents: int
    size_bytes: int
    """of the primaries"""
    free_bytes: int
    """below the low watermark of the roomiest data node; beyond it no shard is placed"""
    status: str
    """of the cluster: green, yellow, red"""
    blocks: tuple[str, ...] = ()
    """settings that keep the index from being read or blocked, of its own or of the cluster"""
    in_the_way: str = ""
    """why an index that bears the alias's own name cannot be kept as its first generation"""
    documents_per_second: float = 0
    """of the last copy of this index; 0 where there was none"""


def text(change: Change, facts: Facts) -> str:
    """The line of a preview."""
    seconds = facts.documents / (facts.documents_per_second or _DOCUMENTS_PER_SECOND)
    return (
        f"{change.wanted.name}: reindex ({change.wanted.reindex.mode}) {change.live} -> {change.target}: "
        f"{facts.documents} documents, {_size(facts.size_bytes)}, {_size(facts.free_bytes)} free up to the low "
        f"watermark, about {_duration(seconds)}; because of {'; '.join(map(str, change.differences))}"
    )


def line(change: Change) -> str:
    """The line of a preview for what is done without a copy."""
    parts = [f"{change.live} is closed, and is opened"] if change.closed else []
    if change.left and change.left.name == change.live:
        parts.append(f"what a run that died left to do after its copy into {change.live} is done")
    elif change.left:
        parts.append(f"{change.left.name}, which a run that died left unfinished, is removed; writes go on")
    if change.differences:
        parts.append(f"{change.kind.said}: {'; '.join(map(str, change.differences))}")
    return f"{change.wanted.name}: {'; '.join(parts)}"


def refusals(change: Change, facts: Facts) -> dict[str, str]:
    """path -> why a copy must not begin now."""
    name, needed = change.wanted.name, int(facts.size_bytes * _MARGIN)
    found = []
    if facts.status == "red":
        found.append("the cluster is red: some shard has no copy left; bring it back first")
    if facts.blocks:
        found.append(
            f"{change.live} is blocked (a disk was full, or somebody set it): put {', '.join(facts.blocks)} "
            f"back to null first"
        )
    if facts.in_the_way:
        found.append(facts.in_the_way)
    if needed > facts.free_bytes:
        found.append(f"it needs {_size(needed)}, {_size(facts.free_bytes)} are free up to the low watermark: add disk")
    return {"reindex": f"{name}: cannot be reindexed now: {'; '.join(found)}"} if found else {}


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
