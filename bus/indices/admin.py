"""Indices of a live cluster, read in a few calls and changed side by side."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from elasticsearch import ApiError, TransportError

from bus.errors import PartialFailure, unexpected
from bus.indices.diff.generations import first_generation
from bus.indices.diff.normal_form import Json
from bus.indices.diff.plan import Change, LiveIndex, WantedIndex
from bus.indices.diff.settings import Flat, flatten
from bus.indices.reindex import cutover, rollback
from bus.indices.reindex.checkpoint import note
from bus.indices.reindex.copy import Conflict
from bus.indices.reindex.estimate import Facts
from bus.indices.reindex.lock import Busy
from bus.indices.reindex.resolve import behind
from bus.indices.reindex.runner import PATIENCE_SECONDS, ReindexRunner, Say
from bus.indices.server import errors, matching_templates, scratch, versions
from bus.indices.server.connect import connect
from bus.indices.supporting.client import Provisioning

# The master takes what waits for it as one batch: 100 creates take 0.9 s in flight together, 21 s one by one.
_AT_ONCE = 100
_PATH_BYTES = 3000
# By which an index cannot be read, or be given the write block of a copy; one of its own is no harm.
_BLOCKS = ("blocks.read_only", "blocks.read_only_allow_delete", "blocks.read")
_JSON = {"content-type": "application/json", "accept": "application/json"}


class Admin:
    """The admin calls of one cluster; refuses a server that the client does not speak to before anything else."""

    def __init__(self, url: str) -> None:
        self.server, self._client = connect(url, _AT_ONCE)
        self.cluster_id = self.server.cluster_id
        self.provisions = Provisioning(self._client, self.server)
        # A health that is not reached in time is an answer; servers before 8 make it an error.
        self._waiting = self._client.options(ignore_status=408)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def read(self, names: Collection[str]) -> dict[str, LiveIndex]:
        """Return alias -> the index behind it, for those of `names` that exist.

        Raises PartialFailure where that cannot be told.
        """
        found, wrong = behind(names, self._contents(names))
        if wrong:
            raise PartialFailure(wrong)
        return found

    def names(self) -> list[str]:
        """Every alias, and every index that has none; those of the server itself begin with a dot."""
        found = self._client.indices.get_alias(index="*", expand_wildcards=["open", "closed", "hidden"])
        aliases = {name: body["aliases"].keys() or {name} for name, body in found.items()}
        every = {one for names in aliases.values() for one in names}
        return sorted(one for one in every if not one.startswith(".") and not scratch.is_scratch(one))

    def spelled(self, wanted: Mapping[str, WantedIndex]) -> dict[str, Json]:
        """Return name -> the mapping of each of `wanted` as this server spells it, where it could be asked."""
        return scratch.spelled(self._client, wanted)

    def sweep(self) -> None:
        """Delete the scratch indices of runs that were killed."""
        scratch.sweep(self._client)

    def _contents(self, names: Collection[str]) -> dict[str, Any]:
        """physical index -> mappings, settings, aliases: all behind `names`, and every generation of them."""
        contents: dict[str, Any] = {}
        for some in _short_enough([f"{name},{name}-0*" for name in sorted(names)]):
            found = self._client.indices.get(
                index=some, ignore_unavailable=True, flat_settings=True, expand_wildcards=["open", "closed", "hidden"]
            )
            contents.update(found)
        return contents

    def facts(self, change: Change) -> Facts:
        """What a preview says of an index that is to be copied."""
        name = str(change.live)
        answer = self._client.indices.stats(index=name, metric=["docs", "store"], forbid_closed_indices=False)
        stats = answer["_all"]["primaries"]  # nothing in it where no shard is there
        [content] = self._client.indices.get(index=name, flat_settings=True).body.values()
        settings, noted = flatten(content["settings"]), note(content.get("mappings", {}))
        nodes = self._client.nodes.stats(metric="fs")["nodes"].values()
        return Facts(
            documents=int(stats.get("docs", {}).get("count", 0)),
            size_bytes=int(stats.get("store", {}).get("size_in_bytes", 0)),
            free_bytes=max((_room(path) for node in nodes for path in node["fs"].get("data", [])), default=0),
            status=str(self._client.cluster.health()["status"]),
            in_the_way=self._in_the_way(change, name),
            blocks=tuple(f"index.{key}" for key in _BLOCKS if settings.get(key) == "true") + self._cluster_blocks(),
            documents_per_second=noted.documents / noted.seconds if noted and noted.seconds else 0,
        )

    def _in_the_way(self, change: Change, name: str) -> str:
        wanted, target = change.wanted.name, str(change.target)
        if name == wanted and (reason := cutover.in_the_way(self._client, name)):
            return reason
        return matching_templates.in_the_way(matching_templates.brought(self._client, target), target, wanted)

    def _cluster_blocks(self) -> tuple[str, ...]:
        """The settings by which the whole cluster is read-only."""
        answer = self._client.cluster.get_settings(flat_settings=True).body
        settings = {**answer["persistent"], **answer["transient"]}
        return tuple(sorted(k for k, v in settings.items() if k.startswith("cluster.blocks.") and v == "true"))

    def generation_before(self, name: str, live: LiveIndex) -> str:
        """Return the generation that a rollback goes to.

        Raises PartialFailure where none was kept, or the server cannot go back.
        """
        if reason := versions.REINDEX.refusal(self.server):
            raise PartialFailure({name: reason})
        return rollback.target(name, live)

    def swing_back(self, live: LiveIndex, to: str) -> None:
        """Goes back to the generation `to`."""
        rollback.swing_back(self._client, live, to)

    def counts(self, indices: Sequence[str]) -> dict[str, int]:
        """physical index -> its documents."""
        return {index: int(self._client.count(index=index)["count"]) for index in indices}

    def held(self, names: Collection[str]) -> dict[str, int]:
        """How many documents each existing index of `names` holds in all its generations, refreshed first."""
        counts = {}
        for name, live in self.read(names).items():
            indices = [live.name, *(one for one in live.generations if one != live.name)]
            self._client.indices.refresh(index=indices)
            counts[name] = int(self._client.count(index=indices)["count"])
        return counts

    def apply(
        self, changes: Sequence[Change], say: Say = lambda text: None, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Makes `changes`: those in place side by side, then reindexes one after the other, telling `say` how far.

        Raises PartialFailure for those that could not be made.
        """
        wrong = self._unsupported(changes)
        changes = [change for change in changes if change.wanted.name not in wrong]
        for change in changes:
            if change.left:
                left = self._migration(change, change.left.source, change.left.name, say, patience_seconds)
                wrong |= _attempt(change, left.run if change.left.name == change.live else left.abandon)
        in_place = [change for change in changes if not change.is_nothing and not change.target]
        wrong |= self._each([change for change in in_place if change.wanted.name not in wrong], self._change)
        if any(change.create for change in changes):
            self._waiting.cluster.health(wait_for_no_initializing_shards=True, timeout="30s")
        for change in changes:
            if change.target:
                source, target = str(change.live), change.target
                shut = _attempt(change, partial(self._open, source)) if change.closed else {}
                wrong |= shut or _attempt(change, self._migration(change, source, target, say, patience_seconds).run)
        if wrong:
            raise PartialFailure(wrong)

    def _unsupported(self, changes: Iterable[Change]) -> dict[str, str]:
        """name -> what this server cannot do of its change."""
        judged = ((change.wanted.name, versions.refusals(change, self.server)) for change in changes)
        return {name: "; ".join(reasons.values()) for name, reasons in judged if reasons}

    def _migration(self, change: Change, source: str, target: str, say: Say, patience_seconds: float) -> ReindexRunner:
        return ReindexRunner(self._client, change, source, target, say, patience_seconds)

    def delete(self, names: Sequence[str]) -> None:
        """Delete what is behind aliases, all generations with their data; what is gone is fine.

        Raises PartialFailure.
        """
        wrong = {}
        for name, live in self.read(names).items():
            try:
                self._client.indices.delete(index=[live.name, *live.generations], ignore_unavailable=True)
            except ApiError as error:
                wrong[name] = errors.text(error)
        if wrong:
            raise PartialFailure(wrong)

    def _each(self, changes: Iterable[Change], act: Callable[[Change], None]) -> dict[str, str]:
        """Does `act` for all at once; returns name -> what went wrong."""
        wrong = {}
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            tasks = {change.wanted.name: pool.submit(act, change) for change in changes}
        for name, task in tasks.items():
            error = task.exception()
            if isinstance(error, ApiError | TransportError):
                wrong[name] = errors.text(error)
            elif error:
                wrong[name] = unexpected("its change", error)
        return wrong

    def _change(self, change: Change) -> None:
        wanted = change.wanted
        if change.create:
            self._client.indices.create(
                index=first_generation(wanted.name),
                mappings=dict(wanted.mappings),
                settings={key: value for key, value in wanted.settings.items() if value is not None},
                aliases={wanted.name: {}, **{name: dict(alias) for name, alias in wanted.aliases.items()}},
                wait_for_active_shards=0,
            )
            return
        name = str(change.live)
        for some in _in_turn(change.settings):
            self._client.indices.put_settings(index=name, settings=_given(some))
        if change.reopened:
            # Not put_settings(reopen=True): 9.4.3 then goes on without the analyzers that were declared.
            self._client.indices.close(index=name)
            try:
                self._client.indices.put_settings(index=name, settings=_given(change.reopened))
            finally:
                self._open(name)
        elif change.closed:
            self._open(name)
        if change.mappings:
            self._client.perform_request("PUT", f"/{name}/_mapping", headers=_JSON, body=dict(change.mappings))
        actions = [{"add": {"index": name, "alias": alias, **how}} for alias, how in change.add_aliases.items()]
        actions += [{"remove": {"index": name, "alias": alias}} for alias in change.remove_aliases]
        if actions:
            self._client.indices.update_aliases(actions=actions)

    def _open(self, name: str) -> None:
        self._client.indices.open(index=name)
        self._waiting.cluster.health(index=name, wait_for_status="yellow", timeout="30s")


