"""When something with data in it may be deleted, because its fragment is gone."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Removal:
    """A topic or an index whose fragment is gone: deleted, or kept and why."""

    name: str
    delete: bool
    reason: str


def removal(
    name: str, created: Collection[str], confirmed: Collection[str], held: int | None, *, unit: str, block: str
) -> Removal:
    """Whether `name` may be deleted: created by this stack and empty, or confirmed by name.

    `held` is how many messages or documents (`unit`) it holds, None where it does not exist; `block` is its key below
    bus:confirmDelete.
    """
    if held is None:
        return Removal(name, False, "")
    if name in confirmed:
        return Removal(name, True, f"{held} {unit}; confirmed by bus:confirmDelete")
    way_out = f"to delete it with its data, add {name} to bus:confirmDelete.{block}"
    if name not in created:
        return Removal(name, False, f"was not created by this stack; {way_out}")
    if held:
        return Removal(name, False, f"still holds {held} {unit}; {way_out}")
    return Removal(name, True, "created by this stack, and empty")
