"""What the chart runs in PostgreSQL's container, beside a real server: probes, and a shutdown that cuts nothing off."""

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.releases.render import charts, rendering
from tests.support.postgres import Postgres, made

pytestmark = pytest.mark.servers
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = charts.stage(ROOT / "charts", "postgres", tmp_path_factory.mktemp("staged"))
    documents = yaml.safe_load_all(rendering.render(folder, "r", "site", {}))
    (workload,) = [one for one in documents if one and one["kind"] == "StatefulSet"]
    found: dict[str, Any] = workload["spec"]["template"]["spec"]["containers"][0]
    return found


def code(server: Postgres, command: list[str]) -> int:
    # As in the image: the programs are not on its PATH.
    env = {
        **os.environ,
        **server.env,
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        "PGDATA": "/tmp/pgdata",
        "PGHOST": "/tmp",
    }
    return subprocess.run(server.inside(*command), env=env, timeout=300, check=False).returncode


def test_probes_tell_a_server_that_takes_clients_from_one_that_does_not_answer(
    tmp_path: Path, container: dict[str, Any]
) -> None:
    server = made(tmp_path / "server")
    probes = {name: container[name]["exec"]["command"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    with server.started():
        assert {name: code(server, command) for name, command in probes.items()} == dict.fromkeys(probes, 0)
    assert all(code(server, command) for command in probes.values())


def test_a_pod_that_ends_waits_for_no_client_and_leaves_nothing_to_recover(
    tmp_path: Path, container: dict[str, Any]
) -> None:
    server = made(tmp_path / "server")
    with server.started() as running:
        session = server.opened("odoo", "first")
        assert session.stdin and session.stdout
        session.stdin.write("CREATE TABLE t (id int); INSERT INTO t VALUES (1); SELECT 'connected';\n")
        session.stdin.flush()
        assert "connected" in session.stdout.readline()
        started = time.monotonic()
        assert code(server, container["lifecycle"]["preStop"]["exec"]["command"]) == 0
        running.end()  # SIGTERM, as the kubelet sends it next
        assert time.monotonic() - started < 50, "it waited for the client"
        session.kill()
        session.wait(120)
    said = (server.folder / "log").read_text()
    assert "received fast shutdown request" in said
    with server.started():
        assert server.client("odoo", "first", "SELECT count(*) FROM t") == "1"
    assert "not properly shut down" not in (server.folder / "log").read_text()
