"""The roles that a site's PostgreSQL has, as the stack file and its bricks say it."""

from collections.abc import Collection, Mapping

from bus.config.stack_file import Site
from bus.database.roles import ODOO2KAFKA, PGADMIN, Rights, SiteRoles

ODOO_PASSWORD, ODOO2KAFKA_PASSWORD = "odoo.postgres.password", f"{ODOO2KAFKA}.postgres.password"
PGADMIN_PASSWORD = f"{PGADMIN}.postgres.password"
# Odoo makes and drops databases itself; it owns its own, and may nothing on the server beyond that.
_ODOO: Rights = frozenset({"login", "createdb"})
# A slot, and what it exports: https://debezium.io/documentation/reference/stable/connectors/postgresql.html
_ODOO2KAFKA: Rights = frozenset({"login", "replication", "pg_read_all_data"})
_PGADMIN: Rights = frozenset({"login", "pg_monitor", "pg_read_all_data"})


def roles_of(site: Site, bricks: Collection[str], secret_keys: Mapping[str, str]) -> SiteRoles:
    """Return who may log in to a site's PostgreSQL.

    `bricks` are those of the site's base, `secret_keys` maps keys of cineges-secret to the config keys that hold them.
    """
    user = site.postgres.user
    roles = {user: _ODOO, ODOO2KAFKA: _ODOO2KAFKA}
    passwords = {user: ODOO_PASSWORD, ODOO2KAFKA: ODOO2KAFKA_PASSWORD}
    if PGADMIN in bricks:
        roles[PGADMIN], passwords[PGADMIN] = _PGADMIN, PGADMIN_PASSWORD
    made = tuple(role for role, key in passwords.items() if not secret_keys.get(key, "").endswith(key))
    return SiteRoles(user, site.odoo.database, roles, passwords, made)
