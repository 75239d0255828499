"""What the topics and the indices of a site have in common: a map by name, adopted, changed, deleted behind a guard."""

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

from bus.access import NotDeployed
from bus.removals import removal
from components.providers import connection


class DeclaredSetProvider(ResourceProvider):
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
        """Compares inputs; says again what is kept though its fragment is gone."""
        self._warn_of_kept(_olds["site"], _olds.get("kept") or {})
        return DiffResult(changes=any(_olds.get(key) != _news.get(key) for key in self.compared), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Makes what is missing and adopts what is there; can be repeated after a crash."""
        return CreateResult(f"{props['namespace']}/{self.block}", self._apply({}, props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Brings the set to what is wanted, then deletes or keeps what has lost its fragment."""
        return UpdateResult(self._apply(_olds, _news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """The live state as inputs, so that a refresh shows every manual change."""
        declared, kept = props[self.block], props.get("kept") or {}
        try:
            with self._admin(props) as admin:
                live = admin.read({*declared, *kept})
            props = {
                **props,
                self.block: self._seen(live, declared),
                "created": [name for name in props.get("created") or [] if name in live],
                "kept": {name: reason for name, reason in kept.items() if name in live},
            }
        except NotDeployed as error:
            connection.warn(f"{self.block} of {props['site']} are taken as they were: {error}")
        return ReadResult(id_, props, {key: props[key] for key in self.inputs if key in props})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Removes nothing: the data lives and dies with the volumes of its servers (docs/adr/0004)."""

    def _apply(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
        before = {*(olds.get(self.block) or {}), *(olds.get("kept") or {})}
        gone = sorted(before - news[self.block].keys() - set(news.get("elsewhere") or []))
        outs = {**news, "clusterId": olds.get("clusterId") or "", "created": [], "kept": {}}
        if not news[self.block] and not gone:
            return outs
        with self._admin(news) as admin:
            self._check_cluster(admin.cluster_id, outs["clusterId"], news["site"])
            changes = self._changes(admin.read(news[self.block].keys()), olds, news)
            refused = [reason for change in changes for reason in change.refused.values()]
            if refused:
                raise ValueError("\n".join(refused))
            self._make(admin, changes)
            held = admin.held(gone)
            created, confirmed = set(olds.get("created") or []), news["confirmDelete"]
            removals = [
                removal(name, created, confirmed, held.get(name), unit=self.unit, block=self.block) for name in gone
            ]
            admin.delete([one.name for one in removals if one.delete])
            outs["clusterId"] = admin.cluster_id
        made = {change.wanted.name for change in changes if change.create}
        kept = {one.name: one.reason for one in removals if not one.delete and one.reason}
        outs["created"] = sorted((created | made) & (news[self.block].keys() | kept.keys()))
        outs["kept"] = kept
        self._warn_of_kept(news["site"], kept)
        return outs

    def _failures(self, changes: Iterable[Any]) -> list[CheckFailure]:
        return [
            CheckFailure(f'{self.block}["{change.wanted.name}"].{key}', reason)
            for change in changes
            for key, reason in change.refused.items()
        ]

    def _warn_of_kept(self, site: str, kept: Mapping[str, str]) -> None:
        for name, reason in sorted(kept.items()):
            connection.warn(f"{self.noun} {name} of {site} is kept: its fragment is gone, but it {reason}")

    def _check_cluster(self, found: str, pinned: str, site: str) -> None:
        """Raises where the servers are not those that were managed before; any are fine by default."""

    def _admin(self, props: Mapping[str, Any]) -> AbstractContextManager[Any]:
        """The admin client of the site's servers: cluster_id, read, held, apply, delete."""
        raise NotImplementedError

    def _changes(self, live: Mapping[str, Any], olds: Mapping[str, Any], news: Mapping[str, Any]) -> Sequence[Any]:
        """The plan of each that is wanted: wanted.name, create, refused."""
        raise NotImplementedError

    def _make(self, admin: Any, changes: Sequence[Any]) -> None:
        """Makes the changes; a set whose changes take long says how far they are."""
        admin.apply(changes)

    def _seen(self, live: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
        """What is live of `declared`, as inputs."""
        raise NotImplementedError
