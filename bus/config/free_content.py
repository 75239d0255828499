"""Values that charts and servers judge by themselves: what would change on its way to them."""

from collections.abc import Iterator, Mapping
from typing import Any

from bus.config import yaml_scalars
from bus.config.parsing import join
from bus.errors import Problem

INEXACT = (
    f"is beyond {yaml_scalars.EXACT}, up to which whole numbers stay exact on their way through Helm, Pulumi and JSON"
)
REMEDY = "put it between quotes, where text is taken too"


def number_problems(value: Any, file: str, path: str) -> Iterator[Problem]:
    """Return a problem for each number that would be another one, or none, where it is used."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from number_problems(item, file, join(path, [str(key)]))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from number_problems(item, file, join(path, [number]))
    elif yaml_scalars.is_inexact(value):
        yield Problem(file, path, value, INEXACT, REMEDY)
    elif isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        yield Problem(file, path, value, "is no number that JSON has", REMEDY)
