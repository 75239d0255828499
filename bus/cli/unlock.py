"""`bus unlock`: takes from a state what a dead run left in it, and nothing of a living one."""

import getpass
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bus import state_guard
from bus.cli.check_state import state_of
from bus.cli.engine import ConfigFile, StackError, StackName, project, pulumi, reason
from bus.locks import Lock, Verdict, judge, parse

_LOOK_SECONDS, _ASK_AGAIN_SECONDS = 0.5, 15.0


def unlock(
    stack: StackName,
    config_file: ConfigFile = None,
    wait: Annotated[int, typer.Option("--wait", min=0, help="seconds to wait for a run that may be alive")] = 0,
) -> None:
    """Free a stack of what a dead run left in its state: its lock and its pending operations.

    Exit code 1 if a lock may belong to a living process after --wait seconds, or if the state has foreign providers.
    The pipeline's deployment begins with this verb.
    """
    root = project()
    _unlock(root, stack, wait)
    state = state_of(root, stack)
    state_guard.check(stack, state)
    begun = interrupted(state)
    # Without a resource of the stack's own there is none at all, and the next run begins anew.
    own = [one["urn"] for one in state.get("resources") or [] if one["type"] == "pulumi:pulumi:Stack"]
    if begun and own:
        _clear(root, stack, own[0], config_file)
        print(f"interrupted, and found again by the next pulumi up: {', '.join(begun)}")


def interrupted(state: Mapping[str, Any]) -> list[str]:
    """Names of the resources whose creation a run began and did not end, as `pulumi stack export` has them.

    Pulumi drops other operations by itself, and keeps these until a refresh is told to forget them.
    """
    begun = [one for one in state.get("pending_operations") or [] if one["type"] == "creating"]
    return sorted({one["resource"]["urn"].rsplit("::", 1)[-1] for one in begun})


def _unlock(root: Path, stack: str, wait: int) -> None:
    """Breaks the locks of dead runs, once no run that may be alive has one; raises StackError after `wait` seconds."""
    deadline, said = time.monotonic() + wait, ""
    while locks := held(root, stack):
        verdicts = judged(locks)
        if (lines := "\n".join(map(str, verdicts))) != said:
            print(lines, flush=True)
        if all(verdict.dead for verdict in verdicts):
            break
        if time.monotonic() >= deadline:
            waited = f" after {wait} s" if wait else ""
            raise StackError(
                f"stack {stack} stays locked{waited}: {lines}; ask who holds it; only when nothing runs any more: "
                "pulumi cancel"
            )
        if lines != said:
            print(f"waiting until it ends, {deadline - time.monotonic():.0f} s at most", flush=True)
        said = lines
        _while_alive(verdicts, deadline)
    else:
        print(f"stack {stack} is not locked")
        return
    done = pulumi(root, "cancel", "--yes", "--stack", stack)
    if done.returncode:
        raise StackError(f"pulumi cancel fails: {reason(done.stderr)}")
    print(f"stack {stack} is unlocked")


def judged(locks: Sequence[Lock]) -> list[Verdict]:
    """Which locks are those of dead runs, as this machine can tell."""
    here = socket.gethostname(), getpass.getuser()
    return [judge(lock, here, is_pulumi(lock.pid)) for lock in locks]


def _while_alive(verdicts: Sequence[Verdict], deadline: float) -> None:
    """Returns once a lock may have changed: a process of this machine has gone, or enough time.

    Each question to the backend takes the lock for a moment, where it is free: so the process is watched instead.
    """
    end = min(deadline, time.monotonic() + _ASK_AGAIN_SECONDS)
    watched = [verdict.lock.pid for verdict in verdicts if verdict.alive]
    while time.monotonic() < end and all(is_pulumi(pid) for pid in watched):
        time.sleep(min(_LOOK_SECONDS, max(0.0, end - time.monotonic())))


def _clear(root: Path, stack: str, own: str, config_file: Path | None) -> None:
    """Forgets interrupted creations: bus adopts or repairs what they made, so that nobody has to look at it.

    A refresh of nothing but the stack's own resource does it under the stack's lock; an export and an import would
    lose what somebody deploys in between.
    """
    options = ("--yes", "--skip-preview", "--clear-pending-creates", "--target", own, "--stack", stack)
    done = pulumi(root, "refresh", *options, config_file=config_file)
    if done.returncode:
        raise StackError(f"interrupted operations stay in the state of stack {stack}:\n{done.stdout}{done.stderr}")


def held(root: Path, stack: str) -> list[Lock]:
    """The locks of a stack, as pulumi tells of them to whoever needs the stack; raises StackError."""
    # Renaming a stack to the name that it has takes the lock, finds the name taken, and writes nothing.
    done = pulumi(root, "stack", "rename", stack, "--stack", stack)
    said = done.stdout + done.stderr
    locks = parse(said)
    if not locks and f"a stack named {stack} already exists" not in said.replace("organization/", ""):
        raise StackError(f"whether stack {stack} is locked cannot be told: {reason(said)}")
    return locks


def is_pulumi(pid: int) -> bool:
    """Whether a process of this number runs here and is pulumi; numbers are given again, in a container soon.

    One that was killed and not yet waited for by its parent does not run: where a container's first process waits for
    nobody, it stays in the list for ever.
    """
    try:
        name, _, after = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(") ")
    except OSError:
        return False
    return "pulumi" in name and after[0] not in "ZX"
