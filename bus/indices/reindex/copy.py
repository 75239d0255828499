"""Documents from one generation into the next: the server's own _reindex, what was written meanwhile, and the proof.

Sequence numbers say what was written since a checkpoint (https://www.elastic.co/docs/reference/elasticsearch/rest-apis/
optimistic-concurrency-control); a document keeps its version, so that a late copy never covers a newer one.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from math import inf
from typing import Any, TypeVar

from elasticsearch import Elasticsearch, NotFoundError

from bus.indices.diff.plan import Reindexing
from bus.indices.reindex.checkpoint import ReindexCheckpoint
from bus.indices.reindex.deletions import Deletions
from bus.indices.reindex.documents import IndexPair
from bus.indices.reindex.steps import Task
from bus.indices.server.errors import Silent, said

_SAMPLE = 200
_BATCHES = 4
"""of a sample, where documents are big"""
_SHOWN = 3
_PAGE = 2000
T = TypeVar("T")


class Conflict(Exception):
    """Documents that the next generation does not take, or that did not arrive; the message names some."""


@dataclass(frozen=True)
class Progress:
    """A copying task as the server tells it."""

    state: Task
    total: int = 0
    copied: int = 0
    failures: tuple[str, ...] = ()


class Copying:
    """Two generations of one index and the calls between them."""

    def __init__(self, client: Elasticsearch, source: str, target: str, how: Reindexing) -> None:
        self._client, self._source, self._target, self._how = client, source, target, how
        self._pair = IndexPair(client, source, target)
        self._deletions = Deletions(self._pair)

    def checkpoints(self) -> dict[str, int]:
        """shard -> sequence number up to which the source has everything; and all of it can be searched."""
        return self._checkpoints(self._source)

    def filled(self) -> dict[str, int]:
        """The same of the target."""
        return self._checkpoints(self._target)

    def _checkpoints(self, index: str) -> dict[str, int]:
        stats = self._client.indices.stats(index=index, level="shards", metric="docs")
        found: dict[str, int] = {}
        for number, copies in stats["indices"].get(index, {}).get("shards", {}).items():
            reached = [int(one["seq_no"]["local_checkpoint"]) for one in copies
                       if one["routing"]["primary"] and "seq_no" in one]  # fmt: skip
            if reached:
                found[number] = min(reached)
        # A shard that is left out, of a node that restarts, would not be caught up afterwards.
        missing = self._pair.shards(index) - len(found)
        missing += int(self._client.indices.refresh(index=index)["_shards"]["failed"])
        if missing:
            raise Silent(f"{missing} shards of {index} do not answer")
        return found

    def start(self) -> str:
        """Starts copying everything; returns the server's task."""
        answer = self._client.reindex(
            source=self._from(),
            dest=self._dest("external_gte"),
            script=self._script(),
            slices=self._how.slices or "auto",
            requests_per_second=self._how.documents_per_second,
            wait_for_completion=False,
        )
        return str(answer["task"])

    def progress(self, task: str) -> Progress:
        """How far a task is; `lost` where no server knows it any more."""
        try:
            answer = self._raw("GET", f"/_tasks/{task}")
        except NotFoundError:
            return Progress("lost")
        if "task" not in answer:  # 7.17 on a loaded machine, twice in some thirty kills; begun again, it is told
            return Progress("lost")
        status, response = answer["task"]["status"], answer.get("response") or {}
        failures = tuple(_failure(failure) for failure in response.get("failures") or [])
        if answer.get("error"):
            failures += (said(answer["error"]),)
        elif response.get("canceled"):
            failures += (f"cancelled: {response['canceled']}",)
        done: Task = "failed" if failures else "done" if answer["completed"] else "running"
        parts = [part for part in status.get("slices") or [] if part] or [status]
        total = sum(int(part["total"]) for part in parts)
        return Progress(done, total, sum(int(part["created"]) + int(part["updated"]) for part in parts), failures)

    def cancel_others(self, task: str, beat: Callable[[], None]) -> None:
        """Ends every copy into the target but `task`, and waits until they have ended: a killed run's may go on."""
        while others := [one for one in self._tasks() if one != task]:
            for one in others:
                self._raw("POST", f"/_tasks/{one}/_cancel")
            beat()
            time.sleep(0.2)

    def catch_up(self, since: Mapping[str, int], beat: Callable[[], None]) -> int:
        """Copies what was written after the checkpoints `since`; returns how many documents that were."""
        copied = 0
        for shard, checkpoint in since.items():
            written = {"range": {"_seq_no": {"gt": checkpoint}}}
            for hits in self._batches(self._pair.scan(self._source, written, _PAGE, shard)):
                self._deletions.copied(hits)
                self._copy(hits)
                copied += len(hits)
                beat()
        return copied

    def late(self, since: Mapping[str, int]) -> int:
        """Copies what the source took after the checkpoints `since`, unless the target has it newer."""
        if self._source not in self._client.indices.get(index=self._source, ignore_unavailable=True):
            return 0  # it bore the alias's name, and went in the swing
        reached, copied = self.checkpoints(), 0
        for shard, checkpoint in since.items():
            if reached[shard] > checkpoint:
                written = {"range": {"_seq_no": {"gt": checkpoint}}}
                for hits in self._batches(self._pair.scan(self._source, written, _PAGE, shard)):
                    self._copied([hit["_id"] for hit in hits], "external", "proceed")
                    copied += len(hits)
        return copied

    def untouched(self, noted: ReindexCheckpoint) -> int:
        """Documents of the source that nobody touched since the copy began, before catching up."""
        return self._deletions.untouched(noted)

    def sweep(self, noted: ReindexCheckpoint, untouched: int, beat: Callable[[], None]) -> tuple[int, bool]:
        """Deletes from the target what the source no longer has; how many, and whether `sweep_listed` would find more.

        `noted` says what a pass reached, `untouched` is what the method of this name said before it.
        """
        self._pair.refresh()
        if not self.is_transformed:
            return self._deletions.sweep_known(noted, untouched, beat)
        return self._deletions.sweep_all(noted, beat) if self._how.mode == "catch-up" else 0, False

    def sweep_listed(
        self, noted: ReindexCheckpoint, untouched: int, beat: Callable[[], None], seconds: float = inf
    ) -> tuple[int, bool]:
        """The same for what `sweep` could not find; takes the longer the more documents there are."""
        return self._deletions.sweep_listed(noted, untouched, beat, seconds)

    def list_all(self, noted: ReindexCheckpoint, beat: Callable[[], None]) -> None:
        """Looks through everything, so that the next `sweep` finds all that is deleted from now on."""
        self._deletions.list_all(noted, beat)

    def counts(self) -> tuple[int, int]:
        """Documents of source and target, all of them searchable."""
        self._pair.refresh()
        one, other = (self._client.count(index=index)["count"] for index in (self._source, self._target))
        return int(one), int(other)

    def verify(self) -> int:
        """Compares counts, and the content of a random sample; returns the count. Raises Conflict.

        What a pipeline or script makes of a document cannot be compared; there only an empty result is refused.
        """
        source, target = self.counts()
        if self.is_transformed:
            if source and not target:
                raise Conflict(f"{source} documents in {self._source}, none in {self._target}")
            return target
        if source != target:
            raise Conflict(f"{source} documents in {self._source}, {target} in {self._target}")
        some: dict[str, Any] = {"function_score": {"random_score": {}}}
        size = min(_SAMPLE, self._pair.window, _BATCHES * self._pair.batch)
        hits = self._client.search(index=self._source, query=some, size=size, source=False)["hits"]["hits"]
        differ: list[str] = []
        for batch in self._batches(hits):
            ids = [hit["_id"] for hit in batch]
            wanted, found = self._contents(self._source, ids), self._contents(self._target, ids)
            differ += [id_ for id_, content in wanted.items() if found.get(id_) != content]
        if differ:
            raise Conflict(f"{len(differ)} of {len(hits)} sampled documents differ: {', '.join(differ[:_SHOWN])}")
        return target

    def _contents(self, index: str, ids: list[str]) -> dict[str, Any]:
        """id -> routing and content."""
        hits = self._client.search(index=index, query={"ids": {"values": ids}}, size=len(ids))["hits"]["hits"]
        return {hit["_id"]: (hit.get("_routing"), hit.get("_source")) for hit in hits}

    @property
    def is_transformed(self) -> bool:
        """Whether documents are another thing after the copy."""
        return bool(self._how.pipeline or self._how.script)

    def _copy(self, hits: list[dict[str, Any]]) -> None:
        """Some documents; one that was deleted and made again has a lower version than its copy, and gets a new one."""
        if self._copied([hit["_id"] for hit in hits], "external_gte", "proceed"):
            ahead = self._ahead(hits)
            for ids in self._batches(ahead):
                self._copied(ids, "internal", "abort")

    def _copied(self, ids: list[str], version_type: str, conflicts: str) -> int:
        """Copies documents by id; returns how many the target has with a higher version."""
        answer = self._client.options(request_timeout=600).reindex(
            source={**self._from(), "query": {"ids": {"values": ids}}},
            dest=self._dest(version_type),
            script=self._script(),
            conflicts=conflicts,
        )
        if answer["failures"]:
            raise Conflict("; ".join(_failure(failure) for failure in answer["failures"][:_SHOWN]))
        return int(answer["version_conflicts"])

    def _ahead(self, hits: list[dict[str, Any]]) -> list[str]:
        """Ids of those that the target has with a higher version, or had until they were deleted."""
        wanted = [{"_id": hit["_id"], **({"routing": hit["_routing"]} if "_routing" in hit else {})} for hit in hits]
        docs = self._client.mget(index=self._target, docs=wanted, source=False)["docs"]
        there = {doc["_id"]: int(doc["_version"]) for doc in docs if doc.get("found")}
        here: dict[str, int] = {}
        for ids in self._batches([hit["_id"] for hit in hits]):
            found = self._client.search(
                index=self._source, query={"ids": {"values": ids}}, size=len(ids), source=False, version=True
            )["hits"]["hits"]
            here |= {hit["_id"]: int(hit["_version"]) for hit in found}
        return [id_ for id_, version in here.items() if there.get(id_, version + 1) > version]

    def _batches(self, hits: Iterable[T]) -> Iterator[list[T]]:
        rest = iter(hits)
        while some := list(islice(rest, self._pair.batch)):
            yield some

    def _from(self) -> dict[str, Any]:
        return {"index": self._source, "size": self._pair.batch}

    def _dest(self, version_type: str) -> dict[str, Any]:
        return {"index": self._target, "version_type": version_type, "pipeline": self._how.pipeline or "_none"}

    def _script(self) -> dict[str, str] | None:
        return {"source": self._how.script, "lang": "painless"} if self._how.script else None

    def _tasks(self) -> list[str]:
        answer = self._raw("GET", "/_tasks?actions=indices:data/write/reindex&detailed&group_by=none")
        ours = f"to [{self._target}]"
        return [
            f"{one['node']}:{one['id']}"
            for one in answer["tasks"]
            if one["description"].endswith(ours) and "parent_task_id" not in one
        ]

    def _raw(self, method: str, path: str) -> Any:
        """A call of the tasks API, of which the client warns that it is a preview; it has been there since 2.3."""
        return self._client.perform_request(method, path, headers={"accept": "application/json"}).body


def _failure(failure: Mapping[str, Any]) -> str:
    cause = failure.get("cause") or failure.get("reason") or {}
    inner = cause.get("caused_by") or {}
    reasons = [str(part["reason"]) for part in (cause, inner) if part.get("reason")]
    return f"document {failure.get('id')}: {': '.join(reasons)}"
