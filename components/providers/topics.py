"""The topics of one site as one resource: a few admin calls for any number of them (docs/adr/0001)."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult

from bus.cluster.access import NotDeployed, Unreachable
from bus.cluster.endpoints import kafka_servers
from bus.errors import PartialFailure
from bus.plan.deletion_policy import Mirrored, Removal, removal
from bus.topics import holdings, plan
from bus.topics.mirror_patterns import matches
from components.providers import connection
from components.providers.connection import SiteEndpoint
from components.providers.declared import DeclaredSetProvider
from components.providers.guarding import guarded

# What an update is not made for: `elsewhere` keeps a topic that moves between two sets, `clusterId` is filled by check,
# the others say how, and not what.
_COMPARED = (*connection.KEYS, "adminPort", "bootstrapServers", "brokers", "topics", "confirmDelete")
_DEFAULT_RATE = 50_000_000


@guarded("topics")
class TopicSetProvider(DeclaredSetProvider):
    """Creates, adopts, grows, configures and re-places topics; deletes one only behind a guard (see
    bus.plan.deletion_policy).
    """

    noun, block, unit = "topic", "topics", "messages"
    compared = _COMPARED
    inputs = (*_COMPARED, "elsewhere", "clusterId", "mirrored", "reassignmentBytesPerSecond")

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuses at preview what would lose messages or what the brokers would refuse, where they can be reached.

        The cluster's id becomes an input on the first `up`: the pin that every later run is held to.
        """
        news = {**news, "clusterId": news.get("clusterId") or _olds.get("clusterId")}
        try:
            return CheckResult(news, self._judge(_olds, news))
        except PartialFailure as error:
            return CheckResult(news, [connection.failure(f"{n}: {why}") for n, why in error.reasons.items()])
        except Unreachable as error:
            if _olds or not isinstance(error, NotDeployed):  # else a first preview: there is nothing to judge against
                connection.warn(f"topics of {news['site']} are not judged against the live brokers: {error}")
        return CheckResult(news, self._failures(self._changes(None, {}, _olds, news)))

    def _judge(self, olds: Mapping[str, Any], news: dict[str, Any]) -> list[CheckFailure]:
        """What is refused, once warnings are said; fills in the cluster's id."""
        if not news["topics"] and not self._gone(olds, news):
            return []
        with self._admin(news) as admin:
            try:
                self._check_cluster(admin.cluster_id, news["clusterId"] or "", news["site"])
            except PartialFailure as error:
                return [connection.failure(why) for why in error.reasons.values()]
            news["clusterId"] = admin.cluster_id
            live = self._live(admin, olds, news)
            away = self._away(admin, live, news["site"])
            changes = self._changes(admin, live, olds, news)
            able = [change for change in changes if not change.refused]
            refused = {name: f"the broker says: {why}" for name, why in admin.refusals(able).items()}
            moved = {c.wanted.name: c.wanted.replication_factor for c in able if c.replicate}
            alive = len(admin.racks()) if moved else 0
            refused |= {name: plan.too_few(factor, alive) for name, factor in moved.items() if factor > alive}
            refused |= admin.immovable(moved)
            refused |= {name: f"its replicas cannot be moved: {away[name]}" for name in moved if name in away}
            able = [change for change in able if change.wanted.name not in refused]
            try:
                self._warn_of_changes(admin, live, away, able)
            except (Unreachable, PartialFailure) as error:
                connection.warn(f"how much goes or is copied by the changes on {news['site']} is not known: {error}")
        said = [f"{name}: {why}" for name, why in sorted(refused.items())]
        return [*self._failures(changes), *map(connection.failure, said)]

    def _live(self, admin: Any, olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, plan.Topic]:
        """What is live of the wanted topics, once what no difference of properties can show is said."""
        before, wanted = olds.get("topics") or {}, plan.from_props(news["topics"])
        last = {name: topic for name, topic in self._declared({"topics": before}).items() if name in wanted}
        live: dict[str, plan.Topic] = admin.steady(wanted.keys(), last)
        comparable = {name: topic for name, topic in wanted.items() if name in last or name not in before}
        for text in plan.surprises(last, live, comparable, news["site"]):
            connection.say(text)
        return live

    def _away(self, admin: Any, live: Mapping[str, plan.Topic], site: str) -> dict[str, str]:
        """The live topics that clients cannot use whole now, and why; said on each run, whatever changes."""
        suspects = [name for name, topic in live.items() if not topic.is_led]
        away: dict[str, str] = admin.leaderless(suspects) if suspects else {}
        for name, why in sorted(away.items()):
            connection.warn(f"{name} of {site} cannot be written to or read whole: {why}")
        return away

    def _warn_of_changes(
        self, admin: Any, live: Mapping[str, plan.Topic], away: Mapping[str, str], changes: Iterable[plan.Change]
    ) -> None:
        """What should be known before: growth of keyed topics, records that go, bytes that move."""
        changing = [change for change in changes if change.wanted.name in live and not change.is_nothing]
        if any(value is None for change in changing for value in change.configs.values()):
            fallen = admin.defaults()
            live = {name: replace(topic, inherited={**fallen, **topic.inherited}) for name, topic in live.items()}
        cuts = {c.wanted.name: cut for c in changing if (cut := holdings.cut(live[c.wanted.name], c.wanted))}
        moves = {c.wanted.name: c.wanted.replication_factor for c in changing if c.replicate}
        for text in (text for change in changing for text in change.warned):
            connection.warn(text)
        if not cuts and not moves:
            return
        now = time.time() * 1000
        for name in sorted(cuts.keys() & away.keys()):
            connection.warn(f"{name}: {cuts.pop(name)}: how many of its records go is not known, {away[name]}")
        ages = {name: cut.milliseconds for name, cut in cuts.items()}
        logs = admin.logs(cuts, {name: int(now - age) for name, age in ages.items() if age is not None})
        sizes = admin.sizes()
        for name, cut in cuts.items():
            if lost := holdings.lost(name, cut, logs, sizes):
                connection.warn(f"{name}: {cut}: up to {holdings.size(lost)} of its records go")
        for name, factor in moves.items():
            copied = holdings.copied(live[name], factor, sizes)
            least = live[name].factors[0]
            connection.warn(f"{name}: replicas {least} -> {factor}, {holdings.size(copied)} are copied between brokers")

    def _changes(
        self, admin: Any, live: Mapping[str, Any], olds: Mapping[str, Any], news: Mapping[str, Any]
    ) -> list[plan.Change]:
        wanted = plan.from_props(news["topics"])
        return [plan.plan(live.get(name), topic, int(news["brokers"])) for name, topic in sorted(wanted.items())]

    def _make(self, admin: Any, changes: Sequence[Any], news: Mapping[str, Any]) -> tuple[set[str], dict[str, str]]:
        from bus.topics.applying import apply  # imports the clients, as _admin does

        rate = int(news.get("reassignmentBytesPerSecond") or _DEFAULT_RATE)
        site = news["site"]
        applied = apply(admin, changes, int(news["brokers"]), rate, lambda text: connection.say(f"{site}: {text}"))
        return set(applied.created), dict(applied.failed)

    def _read(self, admin: Any, props: Mapping[str, Any], names: Iterable[str]) -> Mapping[str, Any]:
        self._check_cluster(admin.cluster_id, props.get("clusterId") or "", props["site"])
        live: Mapping[str, Any] = admin.steady(set(names), self._declared(props))
        return live

    def _seen(self, admin: Any, live: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
        return plan.to_props({name: topic for name, topic in live.items() if name in declared})

    def _removals(
        self, admin: Any, gone: Sequence[str], olds: Mapping[str, Any], news: Mapping[str, Any]
    ) -> list[Removal]:
        away = admin.leaderless(gone)
        logs = admin.logs([name for name in gone if name not in away])
        held, created, confirmed = holdings.held(logs), self._created(admin.cluster_id, olds), news["confirmDelete"]
        sizes, readers = (admin.sizes(), _readers(admin, held)) if held else ({}, {})
        now = int(time.time() * 1000)
        return [
            removal(
                name,
                created,
                confirmed,
                held.get(name),
                unit=self.unit,
                block=self.block,
                site=news["site"],
                detail=holdings.description(name, logs, sizes, readers[name], now) if held.get(name) else "",
                uncounted=away.get(name, ""),
                mirrored=_mirrored(name, news),
            )
            for name in gone
        ]

    def _check_cluster(self, found: str, pinned: str, site: str) -> None:
        if pinned and found != pinned:
            reason = (
                f"Kafka of {site} has cluster id {found}, but this stack manages {pinned}: check context and "
                f"namespace; if the volumes were renewed on purpose, set bus:sites.{site}.kafka.clusterId: {found}"
            )
            raise PartialFailure({"clusterId": reason})

    def _declared(self, props: Mapping[str, Any]) -> dict[str, plan.Topic]:
        """The topics that a state holds; one whose replicas were uneven at the last refresh equals nothing."""
        sound = {n: t for n, t in props["topics"].items() if not isinstance(t["replicationFactor"], str)}
        return plan.from_props(sound)

    @contextmanager
    def _admin(self, props: Mapping[str, Any]) -> Iterator[Any]:
        from bus.topics.admin import Admin  # the client takes 0.2 to 0.5 s to import, and a program needs none

        where = connection.cluster(props, self._request)
        with kafka_servers(where, int(props["adminPort"]), props["bootstrapServers"]) as servers:
            yield Admin(servers.bootstrap, servers.login)


def _readers(admin: Any, names: Collection[str]) -> dict[str, list[str] | None]:
    """The consumer groups of topics; None where the brokers do not tell, which is no reason to stop."""
    try:
        return dict(admin.readers(names))
    except (Unreachable, PartialFailure):
        return dict.fromkeys(names)


def _mirrored(name: str, props: Mapping[str, Any]) -> Mirrored | None:
    """Where a topic of this site is copied from, if kafka2kafka does so."""
    patterns: Mapping[str, str] = props.get("mirrored") or {}
    sources = sorted({source for glob, source in patterns.items() if matches(glob, name)})
    return Mirrored(props["site"], ", ".join(sources)) if sources else None


class TopicSet(pulumi.dynamic.Resource, module="bus", name="TopicSet"):
    """Topics of one site; `topics` maps name -> partitions, replicationFactor, configs.

    `mirrored` maps a glob of topics that kafka2kafka copies into this site to the sites they come from.
    """

    created: pulumi.Output[list[str]]
    kept: pulumi.Output[dict[str, str]]

    def __init__(
        self,
        name: str,
        *,
        place: SiteEndpoint,
        admin_port: int,
        bootstrap_servers: str,
        brokers: int,
        topics: Mapping[str, Mapping[str, object]],
        elsewhere: Sequence[str],
        confirm_delete: Sequence[str],
        cluster_id: str | None = None,
        mirrored: Mapping[str, str] | None = None,
        reassignment_bytes_per_second: int = _DEFAULT_RATE,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props: dict[str, Any] = {
            **place.props,
            "adminPort": admin_port,
            "bootstrapServers": bootstrap_servers,
            "brokers": brokers,
            "topics": {key: dict(value) for key, value in topics.items()},
            "elsewhere": sorted(elsewhere),
            "confirmDelete": sorted(confirm_delete),
            "mirrored": dict(mirrored or {}),
            "reassignmentBytesPerSecond": reassignment_bytes_per_second,
            "clusterId": cluster_id,  # a pin of the stack file; else that of the first `up`
            # outputs
            "created": None,
            "kept": None,
        }
        super().__init__(TopicSetProvider(), name, props, opts)
