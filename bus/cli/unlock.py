"""`bus unlock`: breaks the lock of a state backend that a dead run left behind, and no other."""

import getpass
import socket
from pathlib import Path

from bus.cli.stack import NoStack, StackName, pulumi
from bus.locks import Lock, judge, parse


def unlock(stack: StackName) -> None:
    """Frees a stack whose lock was made by a process of this machine that is gone; exit code 1 where that is not so."""
    locks = held(Path.cwd(), stack)
    if not locks:
        print(f"stack {stack} is not locked")
        return
    here = socket.gethostname(), getpass.getuser()
    verdicts = [judge(lock, here, is_pulumi(lock.pid)) for lock in locks]
    for verdict in verdicts:
        print(verdict)
    if not all(verdict.dead for verdict in verdicts):
        raise NoStack(f"stack {stack} stays locked: ask who holds it; only when nothing runs any more: pulumi cancel")
    done = pulumi(Path.cwd(), "cancel", "--yes", "--stack", stack)
    if done.returncode:
        raise NoStack(f"pulumi cancel fails: {done.stderr.strip()}")
    print(f"stack {stack} is unlocked")


def held(root: Path, stack: str) -> list[Lock]:
    """The locks of a stack, as pulumi tells of them to whoever needs the stack; raises NoStack."""
    # Renaming a stack to the name that it has takes the lock, finds the name taken, and writes nothing.
    done = pulumi(root, "stack", "rename", stack, "--stack", stack)
    said = done.stdout + done.stderr
    locks = parse(said)
    if not locks and f"a stack named {stack} already exists" not in said.replace("organization/", ""):
        raise NoStack(f"whether stack {stack} is locked cannot be told: {said.strip()}")
    return locks


def is_pulumi(pid: int) -> bool:
    """Whether a process of this number runs here and is pulumi; numbers are given again, in a container soon."""
    try:
        return "pulumi" in Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return False
