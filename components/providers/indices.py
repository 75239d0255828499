"""The indices of one site as one resource, as its topics are (docs/adr/0001)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult

from bus.access import NotDeployed, Unreachable, elasticsearch_url
from bus.indices import plan
from bus.indices.drift import seen
from components.providers import connection
from components.providers.declared import DeclaredSetProvider

_INPUTS = (*connection.KEYS, "endpoint", "indices", "confirmDelete")


class IndexSetProvider(DeclaredSetProvider):
    """Creates, adopts and changes indices in place; deletes one only behind a guard (bus.removals)."""

    noun, block, unit = "index", "indices", "documents"
    compared = inputs = _INPUTS

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuses at preview what a live index cannot take, where the server can be reached."""
        changes: list[plan.Change] = []
        if news["indices"]:
            try:
                with self._admin(news) as admin:
                    changes = self._changes(admin.read(news["indices"].keys()), _olds, news)
            except NotDeployed:
                pass  # a first preview: there is nothing to judge against
            except Unreachable as error:
                connection.warn(f"indices of {news['site']} are not judged against the live server: {error}")
        return CheckResult(news, self._failures(changes))

    def _changes(self, live: Mapping[str, Any], olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[plan.Change]:
        before = olds.get("indices") or {}
        return [
            plan.plan(live.get(name), _wanted(name, index), _wanted(name, before[name]) if name in before else None)
            for name, index in sorted(news["indices"].items())
        ]

    def _seen(self, live: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
        found = {name: seen(live[name], _wanted(name, declared[name])) for name in declared if name in live}
        return {
            name: {"mappings": index.mappings, "settings": index.settings, "aliases": index.aliases}
            for name, index in found.items()
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


def _wanted(name: str, props: Mapping[str, Any]) -> plan.Wanted:
    return plan.Wanted(name, props["mappings"], props["settings"], props["aliases"])


class IndexSet(pulumi.dynamic.Resource, module="bus", name="IndexSet"):
    """Indices of one site; `indices` maps alias -> mappings, settings, aliases."""

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
