"""The moment in which a generation becomes the one that bricks use, and what is tidied after it."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from elasticsearch import Elasticsearch

from bus.indices.diff import generations
from bus.indices.diff.plan import WantedIndex
from bus.indices.reindex.checkpoint import note
from bus.indices.reindex.copy import Conflict, Copying


def swing(
    client: Elasticsearch, wanted: WantedIndex, source: str, target: str, lock: str, stale: Collection[str] = ()
) -> None:
    """All aliases of the source go to the target in one call, which fails if the alias or the lock has moved.

    Those of `stale`, which the fragment no longer has, go from the source and nowhere.
    """
    answer = client.indices.get_alias(index=source)[source]["aliases"]
    name = wanted.name
    concrete = source == name
    if concrete:
        _keep_concrete(client, name)
    elif name not in answer:
        raise Conflict(f"alias {name} is no longer on {source}: somebody moved it; run again")
    moved = {name: {}, **answer, **wanted.aliases}
    actions: list[dict[str, Any]] = [{"remove_index": {"index": name}}] if concrete else []
    for alias, how in moved.items():
        if alias in answer and not concrete:
            actions.append({"remove": {"index": source, "alias": alias, "must_exist": True}})
        if alias not in stale:
            actions.append({"add": {"index": target, "alias": alias, **how}})
    actions.append({"remove": {"index": target, "alias": lock, "must_exist": True}})
    client.indices.update_aliases(actions=actions)


def clear(client: Elasticsearch, source: str, target: str) -> None:
    """Takes aliases that a template gave the target from it: until the swing only the source has its own."""
    held = client.indices.get_alias(index=[source, target]).body
    twice = sorted(held[source]["aliases"].keys() & held[target]["aliases"].keys())
    if twice:
        client.indices.update_aliases(actions=[{"remove": {"index": target, "alias": alias}} for alias in twice])


def rescue(copy: Copying, source: str, since: Mapping[str, int]) -> str:
    """Copies what was written after the verification; what to say of it, if there was any.

    The block and the swing are two calls: between them somebody may have lifted it, a person, or a run that slept.
    """
    try:
        late = copy.late(since)
    except Conflict as error:
        return f"written to {source} though it was blocked, and only there: {error}"
    return f"{late} documents that were written to {source} though it was blocked are copied too" if late else ""


def tidy(client: Elasticsearch, wanted: WantedIndex, live: str) -> Iterator[str]:
    """Deletes the generations before `live` that need not be kept, and that bus copied from; yields each of them."""
    name = wanted.name
    existing = client.indices.get(index=f"{name}-0*", expand_wildcards="all").body
    for old in generations.superfluous(name, live, existing, wanted.reindex.keep):
        copied_on = any((found := note(content["mappings"])) and found.source in (old, name)
                        for content in existing.values())  # fmt: skip
        if copied_on and not existing[old]["aliases"]:
            client.indices.delete(index=old, ignore_unavailable=True)
            yield old


def in_the_way(client: Elasticsearch, name: str) -> str:
    """Why the concrete index `name` cannot be kept as generation 000001; empty where it can."""
    kept = generations.first_generation(name)
    there = _settings(client, kept)
    if not there or there.get("index.resize.source.uuid") == _settings(client, name)["index.uuid"]:
        return ""
    return f"{kept} is there and is no copy of {name}, which would be kept under that name: delete {kept}, or clone it"


def _keep_concrete(client: Elasticsearch, name: str) -> None:
    """A copy of an index that bears the alias's name, as generation 000001; a clone shares its files."""
    if reason := in_the_way(client, name):
        raise Conflict(reason)
    kept = generations.first_generation(name)
    client.indices.delete(index=kept, ignore_unavailable=True)  # of a killed run: writes may have gone on after it
    made = client.indices.clone(index=name, target=kept, wait_for_active_shards="1")
    if not made["shards_acknowledged"]:  # the concrete index goes in the swing, and with it what is cloned
        client.indices.delete(index=kept, ignore_unavailable=True)
        raise Conflict(
            f"{kept}, the copy of {name} that would be kept, gets no shard within 30 s: see "
            f"GET /_cluster/allocation/explain (a disk over its watermark, an allocation filter), then run again"
        )


def _settings(client: Elasticsearch, index: str) -> dict[str, Any]:
    answer = client.indices.get_settings(index=index, ignore_unavailable=True, flat_settings=True).body
    return dict(answer[index]["settings"]) if index in answer else {}
