"""Roles of a real PostgreSQL: an old superuser's database taken over, passwords renewed, rights kept small."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.database import plan as planning
from bus.database.admin import Admin
from bus.database.psql import QueryFailed
from bus.database.roles import WantedRoles
from tests.support.filled_database import DATABASE, filled
from tests.support.postgres import Postgres, made

pytestmark = pytest.mark.servers
ROLES = {
    "odoo": frozenset({"login", "createdb"}),
    "odoo2kafka": frozenset({"login", "replication", "pg_read_all_data"}),
    "pgadmin": frozenset({"login", "pg_read_all_data", "pg_monitor"}),
}


def wanted(**passwords: str) -> WantedRoles:
    return WantedRoles("odoo", DATABASE, ROLES, {"odoo": "first", "odoo2kafka": "copy", "pgadmin": "look", **passwords})


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a server as every site has one before: all by and of one superuser."""
    server = made(tmp_path_factory.mktemp("postgres") / "server")
    with server.started():
        filled(server)
    return server.folder / "pgdata"


@pytest.fixture
def old(template: Path, tmp_path: Path) -> Iterator[Postgres]:
    """Such a server."""
    server = made(tmp_path / "server", data=template)
    with server.started():
        yield server


def owners(server: Postgres) -> set[str]:
    found = server.run(DATABASE, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname !~ '^(pg_|information)'")
    return set(found.split())


def test_an_old_database_is_taken_over_and_odoo_goes_on_as_its_owner(old: Postgres) -> None:
    admin = Admin(old.run)
    admin.apply(wanted())
    assert planning.plan(admin.read(wanted()), wanted()).steps == (), "nothing is left to do"
    assert old.client("odoo", "first", "SHOW is_superuser") == "off"
    assert owners(old) == {"odoo"}
    work = 'ALTER TABLE product ADD more int; DROP TABLE archive."odd ""name" CASCADE; DROP VIEW products; '
    work += "ALTER TYPE colour ADD VALUE 'blue'; DROP FUNCTION twice; CREATE TABLE later (id int); "
    work += "REFRESH MATERIALIZED VIEW counted; DROP AGGREGATE summed(int); SELECT nextval('numbers'); "
    work += "DROP SCHEMA archive; SELECT lo_unlink(oid) FROM pg_largeobject_metadata; SELECT name FROM product"
    assert old.client("odoo", "first", work, DATABASE).endswith("Playtime")
    old.client("odoo", "first", "CREATE DATABASE another; DROP DATABASE another")
    owner = old.run("postgres", f"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '{DATABASE}'")
    assert owner.strip() == "odoo"
    assert old.run(DATABASE, "SELECT pubname FROM pg_publication").strip() == "everything", "it goes on"


def test_nobody_runs_a_shell_through_the_server_any_more(old: Postgres) -> None:
    Admin(old.run).apply(wanted())
    for user, password in wanted().passwords.items():
        with pytest.raises(QueryFailed, match="permission denied"):
            old.client(user, password, "COPY (SELECT 1) TO PROGRAM 'cat'")
        with pytest.raises(QueryFailed, match="permission denied"):
            old.client(user, password, "SET ROLE postgres")
    with pytest.raises(QueryFailed, match="password authentication failed"):
        old.client("postgres", "first")


def test_the_replication_role_has_a_slot_and_reads_what_it_exports_and_writes_nothing(old: Postgres) -> None:
    Admin(old.run).apply(wanted())
    slot = "SELECT pg_create_logical_replication_slot('debezium', 'pgoutput')"
    old.client("odoo2kafka", "copy", slot, DATABASE)
    old.client("odoo", "first", "INSERT INTO product (name) VALUES ('Trafic')", DATABASE)
    changes = "SELECT count(*) FROM pg_logical_slot_peek_binary_changes('debezium', NULL, NULL, "
    changes += "'proto_version', '1', 'publication_names', 'everything')"
    assert int(old.client("odoo2kafka", "copy", changes, DATABASE)) >= 3
    assert old.client("odoo2kafka", "copy", "SELECT count(*) FROM product", DATABASE) == "2"
    old.client("odoo", "first", "CREATE TABLE made_later (id int)", DATABASE)
    assert old.client("odoo2kafka", "copy", "SELECT count(*) FROM made_later", DATABASE) == "0"
    for user, password in (("odoo2kafka", "copy"), ("pgadmin", "look")):
        for write, message in (
            ("INSERT INTO product (name) VALUES ('x')", "permission denied for table product"),
            ("CREATE TABLE t (id int)", "permission denied for schema public"),
            ("DROP TABLE product", "must be owner of table product"),
        ):
            with pytest.raises(QueryFailed, match=message):
                old.client(user, password, write, DATABASE)
    with pytest.raises(QueryFailed, match="permission denied"):
        old.client("pgadmin", "look", slot.replace("debezium", "other"), DATABASE)
    with pytest.raises(QueryFailed, match="permission denied"):
        old.client("odoo", "first", slot.replace("debezium", "other"), DATABASE)


class Client(threading.Thread):
    """Odoo's: logs in again and again, with the password that its pod was started with, and restarts when refused."""

    def __init__(self, server: Postgres, known: list[str], statement: str = "SELECT 1", database: str = "postgres"):
        super().__init__()
        self._server, self._known, self._what = server, known, (statement, database)
        self.failed: list[str] = []
        self.logins = 0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            error = self._login(self._known[0])
            # The pod is restarted, and so reads what the Secret holds by then.
            if error and (again := self._login(self._known[-1])):
                self.failed.append(f"{error}, and then {again}")
            else:
                self.logins += 1

    def _login(self, password: str) -> str:
        try:
            self._server.client("odoo", password, *self._what)
        except QueryFailed as error:
            return str(error)
        return ""

    def goes_on(self) -> None:
        """Wait until it has logged in twice more: what is done next happens between two of its logins."""
        enough, deadline = self.logins + 2, time.monotonic() + 300
        while self.logins < enough and not self.failed:
            assert time.monotonic() < deadline, "it does not log in any more"
            time.sleep(0.02)

    def __enter__(self) -> "Client":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join(300)


def test_a_password_is_renewed_while_odoo_logs_in_all_the_time(old: Postgres) -> None:
    admin = Admin(old.run)
    admin.apply(wanted())
    session = old.opened("odoo", "first", DATABASE)
    assert session.stdin and session.stdout
    known = ["first"]
    with Client(old, known) as client:
        client.goes_on()
        known.append("second ✓")  # the Secret has it before the role, so that a pod that restarts finds it
        admin.apply(wanted(odoo="second ✓"))
        client.goes_on()
    assert client.failed == []
    assert client.logins >= 4
    with pytest.raises(QueryFailed, match="password authentication failed"):
        old.client("odoo", "first")
    session.stdin.write("SELECT 'still here';\n")
    session.stdin.close()
    assert "still here" in session.stdout.read(), "sessions that were open go on"
    assert "second" not in (old.folder / "log").read_text()
    assert "SCRAM-SHA-256$" not in (old.folder / "log").read_text()


def test_a_takeover_fails_nobody_who_works_meanwhile(old: Postgres) -> None:
    work = "INSERT INTO product (name) VALUES ('x'); UPDATE product SET name = 'y' WHERE id = 1; SELECT 1"
    with Client(old, ["first"], work, DATABASE) as client:
        client.goes_on()
        Admin(old.run).apply(wanted())
        client.goes_on()
    assert client.failed == []
    assert client.logins >= 4


def test_sessions_of_the_old_superuser_end_when_they_are_idle(old: Postgres) -> None:
    session = old.opened("odoo", "first", DATABASE)
    assert session.stdin and session.stdout
    session.stdin.write("SELECT 1;\n")
    session.stdin.flush()
    session.stdout.readline()
    Admin(old.run).apply(wanted())
    query = "SELECT count(*) FROM pg_stat_activity WHERE usesysid = 10 AND client_addr IS NOT NULL"
    assert old.run("postgres", query).strip() == "0"
    session.kill()
    session.wait(120)


def statements(old: Postgres) -> list[planning.Step]:
    return list(planning.plan(Admin(old.run).read(wanted()), wanted()).steps)


@pytest.mark.parametrize("moment", ["first", "half of the objects", "before the swap", "in the swap", "after the swap"])
def test_a_takeover_that_was_killed_anywhere_is_finished_by_the_next_run(old: Postgres, moment: str) -> None:
    steps = statements(old)
    swap = next(number for number, step in enumerate(steps) if step.statement.startswith("BEGIN"))
    assert swap > 10
    ends = {"first": 1, "half of the objects": swap // 2, "before the swap": swap, "in the swap": swap}
    for step in steps[: ends.get(moment, swap + 1)]:
        old.run(step.database, step.statement)
    if moment == "in the swap":
        old.run("postgres", steps[swap].statement.partition("ALTER DATABASE")[0])  # the connection ends before COMMIT
        assert old.client("odoo", "first", "SHOW is_superuser") == "on"
    assert old.client("odoo", "first", "SELECT count(*) FROM product", DATABASE) == "1", "Odoo works at any moment"
    Admin(old.run).apply(wanted())
    assert old.client("odoo", "first", "SHOW is_superuser") == "off"
    assert owners(old) == {"odoo"}
    roles = old.run(
        "postgres", "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^pg_'"
    )
    assert roles.strip() == "odoo odoo2kafka pgadmin postgres"


def test_rights_given_by_hand_are_said_and_taken_back(old: Postgres) -> None:
    admin = Admin(old.run)
    admin.apply(wanted())
    old.run(
        "postgres", "ALTER ROLE odoo SUPERUSER; GRANT pg_write_all_data TO pgadmin; ALTER ROLE odoo2kafka PASSWORD 'x'"
    )
    says = planning.plan(admin.read(wanted()), wanted()).says
    assert says == [
        "role odoo: login, superuser, createdb -> login, createdb",
        "role odoo2kafka gets the password of the stack, and loses the one it has",
        "role pgadmin: login, pg_monitor, pg_read_all_data, pg_write_all_data -> login, pg_monitor, pg_read_all_data",
    ]
    admin.apply(wanted())
    assert planning.plan(admin.read(wanted()), wanted()).steps == ()
    assert old.client("odoo2kafka", "copy")


def test_a_table_that_is_busy_is_waited_for(old: Postgres) -> None:
    session = old.opened("odoo", "first", DATABASE)
    assert session.stdin
    session.stdin.write("BEGIN; LOCK TABLE product; SELECT pg_sleep(15); COMMIT;\n")
    session.stdin.flush()
    held = "SELECT count(*) FROM pg_locks WHERE relation = 'product'::regclass AND mode = 'AccessExclusiveLock'"
    deadline = time.monotonic() + 300
    while old.run(DATABASE, held).strip() != "1":
        assert time.monotonic() < deadline, "the session never got its lock"
        time.sleep(0.02)
    Admin(old.run).apply(wanted())
    session.kill()
    session.wait(120)
    assert owners(old) == {"odoo"}
