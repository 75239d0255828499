"""The resource of a site's PostgreSQL roles on a real server: what a preview, an update and a refresh say and do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from pulumi.dynamic import ConfigureRequest
from pulumi.dynamic.config import Config

from bus.cluster.access import NotDeployed, NotReady
from bus.database.admin import Admin
from bus.database.psql import QueryFailed
from bus.errors import PartialFailure
from components.providers import roles as module
from components.providers.connection import SiteEndpoint
from components.providers.roles import PostgresRolesProvider
from tests.support.filled_database import DATABASE, filled
from tests.support.postgres import Postgres, made

pytestmark = pytest.mark.servers
PLACE = SiteEndpoint("central", "hicksoncentral-test", "ctx", "port-forward")


def props(**changed: Any) -> dict[str, Any]:
    return {
        **PLACE.props,
        "user": "odoo",
        "database": DATABASE,
        "roles": {"odoo": "login, createdb", "odoo2kafka": "login, replication, pg_read_all_data"},
        "passwords": {"odoo": "odoo.postgres.password", "odoo2kafka": "odoo2kafka.postgres.password"},
        "passwordRevision": "1",
        "required": True,
        "pending": [],
        **changed,
    }


class Site:
    """A server, the Secret beside it and the stack's config, as the provider finds them."""

    def __init__(self, server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
        self.secret: Mapping[str, str] = {"odoo.postgres.password": "first", "odoo2kafka.postgres.password": "copy"}
        self.config: dict[str, str] = {}
        self.server, self.deployed = server, True
        self.missing = NotDeployed("none")
        monkeypatch.setattr(module, "secret", lambda _cluster, _name: self.secret)
        monkeypatch.setattr(module, "postgres_shell", self._shell)

    @property
    def provider(self) -> PostgresRolesProvider:
        provider = PostgresRolesProvider()
        provider.configure(ConfigureRequest(Config(self.config, "bus")))
        return provider

    @contextmanager
    def _shell(self, _cluster: object, _user: str) -> Iterator[Any]:
        if not self.deployed:
            raise self.missing
        yield self.server.run

    def pending(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
        checked = self.provider.check(dict(olds), dict(news))
        assert not checked.failures
        return list(checked.inputs["pending"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One old database; the tests of this module follow its life in order."""
    found = made(tmp_path_factory.mktemp("postgres") / "server")
    with found.started():
        filled(found)
        yield found


@pytest.fixture
def site(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(server, monkeypatch)


def test_before_the_first_installation_nothing_is_asked_and_the_later_one_insists(
    site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    site.deployed = False
    assert site.pending({}, props()) == []
    assert capfd.readouterr().err == "", "the ordinary state of a first preview is not worth a warning"
    assert site.provider.create(props(required=False)).outs == props(required=False)
    assert "come once it runs" in capfd.readouterr().err
    with pytest.raises(NotDeployed):
        site.provider.create(props())


def test_a_server_that_starts_at_this_moment_is_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.deployed, site.missing = False, NotReady("no ready pod")
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        site.deployed = len(looks) > 2

    monkeypatch.setattr("components.providers.roles.time.sleep", sleep)
    with site.provider._admin(props(), 60) as admin:
        assert isinstance(admin, Admin)
    assert len(looks) == 3


def test_a_preview_says_what_happens_to_an_old_database_and_the_update_does_it_once(site: Site) -> None:
    said = site.pending({}, props())
    assert said[0] == "role odoo, made by initdb, gets a successor that is no superuser"
    assert any("object(s) in database central-mast go to role odoo" in text for text in said)
    assert site.server.client("odoo", "first", "SHOW is_superuser") == "on", "a preview changes nothing"
    state = site.provider.create(props(pending=said)).outs
    assert state == props()
    assert site.pending(props(), props()) == []
    assert not site.provider.diff("id", state, props()).changes
    assert site.server.client("odoo", "first", "SHOW is_superuser") == "off"


def test_another_password_of_the_stack_shows_in_a_preview_before_the_secret_has_it(site: Site) -> None:
    site.config = {"bus:odoo.postgres.password": "second"}
    said = site.pending(props(), props())
    assert said == ["role odoo gets the password of the stack, and loses the one it has"]
    assert site.provider.diff("id", props(), props(pending=said)).changes
    site.config["bus:central.odoo.postgres.password"] = "first"
    assert site.pending(props(), props()) == [], "a site's own password goes before the one for all"


def test_the_password_of_the_secret_is_that_of_the_role_after_an_update(site: Site) -> None:
    site.secret = {**site.secret, "odoo.postgres.password": "second"}
    site.provider.update("id", props(), props(passwordRevision="2"))
    assert site.server.client("odoo", "second") == "1"
    with pytest.raises(QueryFailed, match="password authentication failed"):
        site.server.client("odoo", "first")


def test_a_role_changed_by_hand_shows_in_a_refresh_and_is_put_right(site: Site) -> None:
    site.secret = {**site.secret, "odoo.postgres.password": "second"}
    site.server.run("postgres", "ALTER ROLE odoo2kafka SUPERUSER PASSWORD 'mine'; ALTER ROLE odoo CREATEROLE")
    assert site.provider.read("id", props()).outs == props(), "one of the two resources of a site says it"
    found = site.provider.read("id", props(required=False))
    assert found.inputs and found.outs
    assert found.inputs["roles"] == {
        "odoo": "login, createdb, createrole",
        "odoo2kafka": "login, superuser, replication, pg_read_all_data, another password",
    }
    assert found.inputs.keys() == props().keys()
    assert site.provider.diff("id", found.outs, props()).changes
    site.provider.update("id", found.outs, props())
    found = site.provider.read("id", props(required=False))
    assert found.inputs == props(required=False)
    site.server.run("postgres", "DROP ROLE odoo2kafka")
    found = site.provider.read("id", props(required=False))
    assert found.inputs and found.inputs["roles"] == {"odoo": "login, createdb"}
    site.provider.update("id", found.outs or {}, props())


def test_a_role_that_is_wanted_no_more_may_not_log_in(site: Site) -> None:
    site.secret = {**site.secret, "odoo.postgres.password": "second"}
    fewer = props(roles={"odoo": "login, createdb"}, passwords={"odoo": "odoo.postgres.password"})
    assert site.pending(props(), fewer) == ["role odoo2kafka is not wanted any more: it may not log in"]
    site.provider.update("id", props(), fewer)
    with pytest.raises(QueryFailed):
        site.server.client("odoo2kafka", "copy")


def test_a_secret_that_lacks_a_password_is_named(site: Site) -> None:
    site.secret = {"odoo.postgres.password": "second"}
    with pytest.raises(NotDeployed, match=r"has no odoo2kafka.postgres.password yet"):
        site.provider.create(props())


def test_a_database_of_another_role_is_refused_in_a_preview(site: Site) -> None:
    other = props(user="erp", roles={"erp": "login"}, passwords={"erp": "odoo.postgres.password"})
    checked = site.provider.check(props(), other)
    assert [failure.property for failure in checked.failures] == [""]
    assert "database central-mast belongs to role odoo" in checked.failures[0].reason
    with pytest.raises(PartialFailure, match="belongs to role odoo"):
        site.provider.create(other)
