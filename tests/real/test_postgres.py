"""Another password of PostgreSQL on the sandbox, as the README says it: it is the role's, and only it."""

import json
import secrets
from collections.abc import Iterator

import pytest

from tests.real.flows import CENTRAL, CINECITY
from tests.real.sandbox import Site, Stack, kubectl, operations

pytestmark = pytest.mark.real


@pytest.fixture
def copy() -> Iterator[Stack]:
    """The stack with a config file of its own; afterwards it is deployed as it was."""
    yield Stack.local().changed(lambda _: None)
    Stack.local().up()


def running(site: Site) -> dict[str, str]:
    """Brick -> id of its pod."""
    pods = json.loads(kubectl("get", "pods", "-n", site.namespace, "-o", "json"))["items"]
    return {pod["metadata"]["labels"].get("app.kubernetes.io/name", ""): pod["metadata"]["uid"] for pod in pods}


def held(site: Site, key: str) -> str:
    """What cineges-secret holds below a key."""
    query = f'go-template={{{{index .data "{key}" | base64decode}}}}'
    return kubectl("get", "secret", "cineges-secret", "-n", site.namespace, "-o", query)


def logged_in(site: Site, user: str, password: str, statement: str, database: str = "postgres") -> str:
    """SQL over the network, with a login; the password goes over stdin."""
    psql = f'PGPASSWORD=$(head -n 1) /usr/lib/postgresql/17/bin/psql -XAtw -h postgres -U {user} -d {database} -c "$1"'
    words = ("exec", "-i", "-n", site.namespace, "postgres-0", "--", "sh", "-c", psql, "sh", statement)
    return kubectl(*words, stdin=f"{password}\n").strip()


def test_a_password_set_as_the_readme_says_is_that_of_the_role_and_the_old_one_is_refused(copy: Stack) -> None:
    old, new = held(CENTRAL, "odoo.postgres.password"), secrets.token_urlsafe(18)
    assert logged_in(CENTRAL, "odoo", old, "SELECT 1") == "1"
    before = running(CENTRAL)
    copy.pulumi("config", "set", "--secret", "bus:odoo.postgres.password", stdin=new)
    assert "role odoo gets the password of the stack" in copy.pulumi("preview", "--diff")
    changed = operations(copy.up())
    after = running(CENTRAL)
    assert changed["central-base-roles"] == "update"
    for site in (CENTRAL, CINECITY):
        assert logged_in(site, "odoo", new, "SELECT 1") == "1"
        with pytest.raises(AssertionError, match="password authentication failed"):
            logged_in(site, "odoo", old, "SELECT 1")
    assert before["odoo"] != after["odoo"], "it restarted with it, and is ready: it has logged in"
    assert before["postgres"] == after["postgres"], "sessions go on"
    assert before["odoo2kafka-job"] == after["odoo2kafka-job"], "it has a password of its own"
    copy.pulumi("preview", "--expect-no-changes")


def test_nobody_is_a_superuser_over_the_network_and_odoo2kafka_has_its_slot() -> None:
    odoo, job = held(CENTRAL, "odoo.postgres.password"), held(CENTRAL, "odoo2kafka.postgres.password")
    assert logged_in(CENTRAL, "odoo", odoo, "SHOW is_superuser") == "off"
    with pytest.raises(AssertionError, match="permission denied"):
        logged_in(CENTRAL, "odoo", odoo, "COPY (SELECT 1) TO PROGRAM 'cat'")
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert logged_in(CENTRAL, "odoo", odoo, owner, "central-mast") == "odoo"
    slot = "SELECT count(pg_create_logical_replication_slot('of_a_test', 'pgoutput', temporary => true))"
    assert logged_in(CENTRAL, "odoo2kafka", job, slot, "central-mast") == "1"
    assert int(logged_in(CENTRAL, "odoo2kafka", job, "SELECT count(*) FROM brick_visits", "central-mast")) > 0
    with pytest.raises(AssertionError, match="permission denied"):
        logged_in(CENTRAL, "odoo2kafka", job, "DELETE FROM brick_visits", "central-mast")


def test_the_server_ends_at_once_and_has_nothing_to_recover() -> None:
    kubectl("delete", "pod", "postgres-0", "-n", CENTRAL.namespace, "--timeout=300s")
    kubectl("rollout", "status", "statefulset/postgres", "-n", CENTRAL.namespace, "--timeout=300s")
    said = kubectl("logs", "postgres-0", "-n", CENTRAL.namespace)
    assert "database system was shut down at" in said
    assert "not properly shut down" not in said
