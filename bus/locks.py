"""Which locks of a state backend are provably left by a dead run."""

import re
from dataclasses import dataclass

_LINE = re.compile(r"^\s*(\S+): created by (.+)@(\S+) \(pid (\d+)\) at (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Lock:
    """One lock, as pulumi's refusal names it."""

    place: str
    user: str
    host: str
    pid: int
    since: str


@dataclass(frozen=True)
class Verdict:
    """Whether whoever made a lock is dead, and how we know."""

    lock: Lock
    dead: bool
    reason: str
    alive: bool = False
    """whether a process of this machine provably holds it"""

    def __str__(self) -> str:
        lock = self.lock
        return f"lock of {lock.user}@{lock.host}, pid {lock.pid}, since {lock.since}: {self.reason}"


def parse(text: str) -> list[Lock]:
    """Every lock in what pulumi said; none where it said something else."""
    return [Lock(place, user, host, int(pid), since) for place, user, host, pid, since in _LINE.findall(text)]


def judge(lock: Lock, here: tuple[str, str], runs: bool) -> Verdict:
    """`here` is this host and user, `runs` whether pulumi runs here under the lock's process number.

    GitLab names a job's container after the runner and its slot, and gives a slot to one job at a time: an equal name
    there means that the job which had it before has ended.
    """
    host, user = here
    if lock.host != host:
        return Verdict(lock, False, f"made on another machine than {host}, so nothing here proves that it is dead")
    if lock.user != user:
        return Verdict(lock, False, f"made here by {lock.user}, who is not {user}: a human's is never broken")
    if runs:
        return Verdict(lock, False, "made here, and that process is alive", alive=True)
    return Verdict(lock, True, "made here, and that process is gone")
