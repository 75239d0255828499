"""Refusals: every problem of a run, each with its place and the way out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class Mendable(Exception):
    """What a user can mend; the message says how. The `bus` command shows it without a traceback."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where it stands, what was found, what is allowed, how to go on."""

    file: str
    path: str
    value: object
    allowed: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}: {self.path}" if self.path else self.file
        value = str(self.value).lower() if isinstance(self.value, bool) else repr(self.value)  # true, as YAML has it
        found = "" if self.value is None else f" = {value}"
        hint = f"; {self.hint}" if self.hint else ""
        return f"{where}{found}: {self.allowed}{hint}"


class Refused(Mendable):
    """Raised before anything is touched; carries all problems, not the first one."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        count = len(self.problems)
        lines = [f"{count} problem{'s' if count > 1 else ''}, nothing was touched:"]
        lines += [f"  {number}. {problem}" for number, problem in enumerate(self.problems, 1)]
        return "\n".join(lines)


class Failed(Mendable):
    """Topics or indices that could not be changed, each with the server's reason; the others of the batch were."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self.reasons = dict(reasons)
        super().__init__("\n".join(f"{name}: {reason}" for name, reason in sorted(reasons.items())))
