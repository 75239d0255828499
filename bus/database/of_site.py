"""The roles that a site's PostgreSQL has, as the stack file says it."""

from bus.database.roles import SiteRoles
from bus.stack_file import Site

_ODOO_PASSWORD = "odoo.postgres.password"
# Odoo makes and drops databases itself; it owns its own, and may nothing on the server beyond that.
_ODOO = frozenset({"login", "createdb", "replication"})


def roles_of(site: Site) -> SiteRoles:
    """Return who may log in to a site's PostgreSQL."""
    user = site.postgres.user
    return SiteRoles(user, site.odoo.database, {user: _ODOO}, {user: _ODOO_PASSWORD})
