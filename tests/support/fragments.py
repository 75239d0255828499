"""Data cases of fragments: files of bricks in, what they mean together or what is said of them out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from bus.errors import Problem

T = TypeVar("T")


def merged(case: Path, merge: Callable[[Any], tuple[list[T], list[Problem]]]) -> tuple[list[T], dict[str, Any]]:
    """What `merge` makes of a case, once all its problems and no others were said; and the case."""
    given = yaml.safe_load(case.read_text())
    files = {f"values/{brick}.yml": (brick, entries) for brick, entries in given["files"].items()}
    found, problems = merge(files)
    lines = [str(problem) for problem in problems]
    assert len(lines) == len(given["problems"]), "\n".join(lines)
    for start, *parts in given["problems"]:
        said = [line for line in lines if line.startswith(start) and all(part in line for part in parts)]
        assert said, f"{start} {parts} is not said in\n" + "\n".join(lines)
    return found, given
