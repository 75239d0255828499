#!/bin/sh
# Starts PostgreSQL on $PGDATA, made on the first start with POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB.
set -e
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
: "${PGDATA:=/var/lib/postgresql/data/pgdata}" "${POSTGRES_USER:?}" "${POSTGRES_PASSWORD:?}" "${POSTGRES_DB:=$POSTGRES_USER}"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # initdb into a name of its own, so that a start that was cut off leaves nothing half made
  new=$PGDATA.new
  rm -rf "$new"
  mkdir -p "$(dirname "$PGDATA")"
  printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
  initdb -D "$new" --username="$POSTGRES_USER" --pwfile=/tmp/password --auth-host=scram-sha-256 --auth-local=trust \
    --encoding=UTF8 --locale=C.UTF-8 --no-instructions >/tmp/initdb.log || { cat /tmp/initdb.log >&2; exit 1; }
  rm /tmp/password
  printf "listen_addresses = '*'\nunix_socket_directories = '/tmp'\nwal_level = logical\nshared_buffers = 32MB\n" >>"$new/postgresql.conf"
  echo 'host all all all scram-sha-256' >>"$new/pg_hba.conf"
  [ "$POSTGRES_DB" = postgres ] || echo "CREATE DATABASE \"$POSTGRES_DB\";" | postgres --single -D "$new" postgres >/dev/null
  mv "$new" "$PGDATA"
fi
exec postgres -D "$PGDATA"
