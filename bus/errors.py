"""Refusals: every problem of a run, each with its place and the way out."""

import errno
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Name = TypeVar("Name")
Source = TypeVar("Source")
Built = TypeVar("Built")
_REMEDIES = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EROFS: "mount it for writing, or work in another folder",
    errno.EACCES: "let this user have it",
    errno.EPERM: "let this user have it",
    errno.ENOENT: "make it, or name another",
    errno.ENOTDIR: "make it, or name another",
}


class UserError(Exception):
    """What a user can mend; the message says how. The `bus` command shows it without a traceback."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where it stands, what was found, what is allowed, how to go on."""

    file: str
    path: str
    value: object
    allowed: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.file}: {self.path}" if self.path else self.file
        value = str(self.value).lower() if isinstance(self.value, bool) else repr(self.value)  # true, as YAML has it
        found = "" if self.value is None else f" = {value}"
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{where}{found}: {self.allowed}{remedy}"


class InvalidInput(UserError):
    """Raised before anything is touched; carries all problems, not the first one."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        count = len(self.problems)
        lines = [f"{count} problem{'s' if count > 1 else ''}, nothing was touched:"]
        lines += [f"  {number}. {problem}" for number, problem in enumerate(self.problems, 1)]
        return "\n".join(lines)


class DiskError(UserError):
    """A disk of this machine is full, read-only, or a folder on it is not there; the message says which."""


@contextmanager
def on_disk(folder: Path | None = None) -> Iterator[None]:
    """Raises DiskError for what an operator can mend of a disk; a full one does not say where, and so `folder` does."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0)
        if not remedy:
            raise
        place = error.filename
        if folder and (not place or Path(place).is_relative_to(folder)):
            place = folder
        place = place or f"this folder or {tempfile.gettempdir()} (TMPDIR names another)"
        raise DiskError(f"{place}: {error.strerror}; {remedy}, and run the same again") from None


def unexpected(action: str, error: BaseException) -> str:
    """Return what to tell of an error that nobody foresaw: what failed, of which kind it is, and what to do."""
    return (
        f"{action} failed with {type(error).__name__}: {error}. This is a fault of bus and not of your input. "
        f"What was done before is kept. Report it with this text and the version of bus; running again is safe"
    )


def isolated(
    objects: Mapping[Name, Source], build: Callable[[Source], Built], action: str
) -> tuple[dict[Name, Built], dict[Name, str]]:
    """Build something of each object. Return what was built, and why it was not: one fault stops no other object."""
    built: dict[Name, Built] = {}
    failures: dict[Name, str] = {}
    for name, source in objects.items():
        try:
            built[name] = build(source)
        except Exception as error:
            failures[name] = unexpected(action, error)
    return built, failures


class UnexpectedError(UserError):
    """An error that nobody foresaw, with the name of what it happened to."""


class PartialFailure(UserError):
    """Topics or indices that could not be changed, each with the server's reason; the others of the batch were."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self.reasons = dict(reasons)
        super().__init__("\n".join(f"{name}: {reason}" for name, reason in sorted(reasons.items())))
