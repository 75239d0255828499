"""The indices of one site as one resource, as its topics are (docs/adr/0001)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult, DiffResult, ReadResult

from bus.cluster.access import NotDeployed, Unreachable
from bus.cluster.endpoints import elasticsearch_url
from bus.errors import PartialFailure
from bus.indices import converging
from bus.indices.declared.supporting import KINDS, Bodies
from bus.indices.diff import plan
from bus.indices.props import FORM, LISTS, current, from_props, to_props
from bus.indices.reindex import estimate
from bus.indices.server import versions
from bus.indices.supporting import diff
from components.providers import connection, provisions
from components.providers.connection import SiteEndpoint
from components.providers.declared import DeclaredSetProvider
from components.providers.guarding import guarded
from components.providers.provisions import CREATED, KEPT

_WAITS = "; changed by hand, it stays until pulumi up --refresh"
_INPUTS = (*connection.KEYS, "endpoint", "indices", "confirmDelete", *KINDS)


@guarded("indices")
class IndexSetProvider(DeclaredSetProvider):
    """Creates, adopts, changes and reindexes indices; deletes one only behind a guard (bus.plan.deletion_policy)."""

    noun, block, unit = "index", "indices", "documents"
    compared = _INPUTS
    inputs = (*_INPUTS, FORM)

    @property
    def _left(self) -> dict[str, bool]:
        """Site -> whether check has just seen what a dead run left; not made with the provider, which states hold."""
        left: dict[str, bool] = vars(self).setdefault("left", {})
        return left

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuses at preview what cannot be done, where the server can be reached, and says what a copy costs."""
        self._left[news["site"]] = False
        _olds = current(_olds)
        failures = connection.moved(_olds, news)
        if not failures and (news["indices"] or provisions.of(news)):
            try:
                with self._admin(news) as admin:
                    failures = [*provisions.judge(admin, news), *self._judge(admin, _olds, news)]
            except PartialFailure as error:
                failures = [connection.failure(f"{name}: {why}") for name, why in error.reasons.items()]
            except Unreachable as error:
                if _olds or not isinstance(error, NotDeployed):  # else a first preview: nothing to judge against
                    connection.warn(f"indices of {news['site']} are not judged against the live server: {error}")
        return CheckResult(news, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compare as every set does, and name what indices rely on that is gone."""
        _olds = current(_olds)
        provisions.warn_of_gone(_olds, _news)
        changes = super().diff(_id, _olds, _news).changes
        left = self._left.pop(_news["site"], None)  # check has just asked, in this process
        return DiffResult(changes=changes or (self._is_left(_news) if left is None else left), replaces=[])

    def _is_left(self, news: Mapping[str, Any]) -> bool:
        """Whether a run that died left a copy behind, and writes blocked maybe, though the fragment was put back."""
        if not news["indices"]:
            return False
        with suppress(Unreachable, PartialFailure), self._admin(news) as admin:
            return any(live.pending for live in admin.read(news["indices"].keys()).values())
        return False

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """The live state as inputs, with what indices rely on."""
        props = current(props)
        found = super().read(id_, props)
        if provisions.of(props) or props.get(provisions.KEPT):
            with suppress(NotDeployed), self._admin(props) as admin:
                outs = {**(found.outs or {}), **provisions.seen(admin, props)}
                return ReadResult(id_, outs, {key: outs[key] for key in self.inputs if key in outs})
        return found

    def _apply(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """What indices rely on, the indices, and then away with what none relies on any more."""
        olds = current(olds)
        if not provisions.are_there(olds, news):
            return super()._apply(olds, news)
        with self._admin(news) as admin:
            made, failed = provisions.make(admin, olds, news)
            outs, wrong = super()._apply(olds, news)
            outs |= provisions.remove(admin, made, olds, news)
            if failed:
                outs |= diff.seen(admin.provisions.read().bodies, provisions.of(news))
        return outs, {**failed, **wrong}

    def _judge(self, admin: Any, olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[CheckFailure]:
        judged = []
        admin.sweep()
        changes = self._changes(admin, admin.read(news["indices"].keys()), olds, news)
        same = olds and not any(olds.get(key) != news.get(key) for key in self.compared)
        self._left[news["site"]] = any(change.left for change in changes)
        waits = _WAITS if same and not self._left[news["site"]] else ""
        for change in changes:
            change = replace(change, refused={**change.refused, **versions.refusals(change, admin.server)})
            if change.target and not change.refused:
                facts = admin.facts(change)
                connection.say(f"{news['site']}: {estimate.text(change, facts)}{waits}")
                change = replace(change, refused=estimate.refusals(change, facts))
            elif (change.differences or change.closed or change.left) and not change.refused:
                connection.say(f"{news['site']}: {estimate.line(change)}{waits}")
            judged.append(change)
        return self._failures(judged)

    def _changes(
        self, admin: Any, live: Mapping[str, Any], olds: Mapping[str, Any], news: Mapping[str, Any]
    ) -> list[plan.Change]:
        before = {name: from_props(name, index) for name, index in (olds.get("indices") or {}).items()}
        wanted = [from_props(name, index) for name, index in sorted(news["indices"].items())]
        return converging.plans(admin, live, wanted, before)

    def _act(self, admin: Any, changes: Sequence[Any], site: str) -> None:
        converging.apply(admin, changes, lambda text: connection.say(f"{site}: {text}"))

    def _read(self, admin: Any, props: Mapping[str, Any], names: Iterable[str]) -> Mapping[str, Any]:
        """Without what an index has from a template, a brick's or another's, which nobody set by hand."""
        declared, templates = props["indices"], admin.provisions.templates()
        return {
            name: diff.without_brought(live, declared.get(name) or {}, templates)
            for name, live in super()._read(admin, props, names).items()
        }

    def _seen(self, admin: Any, live: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
        wanted = {name: from_props(name, index) for name, index in declared.items() if name in live}
        held = converging.seen(admin, live, wanted)
        return {name: to_props(index, declared[name]) for name, index in held.items()}

    @contextmanager
    def _admin(self, props: Mapping[str, Any]) -> Iterator[Any]:
        # The client takes 0.6 s to import, and a program needs none.
        from elasticsearch import ApiError, TransportError

        from bus.indices.admin import Admin
        from bus.indices.server import errors

        with elasticsearch_url(connection.cluster(props, self._request), props["endpoint"]) as url:
            admin = Admin(url)
            try:
                yield admin
            except (ApiError, TransportError) as error:
                raise PartialFailure({f"Elasticsearch of {props['site']}": errors.text(error)}) from error
            finally:
                admin.close()


class IndexSet(pulumi.dynamic.Resource, module="bus", name="IndexSet"):
    """Indices of one site; `indices` maps alias -> mappings, settings, aliases, reindex, reopen.

    `provisions` are what they rely on: kind (bus.indices.declared.supporting) -> name -> what a server is given.
    """

    created: pulumi.Output[list[str]]
    kept: pulumi.Output[dict[str, str]]

    def __init__(
        self,
        name: str,
        *,
        place: SiteEndpoint,
        endpoint: str,
        indices: Mapping[str, Mapping[str, object]],
        confirm_delete: Sequence[str],
        provisions: Bodies | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props: dict[str, Any] = {
            **place.props,
            "endpoint": endpoint,
            "indices": {key: dict(value) for key, value in indices.items()},
            "confirmDelete": sorted(confirm_delete),
            FORM: LISTS,
            **{kind: dict(bodies) for kind, bodies in (provisions or {}).items()},
            # outputs
            "clusterId": None,
            "created": None,
            "kept": None,
            **(dict.fromkeys((CREATED, KEPT)) if provisions else {}),
        }
        super().__init__(IndexSetProvider(), name, props, opts)