def _room(path: Mapping[str, Any]) -> int:
    """Bytes that shards may still take on a node's disk; all that is free where watermarks are off."""
    return int(path["available_in_bytes"]) - int(path.get("low_watermark_free_space_in_bytes", 0))


def _attempt(change: Change, act: Callable[[], None]) -> dict[str, str]:
    """Does `act`; returns name -> what went wrong, if anything."""
    try:
        act()
    except (Busy, Conflict) as error:
        return {change.wanted.name: str(error)}
    except (ApiError, TransportError) as error:
        return {change.wanted.name: errors.text(error)}
    return {}


def _given(settings: Flat) -> dict[str, Any]:
    """As a server is given them; `index.` in full, without which it lifts no read-only block."""
    return {f"index.{key}": value for key, value in settings.items()}


def _in_turn(settings: Flat) -> Iterator[Flat]:
    """Each block that is lifted by itself and first, since a read-only index takes nothing else; a new one last."""
    lifted = [key for key, value in settings.items() if key.startswith("blocks.") and value != "true"]
    put = {key: value for key, value in settings.items() if key.startswith("blocks.") and value == "true"}
    rest = {key: value for key, value in settings.items() if not key.startswith("blocks.")}
    yield from ({key: settings[key]} for key in lifted)
    yield from (some for some in (rest, put) if some)


def _short_enough(parts: Sequence[str]) -> Iterator[str]:
    """`parts` joined by commas into texts that fit a request line (http.max_initial_line_length is 4 kB)."""
    some: list[str] = []
    for part in parts:
        if some and sum(len(one) + 1 for one in some) + len(part) > _PATH_BYTES:
            yield ",".join(some)
            some = []
        some.append(part)
    if some:
        yield ",".join(some)
