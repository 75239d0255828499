"""SQL that reads roles and owners, and how names and texts are written in it."""

READ = """
SELECT json_build_object(
  'version', current_setting('server_version_num')::int,
  'inRecovery', pg_is_in_recovery(),
  'roles', (
    SELECT json_object_agg(a.rolname, json_build_object(
      'bootstrap', a.oid = 10, 'login', a.rolcanlogin, 'superuser', a.rolsuper, 'createdb', a.rolcreatedb,
      'createrole', a.rolcreaterole, 'replication', a.rolreplication, 'bypassrls', a.rolbypassrls,
      'password', a.rolpassword, 'expires', coalesce(a.rolvaliduntil <> 'infinity', false),
      'memberOf', (
        SELECT coalesce(json_agg(DISTINCT g.rolname), '[]')
        FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = a.oid
      )
    )) FROM pg_authid a WHERE a.rolname !~ '^pg_'
  ),
  'databases', (
    SELECT json_object_agg(d.datname, r.rolname) FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
    WHERE d.datallowconn AND NOT d.datistemplate
  ),
  'idle', (SELECT count(*) FILTER (WHERE state = 'idle') FROM ({sessions}) s),
  'busy', (SELECT count(*) FILTER (WHERE state <> 'idle') FROM ({sessions}) s)
)
"""
# Those over the network: whoever works in the server's pod itself does it on purpose.
_SESSIONS = (
    "SELECT pid, state FROM pg_stat_activity WHERE usesysid = 10 AND backend_type = 'client backend' "
    "AND client_addr IS NOT NULL AND pid <> pg_backend_pid()"
)
READ = READ.replace("{sessions}", _SESSIONS)

END_IDLE = f"SELECT count(pg_terminate_backend(pid)) FROM ({_SESSIONS}) s WHERE state = 'idle'"

# Objects of initdb itself have ids below 16384. Sequences of a column, row types and arrays follow their table. Members
# of an extension have no owner of their own. What only a superuser may own (publications for all tables, event
# triggers, subscriptions) stays where it is.
OWNED = """
WITH candidates AS (
  SELECT 'pg_class'::regclass AS class, oid, relowner AS owner, relnamespace AS namespace FROM pg_class c
  WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT (relkind = 'S' AND EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
      AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0))
  UNION ALL SELECT 'pg_proc'::regclass, oid, proowner, pronamespace FROM pg_proc
  UNION ALL SELECT 'pg_type'::regclass, oid, typowner, typnamespace FROM pg_type t
    WHERE typtype IN ('d', 'e', 'r') OR (typtype = 'b' AND typcategory <> 'A')
      OR (typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
  UNION ALL SELECT 'pg_collation'::regclass, oid, collowner, collnamespace FROM pg_collation
  UNION ALL SELECT 'pg_operator'::regclass, oid, oprowner, oprnamespace FROM pg_operator
  UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxowner, stxnamespace FROM pg_statistic_ext
  UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgowner, cfgnamespace FROM pg_ts_config
  UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictowner, dictnamespace FROM pg_ts_dict
  UNION ALL SELECT 'pg_largeobject'::regclass, oid, lomowner, 0 FROM pg_largeobject_metadata
  UNION ALL SELECT 'pg_namespace'::regclass, oid, nspowner, oid FROM pg_namespace
)
SELECT coalesce(json_agg(json_build_object('kind', i.type, 'identity', i.identity) ORDER BY i.type, i.identity), '[]')
FROM candidates c, pg_identify_object(c.class, c.oid, 0) i
WHERE c.owner = 10
  AND (c.oid >= 16384 OR (c.class = 'pg_namespace'::regclass AND c.oid = 'public'::regnamespace
    AND current_database() <> 'postgres'))
  AND NOT EXISTS (SELECT FROM pg_namespace n WHERE n.oid = c.namespace AND n.nspname ~ '^pg_(temp|toast)')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = c.class AND d.objid = c.oid AND d.deptype = 'e')
"""

# Nothing of what follows may stand in the server's log, and a table that is busy is waited for shortly only: whoever
# comes after us would wait as well.
PREAMBLE = """\
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;
SET client_min_messages = 'warning';
SET standard_conforming_strings = on;
SET lock_timeout = '2s';
"""


def identifier(name: str) -> str:
    """Return a name as SQL takes it."""
    return '"' + _sound(name).replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL takes it, with standard_conforming_strings."""
    return "'" + _sound(text).replace("'", "''") + "'"


def _sound(text: str) -> str:
    if "\0" in text:
        raise ValueError("a name of PostgreSQL holds no zero byte")
    return text
