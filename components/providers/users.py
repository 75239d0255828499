"""The Kafka users of one site and what they may do, as one resource: a few admin calls (docs/adr/0014)."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from bus.cluster.access import BROKERS_SECRET, OF_BROKERS, Denied, Login, NotDeployed, Unreachable
from bus.cluster.endpoints import kafka_servers
from bus.cluster.kube import secret
from bus.errors import PartialFailure
from bus.users.passwords import is_of_brokers
from bus.users.plan import LiveUsers, plan, retirement, strangers, to_props, with_brokers
from components.providers import connection
from components.providers.connection import SiteEndpoint
from components.providers.guarding import guarded

_COMPARED = (*connection.KEYS, "adminPort", "passwordRevision", "passwordFingerprint", "brokerLogins", "users")


@guarded("users of Kafka")
class KafkaUsersProvider(ResourceProvider):
    """Gives users their passwords and exactly their rights; users and rights of others are left alone, and named."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        """Keeps the stack's config, for kubeconfigs."""
        self._request = req

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuses nothing; says who is there that this stack did not make."""
        try:
            with self._admin(news) as admin:
                live = admin.read()
            for text in _remarks(live, _olds.get("users") or {}, news["users"]):
                connection.say(f"Kafka of {news['site']}: {text}")
        except (Unreachable, PartialFailure) as error:
            if _olds or not isinstance(error, NotDeployed):  # else a first preview: there is nobody yet
                connection.warn(f"Kafka users of {news['site']} are not compared with the live brokers: {error}")
        return CheckResult(news, [])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compares inputs: a preview shows them brick by brick and topic by topic."""
        return DiffResult(changes=any(_olds.get(key) != _news.get(key) for key in _COMPARED), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Makes all users; can be repeated after a crash."""
        return CreateResult(f"{props['namespace']}/kafka-users", self._apply({}, props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Brings users to what is wanted; those whose brick is gone lose password and rights."""
        return UpdateResult(self._apply(_olds, _news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """The live rights as inputs; a user that cannot log in as it was left is not there."""
        try:
            with self._admin(props) as admin:
                live = admin.read()
            props = {**props, "users": to_props(live, props["mechanisms"])}
        except NotDeployed as error:
            connection.warn(f"Kafka users of {props['site']} are taken as they were: {error}")
        return ReadResult(id_, props, {key: props[key] for key in _COMPARED if key in props})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Takes passwords and rights away, where the brokers still keep any and can be reached.

        A destroy goes on where they cannot: they are uninstalled next, and a site that comes back takes its users over.
        """
        try:
            with self._admin(_props) as admin:
                failed = admin.apply(plan(admin.read(), {}, _props["users"]), {})
        except (Unreachable, PartialFailure) as error:
            connection.say(f"Kafka users of {_props['site']} stay as they are, on the brokers' volumes: {error}")
        else:
            if failed:
                raise PartialFailure(failed)

    def _apply(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs. Where anything fails the state stays as it was, and the next run does it all again."""
        wanted, before = news["users"], olds.get("users") or {}
        logins, brokers = self._logins(news), self._brokers(news)
        with self._admin(news) as admin:
            live = admin.read()
            todo = with_brokers(plan(live, wanted, before.keys() - wanted.keys()), live, brokers.keys())
            failed = admin.apply(todo, logins | brokers)
        if failed:
            raise PartialFailure(failed)
        return {**news, "mechanisms": {user: login.mechanism for user, login in sorted(logins.items())}}

    def _logins(self, props: Mapping[str, Any]) -> dict[str, Login]:
        """Each user's password from its Secret, so that it is no property of this resource."""
        where = connection.cluster(props, self._request)
        found = {user: secret(where, f"kafka-{user}") for user in props["users"]}
        return {user: Login(user, one["password"], one["mechanism"]) for user, one in found.items()}

    def _brokers(self, props: Mapping[str, Any]) -> dict[str, Login]:
        """The users of brokers and bus: on volumes of before nobody has told the brokers of their SCRAM passwords."""
        found = secret(connection.cluster(props, self._request), BROKERS_SECRET)
        return {user: Login(user, one, OF_BROKERS) for user, one in json.loads(found.get("logins", "{}")).items()}

    @contextmanager
    def _admin(self, props: Mapping[str, Any]) -> Iterator[Any]:
        from bus.users.admin import Admin  # the client takes 0.2 to 0.5 s to import

        where = connection.cluster(props, self._request)
        with ExitStack() as opened:

            def admin(forwarded: bool) -> Admin:
                servers = opened.enter_context(kafka_servers(where, int(props["adminPort"]), forwarded=forwarded))
                if servers.login is None:
                    raise NotDeployed(f"the brokers in {where.namespace} ask nobody for a login yet")
                return Admin(servers.bootstrap, servers.login)

            try:
                found = admin(False)
            except Denied:
                if where.mode != "direct":
                    raise
                found = admin(True)  # where bus's own SCRAM password is yet to be told to the brokers
            yield found


@guarded("retired passwords of Kafka")
class RetiredPasswordsProvider(KafkaUsersProvider):
    """Once every brick has restarted with its new password, takes the one of the revision before away."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuses nothing."""
        return CheckResult(news, [])

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Nothing of it is live."""
        return ReadResult(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Takes nothing away."""

    def _apply(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
        mechanisms = {user: login.mechanism for user, login in self._logins(news).items()}
        with self._admin(news) as admin:
            failed = admin.apply(retirement(admin.read(), mechanisms), {})
        if failed:
            raise PartialFailure(failed)
        return dict(news)


def _remarks(live: LiveUsers, before: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What somebody who looks at a preview should know of the users that are there."""
    there = live.credentials.keys() | {acl.user for acl in live.acls}
    adopted = sorted(user for user in (wanted.keys() - before.keys()) & there if not is_of_brokers(user))
    others = strangers(live, wanted.keys() | before.keys())
    remarks = [f"user {user} is there already: it gets a new password, and the rights of its brick" for user in adopted]
    return remarks + ([f"users of others are left alone: {', '.join(others)}"] if others else [])


class KafkaUsers(pulumi.dynamic.Resource, module="bus", name="KafkaUsers"):
    """`users` maps a brick to topics, groups, transactionalIds -> name, or name* -> operations."""

    def __init__(
        self,
        name: str,
        *,
        place: SiteEndpoint,
        admin_port: int,
        password_revision: int,
        fingerprint: pulumi.Input[str],
        users: Mapping[str, Mapping[str, Mapping[str, str]]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props: dict[str, Any] = {
            **_login_props(place, admin_port, password_revision, fingerprint),
            "users": {user: dict(rights) for user, rights in users.items()},
            "mechanisms": None,
        }
        super().__init__(KafkaUsersProvider(), name, props, opts)


class RetiredPasswords(pulumi.dynamic.Resource, module="bus", name="RetiredPasswords"):
    """`users` are those whose password of an earlier revision goes."""

    def __init__(
        self,
        name: str,
        *,
        place: SiteEndpoint,
        admin_port: int,
        password_revision: int,
        fingerprint: pulumi.Input[str],
        users: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {**_login_props(place, admin_port, password_revision, fingerprint), "users": sorted(users)}
        super().__init__(RetiredPasswordsProvider(), name, props, opts)


def _login_props(
    place: SiteEndpoint, admin_port: int, password_revision: int, fingerprint: pulumi.Input[str]
) -> dict[str, Any]:
    """What both keep; another fingerprint: passwords may have been made anew without another revision."""
    revision = {"passwordRevision": password_revision, "passwordFingerprint": fingerprint}
    # Another one than in a state of before: brokers of then have to be told of the passwords of their own users.
    return {**place.props, "adminPort": admin_port, **revision, "brokerLogins": OF_BROKERS}
