"""When something with data in it may be deleted, because its fragment is gone."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Removal:
    """A topic or an index whose fragment is gone: deleted, or kept and why."""

    name: str
    delete: bool
    reason: str


@dataclass(frozen=True)
class Mirrored:
    """That a topic of `site` is copied from `source` by kafka2kafka."""

    site: str
    source: str

    def confirmation(self, name: str) -> str:
        """How bus:confirmDelete names a topic of one site only."""
        return f"{self.site}/{name}"


def removal(
    name: str,
    created: Collection[str],
    confirmed: Collection[str],
    held: int | None,
    *,
    unit: str,
    block: str,
    site: str = "",
    detail: str = "",
    uncounted: str = "",
    mirrored: Mirrored | None = None,
) -> Removal:
    """Whether `name` may be deleted: created by this stack and empty, or confirmed by name, or by site and name.

    `held` is how many messages or documents (`unit`) it holds, None where it does not exist; `block` is its key below
    bus:confirmDelete; `detail` says more of what it holds, `uncounted` why that cannot be told now. What is mirrored
    from another site comes back, empty, as long as it is there: only a confirmation that names the site deletes it.
    """
    if held is None and not uncounted:
        return Removal(name, False, "")
    holds = f"{held} {unit} ({detail})" if detail else f"{held} {unit}"
    if uncounted:
        holds = f"{unit} that cannot be counted now: {uncounted}"
    if mirrored:
        if mirrored.confirmation(name) in confirmed:
            return Removal(name, True, f"{holds}; confirmed by {mirrored.confirmation(name)} in bus:confirmDelete")
        return Removal(
            name,
            False,
            f"is mirrored from {mirrored.source}: the mirror would make it again, empty; delete it there first, then "
            f"add {mirrored.confirmation(name)} to bus:confirmDelete.{block}",
        )
    if name in confirmed or f"{site}/{name}" in confirmed:
        return Removal(name, True, f"{holds}; confirmed by bus:confirmDelete")
    remedy = f"to delete it with its data, add {name} to bus:confirmDelete.{block}"
    verb = "may hold" if uncounted else "holds"
    if name not in created:
        return Removal(name, False, f"was not created by this stack, {verb} {holds}; {remedy}")
    if held or uncounted:
        return Removal(name, False, f"{'still ' if held else ''}{verb} {holds}; {remedy}")
    return Removal(name, True, "created by this stack, and empty")
