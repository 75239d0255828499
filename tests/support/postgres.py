"""A PostgreSQL server as the sandbox's image runs it, as a process on loopback, with its data in a folder."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bus.database.psql import QueryFailed, command, script
from tests.support.processes import Server, free_port, part, running

SANDBOX = Path(__file__).parents[2] / "sandbox/images"
UID = 999
# The image's root file system, with the folder in the place of its /tmp, in a mount namespace of its own.
_INSIDE = (
    'mount --bind "$1" "$2/tmp" && mount --bind "$1/passwd" "$2/etc/passwd" && root=$2 && shift 2 && '
    'exec chroot --userspec=999:999 "$root" "$@"'
)


@dataclass
class Postgres:
    """A server that may be started and ended; `run` is what the program's client is given."""

    folder: Path
    port: int
    user: str = "odoo"
    password: str = "first"

    @contextmanager
    def started(self) -> Iterator[Server]:
        """The server, until the context ends."""
        env = {
            **self.env,
            "POSTGRES_USER": self.user,
            "POSTGRES_PASSWORD": self.password,
            "POSTGRES_DB": "postgres",
            "PGDATA": "/tmp/pgdata",
        }
        start = self.inside("sh", "/tmp/postgres.sh")
        with running(start, self.is_ready, self.folder / "log", env=env) as server:
            yield server

    def is_ready(self) -> bool:
        """Whether it takes clients over the network."""
        ready = ("pg_isready", "-q", "-h", "127.0.0.1")
        return subprocess.run(self.inside(*ready), env={**os.environ, **self.env}, check=False).returncode == 0

    def run(self, database: str, statement: str) -> str:
        """SQL as a superuser, as in the server's pod; raises QueryFailed."""
        return self.shell(command(database, self.user), script(statement))

    def shell(self, words: list[str], stdin: str) -> str:
        """A command where the server is, with the variables of its container."""
        env = {**os.environ, **self.env, "PGHOST": "/tmp", "POSTGRES_USER": self.user}
        done = subprocess.run(
            self.inside(*words), env=env, input=stdin, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            raise QueryFailed(done.stderr)
        return done.stdout

    def client(self, user: str, password: str, statement: str = "SELECT 1", database: str = "postgres") -> str:
        """SQL of a client over the network; raises QueryFailed."""
        env = {**os.environ, **self.env, "PGPASSWORD": password, "PGOPTIONS": "-c client_min_messages=warning"}
        where = f"host=127.0.0.1 user={user} dbname={database}"
        words = self.inside("psql", "-XqAtw", "-v", "ON_ERROR_STOP=1", "-d", where, "-f", "-")
        done = subprocess.run(words, env=env, input=statement, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            raise QueryFailed(done.stderr)
        return done.stdout.strip()

    def opened(self, user: str, password: str, database: str = "postgres") -> "subprocess.Popen[str]":
        """A client that stays connected; it takes SQL on its stdin."""
        env = {**os.environ, **self.env, "PGPASSWORD": password}
        where = f"host=127.0.0.1 user={user} dbname={database}"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        words = self.inside("psql", "-XqAtw", "-d", where)
        return subprocess.Popen(words, env=env, text=True, **pipes)  # type: ignore[call-overload,no-any-return]

    @property
    def env(self) -> dict[str, str]:
        """Variables of whatever runs beside the server."""
        return {"PGPORT": str(self.port), "PATH": "/usr/lib/postgresql/17/bin:/usr/bin:/bin:/usr/sbin:/sbin"}

    def inside(self, *words: str) -> list[str]:
        """A command as one of the server's container."""
        return ["unshare", "--mount", "sh", "-c", _INSIDE, "sh", str(self.folder), str(part("postgres")), *words]


def made(folder: Path, user: str = "odoo", password: str = "first", data: Path | None = None) -> Postgres:
    """A server with a copy of the `data` of another that has ended, or whose data are yet to be made; not started."""
    folder.mkdir()
    (folder / "passwd").write_text(f"root:x:0:0::/root:/bin/sh\npostgres:x:{UID}:{UID}::/tmp:/bin/sh\n")
    shutil.copy(SANDBOX / "postgres/postgres.sh", folder)
    os.chown(folder, UID, UID)
    if data:
        subprocess.run(["cp", "-a", str(data), str(folder / "pgdata")], check=True)
    return Postgres(folder, free_port(), user, password)
