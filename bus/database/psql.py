"""How psql is run beside a server: as a superuser, through its socket, with SQL that no list of processes shows."""

from collections.abc import Callable

from bus.database import sql

Run = Callable[[str, str], str]
"""(database, SQL) -> what it answers, as a superuser; raises QueryFailed"""

# $1 is the database, the others are names that a superuser may have. SQL comes on stdin, so no list of processes shows
# it. The last line ends psql: not every API server can close the stdin of a command.
_SHELL = r"""
database=$1; shift
for bin in /usr/lib/postgresql/*/bin; do PATH=$bin:$PATH; done
export PGPASSWORD="${POSTGRES_PASSWORD:-}" PGCONNECT_TIMEOUT=10 PGCLIENTENCODING=UTF8
command -v psql >/dev/null || { echo "FATAL: no psql in the image of PostgreSQL" >&2; exit 1; }
for directory in "${PGHOST:-}" /var/run/postgresql /tmp; do
  [ -S "$directory/.s.PGSQL.${PGPORT:-5432}" ] && break
done
unset PGHOST
for user in "$@" "${POSTGRES_USER:-}"; do
  [ -n "$user" ] || continue
  super=$(psql -XqAtw -h "$directory" -U "$user" -d "$database" -c 'SHOW is_superuser' 2>/tmp/bus-psql) || continue
  [ "$super" = on ] || continue
  exec psql -XqAtw -h "$directory" -U "$user" -d "$database" -v ON_ERROR_STOP=1 -v VERBOSITY=terse -f -
done
echo "FATAL: no superuser can log in through the server's socket in its pod; the last one that was tried:" >&2
cat /tmp/bus-psql >&2
exit 1
"""


class QueryFailed(Exception):
    """What psql said of a statement that failed."""


def command(database: str, user: str) -> list[str]:
    """Return what runs SQL from stdin beside a server; `user` is Odoo's role, the superuser of older databases."""
    return ["sh", "-c", _SHELL, "psql", database, "postgres", "bus_admin", f"{user}-admin", user]


def script(statement: str) -> str:
    """Return what `command` reads."""
    return f"{sql.PREAMBLE}{statement.strip()};\n\\q\n"
