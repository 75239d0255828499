"""Going back to the generation before, in one atomic call; the newer one is kept, with what was written to it."""

from typing import Any

from elasticsearch import Elasticsearch

from bus.errors import PartialFailure
from bus.indices.diff import generations
from bus.indices.diff.plan import LiveIndex
from bus.indices.reindex.checkpoint import note


def target(name: str, live: LiveIndex) -> str:
    """The newest generation before the live one; raises PartialFailure where none was kept."""
    found = generations.older(name, live.name, live.generations)
    if not found:
        raise PartialFailure({name: f"no generation before {live.name} was kept (reindex.keep in its fragment)"})
    if note(live.mappings) is None:
        remedy = "swing the alias yourself (POST /_aliases) if it holds the same documents"
        raise PartialFailure(
            {name: f"{live.name} was not copied from {found[0]} by bus, there is nothing to go back to: {remedy}"}
        )
    return found[0]


def swing_back(client: Elasticsearch, live: LiveIndex, to: str) -> None:
    """All aliases from the live generation to `to`; can be repeated after a kill.

    `to` takes writes first and the live one stops taking them, so that none goes where nobody looks afterwards.
    """
    client.indices.put_settings(index=to, settings={"blocks.write": None})
    client.indices.add_block(index=live.name, block="write")
    actions: list[dict[str, Any]] = []
    for alias, how in live.aliases.items():
        actions.append({"remove": {"index": live.name, "alias": alias, "must_exist": True}})
        actions.append({"add": {"index": to, "alias": alias, **how}})
    client.indices.update_aliases(actions=actions)
