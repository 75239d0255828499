"""The roles of one site's PostgreSQL, their passwords and what Odoo owns, as one resource (docs/adr/0057)."""

import time
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

from bus.cluster.access import NotDeployed, NotReady, Unreachable
from bus.cluster.endpoints import postgres_shell
from bus.cluster.kube import secret
from bus.database import scram
from bus.database.admin import Admin
from bus.database.plan import plan, rights_of
from bus.database.roles import LiveRoles, SiteRoles, WantedRoles, from_text, to_text
from bus.errors import PartialFailure
from components.providers import connection
from components.providers.connection import SiteEndpoint
from components.providers.guarding import guarded

SECRET = "cineges-secret"
_COMPARED = (*connection.KEYS, "user", "database", "roles", "passwords", "passwordRevision")
_WAIT_SECONDS = 60.0


@guarded("roles of PostgreSQL")
class PostgresRolesProvider(ResourceProvider):
    """Gives roles their passwords and exactly their rights, and Odoo its database; roles of others are left alone."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        """Keep the stack's config, for kubeconfigs and the passwords that a preview compares."""
        self._request = req

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Add what is to do on the live server, so that a preview shows it. Refuses what the server cannot do."""
        pending: list[str] = []
        failures = []
        try:
            with self._admin(news) as admin:
                wanted = _wanted(_olds, news, self._passwords(news, preferred=True))
                todo = plan(admin.read(wanted), wanted)
            pending = todo.says
            if todo.refused:
                failures = [connection.failure(f"PostgreSQL of {news['site']}: {todo.refused}")]
        except (Unreachable, PartialFailure) as error:
            if _olds or not isinstance(error, NotDeployed):  # else a first preview: there is nobody yet
                connection.warn(f"roles of PostgreSQL of {news['site']} are not compared with the live server: {error}")
        return CheckResult({**news, "pending": pending}, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compare inputs, and what the server lacks."""
        changed = any(_olds.get(key) != _news.get(key) for key in _COMPARED)
        return DiffResult(changes=changed or bool(_news.get("pending")), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Bring the server to what is wanted; can be repeated after a crash."""
        return CreateResult(f"{props['namespace']}/postgres-roles", self._apply({}, props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Bring the server to what is wanted; roles that are wanted no more may not log in."""
        return UpdateResult(self._apply(_olds, _news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Return the live rights as inputs; another password than the Secret's shows among them."""
        if props["required"]:  # the other resource of the site has said it
            return ReadResult(id_, props)
        try:
            with self._admin(props) as admin:
                wanted = _wanted({}, props, self._passwords(props))
                props = {**props, "roles": _live_roles(admin.read(wanted), wanted)}
        except (Unreachable, PartialFailure) as error:
            connection.warn(f"roles of PostgreSQL of {props['site']} are taken as they were: {error}")
        inputs = {key: props[key] for key in (*_COMPARED, "required") if key in props}
        return ReadResult(id_, props, {**inputs, "pending": []})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Leave all roles: the volume stays, and a site that comes back takes them over."""

    def _apply(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
        """Return the outputs. Where anything fails the state stays as it was, and the next run does it all again."""
        try:
            with self._admin(news, _WAIT_SECONDS) as admin:
                for remark in admin.apply(_wanted(olds, news, self._passwords(news))):
                    connection.say(f"PostgreSQL of {news['site']}: {remark}")
        except NotDeployed as error:
            if news["required"]:
                raise
            connection.say(f"roles of PostgreSQL of {news['site']} come once it runs: {error}")
        return {**news, "pending": []}

    def _passwords(self, props: Mapping[str, Any], *, preferred: bool = False) -> dict[str, str]:
        """Return role -> password from its Secret, so that none is a property of this resource.

        `preferred` takes those that stand in the stack's config from there, for a preview: the Secret has them later.
        """
        keys: Mapping[str, str] = props["passwords"]
        held = secret(connection.cluster(props, self._request), SECRET)
        found = {role: held[key] for role, key in keys.items() if key in held}
        if not preferred:
            if missing := sorted(keys.values() - held.keys()):
                raise NotDeployed(f"Secret {SECRET} in {props['namespace']} has no {', '.join(missing)} yet")
            return found
        for role, key in keys.items():
            names = (f"bus:{props['site']}.{key}", f"bus:{key}")
            if password := next((given for name in names if (given := self._request.config.get(name))), None):
                found[role] = password
        return found

    @contextmanager
    def _admin(self, props: Mapping[str, Any], patience: float = 0.0) -> Iterator[Admin]:
        """The server; `patience` are the seconds that one is waited for whose pod is not ready at this moment."""
        where, deadline = connection.cluster(props, self._request), time.monotonic() + patience
        with ExitStack() as opened:
            while True:
                try:
                    run = opened.enter_context(postgres_shell(where, props["user"]))
                    break
                except NotReady:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(1)
            yield Admin(run)


def _wanted(olds: Mapping[str, Any], news: Mapping[str, Any], passwords: Mapping[str, str]) -> WantedRoles:
    roles = {name: from_text(text) for name, text in news["roles"].items()}
    before = olds.get("roles") or {}
    return WantedRoles(news["user"], news["database"], roles, passwords, tuple(sorted(before.keys() - roles.keys())))


def _live_roles(live: LiveRoles, wanted: WantedRoles) -> dict[str, str]:
    """Return the live rights of the wanted roles that are there, as `roles` holds those that are wanted."""
    found = {}
    for name, role in live.roles.items():
        if name in wanted.roles:
            given, asked = role.rights, rights_of(live, wanted, name)
            found[name] = to_text(wanted.roles[name] if given == asked else given)
            password = wanted.passwords.get(name)
            if password is not None and not scram.matches(role.verifier, password):
                found[name] += ", another password"
    return found


class PostgresRoles(pulumi.dynamic.Resource, module="bus", name="PostgresRoles"):
    """`roles` maps a role to its rights, `passwords` to the key of cineges-secret that holds its password.

    `required` says whether the server must be there: before the first installation it is not.
    """

    def __init__(
        self,
        name: str,
        *,
        place: SiteEndpoint,
        roles: SiteRoles,
        password_revision: pulumi.Input[str],
        required: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props: dict[str, Any] = {
            **place.props,
            "user": roles.user,
            "database": roles.database,
            "roles": {role: to_text(rights) for role, rights in roles.roles.items()},
            "passwords": dict(roles.passwords),
            "passwordRevision": password_revision,
            "required": required,
            "pending": [],
        }
        super().__init__(PostgresRolesProvider(), name, props, opts)
