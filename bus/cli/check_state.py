"""`bus check-state`: whether a state holds only this program's providers, before anything loads them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bus import state_guard
from bus.cli.engine import StackError, StackName, exported, project, reason


def check_state(stack: StackName) -> None:
    """Refuse a state with providers that are not this program's own. Run it before a plain pulumi command."""
    count = state_guard.check(stack, state_of(project(), stack))
    print(f"state of stack {stack}: {count} resources, every provider is this program's own")


def state_of(root: Path, stack: str) -> Mapping[str, Any]:
    """The state of a stack, read without loading a provider. Raise StackError."""
    done = exported(root, stack)
    if done.returncode:
        raise StackError(f"the state of stack {stack} cannot be read: {reason(done.stderr)}")
    state: Mapping[str, Any] = json.loads(done.stdout or "{}").get("deployment") or {}
    return state
