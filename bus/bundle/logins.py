"""Kafka logins of a site as shell scripts: passwords are made on the customer's side, and no bundle has one.

Both scripts keep passwords in files that only their user reads: never in an argument, which stands in the process list.
"""

import shlex
from collections.abc import Mapping, Sequence

from bus.cluster.access import BROKERS_SECRET, MECHANISMS, OF_BROKERS
from bus.users.passwords import ITERATIONS, of_brokers, secret_of_brokers
from bus.users.plan import from_props
from bus.users.rights import Rights

_SECRETS = """#!/bin/sh
# Makes the Kafka passwords of site {site}, each once, and the Secrets that its pods read.
# usage: {file} FOLDER [further options of kubectl]
# FOLDER keeps the passwords: a private one outside of the bundle, the same for all sites and all bundles.
set -eu
folder=${{1:?usage: {file} FOLDER [options]}}
shift
options="$*"
umask 077
password() {{ # SITE NAME: its password, made where there is none
  mkdir -p "$folder/$1"
  [ -s "$folder/$1/$2" ] || {{
    openssl rand -base64 24 | tr '+/' '-_' | tr -d '=\\n' >"$folder/$1/$2.new"
    mv "$folder/$1/$2.new" "$folder/$1/$2"
  }}
  cat "$folder/$1/$2"
}}
secret() {{ # NAME: a Secret of the files in $work
  # shellcheck disable=SC2086 # options are words
  kubectl create secret generic "$1" $options -n {namespace} --from-file="$work" --dry-run=client -o json |
    kubectl apply $options --server-side --force-conflicts --field-manager=bus -f -
  rm -f "$work"/*
}}
login() {{ # NAME USER SITE: the Secret of one user
  printf %s {mechanism} >"$work/mechanism"
  printf %s "$2" >"$work/username"
  printf %s "$(password "$3" "$2")" >"$work/password"
  secret "$1"
}}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{brokers}
{calls}
"""
_USERS = """#!/bin/sh
# Gives the Kafka users of site {site} the passwords that logins.sh made, and their rights. It may be run again.
# usage: {file} HOST:PORT FOLDER [further options of kafka-configs.sh and kafka-acls.sh]
# KAFKA_CONFIGS and KAFKA_ACLS name these two where they are not on PATH.
set -eu
brokers=${{1:?usage: {file} HOST:PORT FOLDER [options]}}
folder=${{2:?usage: {file} HOST:PORT FOLDER [options]}}
shift 2
options="--bootstrap-server $brokers --command-config $folder/{site}/admin.properties $*"
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
login() {{ # USER
  printf '{mechanism}=iterations={iterations},password=%s\\n' "$(cat "$folder/{site}/$1")" >"$work/config"
  # shellcheck disable=SC2086 # options are words
  "${{KAFKA_CONFIGS:-kafka-configs.sh}}" $options --alter --entity-type users --entity-name "$1" \\
    --add-config-file "$work/config"
}}
grant() {{ # USER, then what kafka-acls.sh takes: operations, names, and whether these are beginnings
  user=$1
  shift
  # shellcheck disable=SC2086
  "${{KAFKA_ACLS:-kafka-acls.sh}}" $options --add --allow-principal "User:$user" "$@"
}}
{calls}
"""
_KINDS = {"topics": "--topic", "groups": "--group", "transactionalIds": "--transactional-id"}


def secrets(
    site: str, namespace: str, users: Sequence[str] | None, mirrored: Mapping[str, str], file: str = "logins.sh"
) -> str:
    """Return the script that makes a site's passwords and Secrets.

    `users` is None where the site's own brokers ask nobody. `mirrored` maps a complexe to the user there that the
    mirror of this site logs in as.
    """
    calls = [f"login kafka-{user} {user} {site}" for user in sorted(users or ())]
    calls += [f"login kafka-{user}-{other} {user} {other}" for other, user in sorted(mirrored.items())]
    return _SECRETS.format(
        site=site,
        file=file,
        namespace=shlex.quote(namespace),
        mechanism=MECHANISMS[0],
        brokers=_brokers(site) if users is not None else "",
        calls="\n".join(calls),
    )


def _brokers(site: str) -> str:
    """The lines that make the login of brokers and administrators."""
    shell = {user: f"bus_{number}" for number, user in enumerate(sorted(of_brokers({}, False, str)), 1)}
    lines = [f"{variable}=$(password {site} {user})" for user, variable in shell.items()]
    content = secret_of_brokers({user: f"${{{variable}}}" for user, variable in shell.items()})
    for key, text in sorted(content.items()):
        lines.append(f'printf %s "$(cat <<EOF\n{text}\nEOF\n)" >"$work/{key}"')
    lines += [
        f'cat >"$folder/{site}/admin.properties" <<EOF',
        "security.protocol=SASL_PLAINTEXT",
        f"sasl.mechanism={OF_BROKERS}",
        f"sasl.jaas.config={content['scram']}",
        "EOF",
        f"secret {BROKERS_SECRET}",
    ]
    return "\n".join(lines)


def users(site: str, wanted: Mapping[str, Rights], file: str = "users.sh") -> str:
    """Return the script that gives a site's users their passwords and rights, in few calls: each starts a JVM."""
    calls = []
    for user, rights in sorted(wanted.items()):
        calls.append(f"login {shlex.quote(user)}")
        calls += [shlex.join(["grant", user, *words]) for words in _grants(user, rights)]
    return _USERS.format(site=site, file=file, mechanism=MECHANISMS[0], iterations=ITERATIONS, calls="\n".join(calls))


def _grants(user: str, rights: Rights) -> list[list[str]]:
    """The words of each call for a user: names of one kind with the same operations and pattern go together."""
    operations: dict[tuple[str, str], list[str]] = {}
    for acl in from_props(user, rights):
        operations.setdefault((acl.kind, acl.name), []).append(acl.operation)
    together: dict[tuple[tuple[str, ...], str, bool], list[str]] = {}
    for (kind, name), allowed in sorted(operations.items()):
        key = (tuple(sorted(allowed)), kind, name.endswith("*"))
        together.setdefault(key, []).append(name.removesuffix("*"))
    return [
        [
            *(word for operation in allowed for word in ("--operation", operation[0].upper() + operation[1:])),
            *(word for name in names for word in (_KINDS[kind], name)),
            *(("--resource-pattern-type", "prefixed") if prefixed else ()),
        ]
        for (allowed, kind, prefixed), names in sorted(together.items())
    ]
