"""The indices of one site as one resource, as its topics are (docs/adr/0001)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult

from bus.access import NotDeployed, Unreachable, elasticsearch_url
from bus.indices import estimate, plan
from bus.indices.drift import seen
from bus.indices.props import from_props, to_props
from components.providers import connection
from components.providers.declared import DeclaredSetProvider

_INPUTS = (*connection.KEYS, "endpoint", "indices", "confirmDelete")


class IndexSetProvider(DeclaredSetProvider):
    """Creates, adopts, changes and reindexes indices; deletes one only behind a guard (bus.removals)."""

    noun, block, unit = "index", "indices", "documents"
    compared = inputs = _INPUTS

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuses at preview what cannot be done, where the server can be reached, and says what a copy costs."""
        failures: list[CheckFailure] = []
        if news["indices"]:
            try:
                with self._admin(news) as admin:
                    failures = self._judge(admin, _olds, news)
            except NotDeployed:
                pass  # a first preview: there is nothing to judge against
            except Unreachable as error:
                connection.warn(f"indices of {news['site']} are not judged against the live server: {error}")
        return CheckResult(news, failures)

    def _judge(self, admin: Any, olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[CheckFailure]:
        judged = []
        for change in self._changes(admin.read(news["indices"].keys()), olds, news):
            if change.target and not change.refused:
                facts = admin.facts(change)
                connection.say(f"{news['site']}: {estimate.text(change, facts)}")
                change = replace(change, refused=estimate.refusals(change, facts))
            elif change.differences and not change.refused:
                connection.say(f"{news['site']}: {estimate.line(change)}")
            judged.append(change)
        return self._failures(judged)

    def _changes(self, live: Mapping[str, Any], olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[plan.Change]:
        before = olds.get("indices") or {}
        return [
            plan.plan(
                live.get(name), from_props(name, index), from_props(name, before[name]) if name in before else None
            )
            for name, index in sorted(news["indices"].items())
        ]

    def _act(self, admin: Any, changes: Sequence[Any], site: str) -> None:
        admin.apply(changes, lambda text: connection.say(f"{site}: {text}"))

    def _seen(self, live: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: to_props(seen(live[name], from_props(name, index)), index)
            for name, index in declared.items()
            if name in live
        }

    @contextmanager
    def _admin(self, props: Mapping[str, Any]) -> Iterator[Any]:
        from bus.indices.admin import Admin  # the client takes 0.6 s to import, and a program needs none

        with elasticsearch_url(connection.cluster(props, self._request), props["endpoint"]) as url:
            admin = Admin(url)
            try:
                yield admin
            finally:
                admin.close()


class IndexSet(pulumi.dynamic.Resource, module="bus", name="IndexSet"):
    """Indices of one site; `indices` maps alias -> mappings, settings, aliases, reindex, reopen."""

    created: pulumi.Output[list[str]]
    kept: pulumi.Output[dict[str, str]]

    def __init__(
        self,
        name: str,
        *,
        site: str,
        namespace: str,
        context: str,
        mode: str,
        endpoint: str,
        indices: Mapping[str, Mapping[str, object]],
        confirm_delete: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props: dict[str, Any] = {
            "site": site,
            "namespace": namespace,
            "context": context,
            "mode": mode,
            "endpoint": endpoint,
            "indices": {key: dict(value) for key, value in indices.items()},
            "confirmDelete": sorted(confirm_delete),
            # outputs
            "clusterId": None,
            "created": None,
            "kept": None,
        }
        super().__init__(IndexSetProvider(), name, props, opts)
