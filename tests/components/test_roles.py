"""Roles of PostgreSQL as the engine is told them: when they get their passwords, and whose are made."""

from dataclasses import replace

import pytest

from bus.config.database_roles import ODOO2KAFKA_PASSWORD
from bus.deployment import Deployment
from bus.plan import build
from tests.support.program import ROOT, plan_of, registrations
from tests.support.stacks import load_stack


def with_site(stack: str, **changed: object) -> Deployment:
    """The stack with another central."""
    settings = load_stack(stack)
    sites = {**settings.stack_file.sites}
    sites["central"] = sites["central"].model_copy(update=changed)
    return build.plan(ROOT, replace(settings, stack_file=settings.stack_file.model_copy(update={"sites": sites})))


def test_a_role_gets_its_password_after_the_secret_and_before_its_readers_restart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registered = registrations(plan_of("local", monkeypatch))
    for site in ("central", "cinecity"):
        assert {f"{site}-base-secret", f"{site}-postgres-passwords"} <= registered[f"{site}-base-roles"].dependencies
        assert f"{site}-base-roles" in registered[f"{site}-base-products-release"].dependencies
        settled = registered[f"{site}-base-roles-settled"]
        assert f"{site}-base-products-release" in settled.dependencies
        assert settled.inputs["required"] and not registered[f"{site}-base-roles"].inputs["required"]
        assert settled.name in registered[f"{site}-bricks-release"].dependencies, "odoo2kafka-job logs in with its own"


def test_odoo_is_no_superuser_and_odoo2kafka_has_a_role_and_a_password_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registered = registrations(plan_of("local", monkeypatch))
    roles = registered["central-base-roles"].inputs
    assert roles["roles"] == {"odoo": "login, createdb", "odoo2kafka": "login, replication, pg_read_all_data"}
    assert roles["passwords"] == {"odoo": "odoo.postgres.password", "odoo2kafka": ODOO2KAFKA_PASSWORD}
    assert registered["central-postgres-passwords"].inputs["roles"] == ["odoo2kafka"], "Odoo's is the stack file's"
    held = [registered[f"{site}-base-secret"].inputs["stringData"] for site in ("central", "cinecity")]
    held = [one.get("value", one) for one in held]
    assert len({one[ODOO2KAFKA_PASSWORD] for one in held} | {"s3cret"}) == 3, "each site has another one"
    assert all(one["odoo.postgres.password"] == "s3cret" for one in held)
    assert not [password for one in held for password in one.values() if password in str(roles)]
    job = plan_of("local", monkeypatch).sites["central"].bricks.values["odoo2kafka-job"]
    assert job["envFromConfig"]["PGUSER"] == "odoo2kafka.postgres.user"
    assert job["envFromSecret"]["PGPASSWORD"] == ODOO2KAFKA_PASSWORD
    assert plan_of("local", monkeypatch).sites["central"].config["odoo2kafka.postgres.user"] == "odoo2kafka"


def test_pgadmin_reads_with_a_role_of_its_own_where_it_is_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    registered = registrations(with_site("local", enable=("pgadmin",)))
    assert registered["central-base-roles"].inputs["roles"]["pgadmin"] == "login, pg_monitor, pg_read_all_data"
    assert registered["central-postgres-passwords"].inputs["roles"] == ["odoo2kafka", "pgadmin"]
    assert "pgadmin" not in registered["cinecity-base-roles"].inputs["roles"]


def test_where_postgresql_runs_elsewhere_nothing_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    values = {"postgres": {"enabled": False}, "odoo": {"postgres": {"host": "db.example"}}}
    plan = with_site("local", values=values)
    registered = registrations(plan)
    assert not [name for name in registered if name.startswith(("central-base-roles", "central-postgres-passwords"))]
    assert "cinecity-base-roles" in registered
    assert plan.sites["central"].config["odoo2kafka.postgres.user"] == "odoo", "it logs in there as Odoo does"
    held = registered["central-base-secret"].inputs["stringData"]
    assert held.get("value", held)[ODOO2KAFKA_PASSWORD] == "s3cret"
