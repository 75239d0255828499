"""The processes below another one."""

from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Return every process below `pid`, from /proc; some have process groups of their own, as Pulumi's plugins do."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while this looked
            below.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        children = below.get(queue.pop(), [])
        found += children
        queue += children
    return found
