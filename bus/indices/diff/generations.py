"""Names of an index's generations: <name>-000001 and so on, the alias between them, which are kept."""

import re
from collections.abc import Iterable

_GENERATION = re.compile(r"-(\d{6})$")


def first_generation(name: str) -> str:
    """The physical index behind a new alias."""
    return f"{name}-000001"


def base_name(physical: str) -> str:
    """The name that a generation is one of; an index that is none is its own."""
    return _GENERATION.sub("", physical)


def number(name: str, physical: str) -> int | None:
    """Which generation of `name` a physical index is; None where it is none of them."""
    found = _GENERATION.search(physical)
    return int(found[1]) if found and physical[: found.start()] == name else None


def next_generation(name: str, existing: Iterable[str]) -> str:
    """The generation after every existing one; the first of an adopted index is 000002, since 000001 is its copy."""
    numbers = [number(name, physical) or 1 for physical in existing]
    return f"{name}-{max(numbers, default=0) + 1:06d}"


def newer(name: str, live: str, existing: Iterable[str]) -> list[str]:
    """Generations after the live one: what a rollback left, or somebody made."""
    here = number(name, live) or 1
    return sorted(physical for physical in existing if (number(name, physical) or 0) > here)


def older(name: str, live: str, existing: Iterable[str]) -> list[str]:
    """Generations before the live one, newest first."""
    here = number(name, live) or 0
    return sorted((physical for physical in existing if 0 < (number(name, physical) or 0) < here), reverse=True)


def superfluous(name: str, live: str, existing: Iterable[str], keep: int) -> list[str]:
    """Old generations beyond the `keep` newest ones."""
    return older(name, live, existing)[keep:]
