"""The topics of one site as one resource: a few admin calls for any number of them (docs/adr/0001)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult

from bus.access import NotDeployed, Unreachable, kafka_bootstrap
from bus.topics import plan
from components.providers import connection
from components.providers.declared import DeclaredSetProvider

# `elsewhere` is no input that a change of should show: it only keeps a topic that moves between two sets.
_COMPARED = (*connection.KEYS, "adminPort", "bootstrapServers", "brokers", "topics", "confirmDelete")


class TopicSetProvider(DeclaredSetProvider):
    """Creates, adopts, grows and configures topics; deletes one only behind a guard (bus.removals)."""

    noun, block, unit = "topic", "topics", "messages"
    compared = _COMPARED
    inputs = (*_COMPARED, "elsewhere")

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuses at preview what would lose messages or what the brokers would refuse, where they can be reached."""
        try:
            failures = self._judge(_olds, news)
        except NotDeployed:
            failures = self._failures(self._changes({}, _olds, news))
        except Unreachable as error:
            connection.warn(f"topics of {news['site']} are not judged against the live brokers: {error}")
            failures = self._failures(self._changes({}, _olds, news))
        return CheckResult(news, failures)

    def _judge(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[CheckFailure]:
        if not news["topics"]:
            return []
        with self._admin(news) as admin:
            changes = self._changes(admin.read(news["topics"].keys()), olds, news)
            refused = admin.refusals([change for change in changes if not change.refused])
        said = [(name, f"{name}: the broker says: {why}") for name, why in sorted(refused.items())]
        return [*self._failures(changes), *(CheckFailure(f'topics["{name}"]', text) for name, text in said)]

    def _changes(self, live: Mapping[str, Any], olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[plan.Change]:
        wanted = plan.from_props(news["topics"])
        return [plan.plan(live.get(name), topic, int(news["brokers"])) for name, topic in sorted(wanted.items())]

    def _seen(self, live: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
        return plan.to_props({name: topic for name, topic in live.items() if name in declared})

    def _check_cluster(self, found: str, pinned: str, site: str) -> None:
        if pinned and found != pinned:
            raise ValueError(
                f"Kafka of {site} has cluster id {found}, but this stack has managed {pinned}: "
                f"check context and namespace; if the volumes were renewed on purpose, run "
                f"pulumi state delete on this resource, and pulumi up again"
            )

    @contextmanager
    def _admin(self, props: Mapping[str, Any]) -> Iterator[Any]:
        from bus.topics.admin import Admin  # the client takes 0.2 to 0.5 s to import, and a program needs none

        where = connection.cluster(props, self._request)
        with kafka_bootstrap(where, int(props["adminPort"]), props["bootstrapServers"]) as bootstrap:
            yield Admin(bootstrap)


class TopicSet(pulumi.dynamic.Resource, module="bus", name="TopicSet"):
    """Topics of one site; `topics` maps name -> partitions, replicationFactor, configs."""

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
        admin_port: int,
        bootstrap_servers: str,
        brokers: int,
        topics: Mapping[str, Mapping[str, object]],
        elsewhere: Sequence[str],
        confirm_delete: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props: dict[str, Any] = {
            "site": site,
            "namespace": namespace,
            "context": context,
            "mode": mode,
            "adminPort": admin_port,
            "bootstrapServers": bootstrap_servers,
            "brokers": brokers,
            "topics": {key: dict(value) for key, value in topics.items()},
            "elsewhere": sorted(elsewhere),
            "confirmDelete": sorted(confirm_delete),
            # outputs
            "clusterId": None,
            "created": None,
            "kept": None,
        }
        super().__init__(TopicSetProvider(), name, props, opts)
