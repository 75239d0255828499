"""What the topics and the indices of a site have in common: a map by name, adopted, changed, deleted behind a guard."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from pulumi.dynamic import (
    CheckFailure,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from bus.cluster.access import NotDeployed, Unreachable
from bus.errors import PartialFailure
from bus.plan.deletion_policy import Removal, removal
from components.providers import connection, partial


class DeclaredSetProvider(ResourceProvider, ABC):
    """The life of a set; a subclass says what its servers are and what a change is.

    Outputs besides the inputs: clusterId; created, names that this stack made; kept, name -> why it is not deleted.
    """

    serialize_as_secret_always = False
    noun: ClassVar[str]
    block: ClassVar[str]
    """the property that holds the map, and its key below bus:confirmDelete"""
    unit: ClassVar[str]
    """what one of them holds: messages, documents"""
    compared: ClassVar[tuple[str, ...]]
    """inputs whose change is an update"""
    inputs: ClassVar[tuple[str, ...]]

    def configure(self, req: ConfigureRequest) -> None:
        """Keeps the stack's config, for kubeconfigs."""
        self._request = req

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compares inputs; says what is deleted, and what is kept though its fragment is gone.

        What was kept until now and may go by now (it is empty, or a missing right is there) is a change.
        """
        goes = self._warn_of_gone(_olds, _news)
        changes = goes or any(_olds.get(key) != _news.get(key) for key in self.compared)
        return DiffResult(changes=changes, replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Makes what is missing and adopts what is there; can be repeated after a crash."""
        id_ = f"{props['namespace']}/{self.block}"
        return CreateResult(id_, self._recorded(id_, {}, props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Brings the set to what is wanted, then deletes or keeps what has lost its fragment."""
        return UpdateResult(self._recorded(_id, _olds, _news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """The live state as inputs, so that a refresh shows every manual change."""
        declared, kept = props[self.block], props.get("kept") or {}
        try:
            with self._admin(props) as admin:
                live = self._read(admin, props, {*declared, *kept})
            props = {
                **props,
                self.block: self._seen(admin, live, declared),
                "created": [name for name in props.get("created") or [] if name in live],
                "kept": {name: reason for name, reason in kept.items() if name in live},
            }
        except NotDeployed as error:
            connection.warn(f"{self.block} of {props['site']} are taken as they were: {error}")
        return ReadResult(id_, props, {key: props[key] for key in self.inputs if key in props})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Removes nothing: the data lives and dies with the volumes of its servers (docs/adr/0004)."""

    def _recorded(self, id_: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs of an update; where some of it failed, the state gets them and the run fails."""
        outs, failed = self._apply(olds, news)
        if failed:
            raise partial.fail(id_, {**outs, partial.PROVIDER_KEY: news.get(partial.PROVIDER_KEY)}, failed)
        return outs

    def _apply(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Outputs, and what could not be done; the block of the outputs says what is live of those."""
        gone = self._gone(olds, news)
        outs = {**news, "clusterId": olds.get("clusterId") or news.get("clusterId") or "", "created": [], "kept": {}}
        if not news[self.block] and not gone:
            return outs, {}
        with self._admin(news) as admin:
            self._check_cluster(admin.cluster_id, news.get("clusterId") or outs["clusterId"], news["site"])
            changes = self._changes(admin, admin.read(news[self.block].keys()), olds, news)
            made, failed = self._make(admin, changes, news)
            kept, undeleted = self._remove(admin, gone, olds, news)
            wrong = news[self.block].keys() & failed.keys()
            if wrong:
                rest = {name: value for name, value in news[self.block].items() if name not in wrong}
                outs[self.block] = rest | self._found(admin, sorted(wrong), olds, news)
            created = self._created(admin.cluster_id, olds)
            outs["clusterId"] = admin.cluster_id
        outs["created"] = sorted((created | made) & (news[self.block].keys() | kept.keys()))
        outs["kept"] = kept
        return outs, {**failed, **undeleted}

    def _remove(
        self, admin: Any, gone: Sequence[str], olds: Mapping[str, Any], news: Mapping[str, Any]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Deletes what may go; what is kept and why, and of that what could not be judged or deleted.

        By now the rest is done, and is to be recorded whatever the servers answer here.
        """
        try:
            removals = self._removals(admin, gone, olds, news)
        except (Unreachable, PartialFailure) as error:
            unjudged = dict.fromkeys(gone, f"could not be judged: {error}; run the same command again")
            return {**unjudged, **(olds.get("kept") or {})}, unjudged
        going = [one.name for one in removals if one.delete]
        undeleted: dict[str, str] = {}
        try:
            admin.delete(going)
        except PartialFailure as error:
            undeleted = {name: f"could not be deleted: {reason}" for name, reason in error.reasons.items()}
        except Unreachable as error:
            undeleted = dict.fromkeys(going, f"could not be deleted: {error}; run the same command again")
        return {one.name: one.reason for one in removals if not one.delete and one.reason} | undeleted, undeleted

    def _found(
        self, admin: Any, names: Sequence[str], olds: Mapping[str, Any], news: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What is live of those that failed; what was known of them where that cannot be read."""
        try:
            return self._seen(admin, admin.read(names), {name: news[self.block][name] for name in names})
        except (Unreachable, PartialFailure):
            return {name: value for name, value in (olds.get(self.block) or {}).items() if name in names}

    def _created(self, cluster_id: str, olds: Mapping[str, Any]) -> set[str]:
        """What this stack made on these servers; on others, a name proves nothing."""
        before = olds.get("clusterId") or cluster_id
        return set(olds.get("created") or []) if before == cluster_id else set()

    def _gone(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
        """What had a fragment once and has none any more."""
        before = {*(olds.get(self.block) or {}), *(olds.get("kept") or {})}
        return sorted(before - news[self.block].keys() - set(news.get("elsewhere") or []))

    def _make(self, admin: Any, changes: Sequence[Any], news: Mapping[str, Any]) -> tuple[set[str], dict[str, str]]:
        """Makes the changes that can be made: names that are new by this, and what failed."""
        refused = {change.wanted.name: "; ".join(change.refused.values()) for change in changes if change.refused}
        able = [change for change in changes if not change.refused]
        failed: dict[str, str] = {}
        try:
            self._act(admin, able, news["site"])
        except PartialFailure as error:
            failed = error.reasons
        return {c.wanted.name for c in able if c.create and c.wanted.name not in failed}, {**refused, **failed}

    def _read(self, admin: Any, props: Mapping[str, Any], names: Iterable[str]) -> Mapping[str, Any]:
        """What is live of `names`, for a refresh."""
        live: Mapping[str, Any] = admin.read(set(names))
        return live

    def _removals(
        self, admin: Any, gone: Sequence[str], olds: Mapping[str, Any], news: Mapping[str, Any]
    ) -> list[Removal]:
        """What becomes of those that have lost their fragment."""
        created, confirmed, held = self._created(admin.cluster_id, olds), news["confirmDelete"], admin.held(gone)
        return [
            removal(name, created, confirmed, held.get(name), unit=self.unit, block=self.block, site=news["site"])
            for name in gone
        ]

    def _failures(self, changes: Iterable[Any]) -> list[CheckFailure]:
        return [connection.failure(reason) for change in changes for reason in change.refused.values()]

    def _warn_of_gone(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
        """Says on each preview what is deleted or kept, judged on what is live where that can be reached.

        Returns whether anything is deleted.
        """
        gone = self._gone(olds, news)
        if not gone:
            return False
        try:
            with self._admin(news) as admin:
                self._check_cluster(admin.cluster_id, news.get("clusterId") or "", news["site"])
                removals = self._removals(admin, gone, olds, news)
        except (Unreachable, PartialFailure) as error:
            kept = olds.get("kept") or {}
            removals = [Removal(name, False, reason) for name, reason in kept.items() if name in gone]
            if new := [name for name in gone if name not in kept]:
                said = f"whether {', '.join(new)} of {news['site']} may be deleted cannot be told now"
                connection.warn(f"{said}, though no fragment has it any more: {error}")
        for one in removals:
            if one.delete:
                connection.warn(f"{self.noun} {one.name} of {news['site']} is deleted: {one.reason}")
            elif one.reason:
                connection.warn(
                    f"{self.noun} {one.name} of {news['site']} is kept: its fragment is gone, but it {one.reason}"
                )
        return any(one.delete for one in removals)

    def _check_cluster(self, found: str, pinned: str, site: str) -> None:
        """Raises where the servers are not those that were managed before; any are fine by default."""

    @abstractmethod
    def _admin(self, props: Mapping[str, Any]) -> AbstractContextManager[Any]:
        """The admin client of the site's servers: cluster_id, read, held, apply, delete."""

    @abstractmethod
    def _changes(
        self, admin: Any, live: Mapping[str, Any], olds: Mapping[str, Any], news: Mapping[str, Any]
    ) -> Sequence[Any]:
        """Return the plan of each that is wanted: wanted.name, create, refused."""

    def _act(self, admin: Any, changes: Sequence[Any], site: str) -> None:
        """Makes changes of a site that nothing refuses; raises PartialFailure for those that could not be made."""
        admin.apply(changes)

    @abstractmethod
    def _seen(self, admin: Any, live: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is live of `declared`, as inputs."""
