"""Reading and changing a server's roles, through a function that runs SQL with psql where the server is."""

import json
import time
from dataclasses import replace
from typing import Any

from bus.database import sql
from bus.database.plan import SERVICE, Plan, Step, plan
from bus.database.psql import QueryFailed, Run
from bus.database.roles import LiveRoles, Owned, WantedRoles, from_answer
from bus.errors import PartialFailure

# What a busy server answers: somebody else holds a table, or changes the same role at the same moment.
_BUSY = ("lock timeout", "deadlock detected", "tuple concurrently updated", "tuple already updated")
_PATIENCE_SECONDS = 120.0
_ROUNDS = 5


class Admin:
    """The roles of one server."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def read(self, wanted: WantedRoles) -> LiveRoles:
        """Return the live roles, and what a superuser owns of Odoo's; raises PartialFailure."""
        try:
            live = from_answer(self._answer(SERVICE, sql.READ))
            everywhere = live.bootstrap == wanted.user
            looked_into = [name for name in live.databases if everywhere or name == wanted.database]
            owned = {
                name: tuple(Owned(one["kind"], one["identity"]) for one in self._answer(name, sql.OWNED))
                for name in looked_into
            }
        except QueryFailed as error:
            raise PartialFailure({"roles of PostgreSQL": f"cannot be read: {error}"}) from None
        return replace(live, owned=owned)

    def apply(self, wanted: WantedRoles) -> list[str]:
        """Change what is not as wanted until nothing is left; returns remarks. Raises PartialFailure.

        Whatever was interrupted before is decided anew from what the server has.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        rounds = 0
        while True:
            todo = plan(self.read(wanted), wanted)
            if todo.refused:
                raise PartialFailure({"roles of PostgreSQL": todo.refused})
            if not todo.steps or (rounds and all(step.statement == sql.END_IDLE for step in todo.steps)):
                return list(todo.remarks)
            try:
                self._carry_out(todo)
                rounds += 1
            except QueryFailed as error:
                if not any(text in str(error) for text in _BUSY) or time.monotonic() > deadline:
                    reason = f"{error}; what was done stays, run the same command again"
                    raise PartialFailure({"roles of PostgreSQL": reason}) from None
                time.sleep(1)
            if rounds > _ROUNDS:
                reason = f"not as written after {_ROUNDS} attempts; somebody else may be changing them: {todo.says}"
                raise PartialFailure({"roles of PostgreSQL": reason})

    def _carry_out(self, todo: Plan) -> None:
        """Apply steps in order; those in one database travel together."""
        batch: list[Step] = []
        for step in todo.steps:
            if batch and batch[-1].database != step.database:
                self._apply(batch)
                batch = []
            batch.append(step)
        self._apply(batch)

    def _apply(self, steps: list[Step]) -> None:
        self._run(steps[0].database, ";\n".join(step.statement for step in steps))

    def _answer(self, database: str, query: str) -> Any:
        text = self._run(database, query)
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            raise QueryFailed(f"psql answered {text[:200]!r}") from None
