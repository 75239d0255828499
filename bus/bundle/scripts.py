"""Topics and indices of a site as shell scripts that need nothing but the stock Kafka tools and curl."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from bus.indices.declared.supporting import PATHS, Bodies
from bus.indices.supporting.diff import each

_TOPICS = """#!/bin/sh
# Creates the topics of site {site} that are missing; one that is there stays as it is.
# usage: {file} HOST:PORT [further options of kafka-topics.sh, as --command-config FILE]
# KAFKA_TOPICS names kafka-topics.sh where it is not on PATH.
set -eu
brokers=${{1:?usage: {file} HOST:PORT [options]}}
shift
options="$*"
topic() {{ # NAME PARTITIONS REPLICATION [--config KEY=VALUE]...
  name=$1 partitions=$2 replication=$3
  shift 3
  # shellcheck disable=SC2086 # options are words
  "${{KAFKA_TOPICS:-kafka-topics.sh}}" --bootstrap-server "$brokers" $options --create --if-not-exists \\
    --topic "$name" --partitions "$partitions" --replication-factor "$replication" "$@"
}}
{calls}
"""
_INDICES = """#!/bin/sh
# Creates the indices of site {site} that are missing, each as NAME-000001 behind alias NAME; one that is there stays.
# What they rely on (policies, templates, pipelines) is put first, and replaced where it is there.
# usage: {file} http://HOST:PORT [further options of curl, as -u USER --cacert FILE]
set -eu
es=${{1:?usage: {file} http://HOST:PORT [options]}}
shift
options="$*"
put() {{ # PATH, its definition on stdin
  # shellcheck disable=SC2086 # options are words
  curl -sS --fail-with-body $options -X PUT -H 'Content-Type: application/json' --data-binary @- "$es$1"
  echo
}}
index() {{ # NAME, its definition on stdin
  # shellcheck disable=SC2086 # options are words
  code=$(curl -sS $options -o /dev/null -w '%{{http_code}}' "$es/$1")
  case $code in
    200) echo "$1 is there" ; cat > /dev/null ;;
    404)
      # shellcheck disable=SC2086
      curl -sS --fail-with-body $options -X PUT -H 'Content-Type: application/json' --data-binary @- "$es/$1-000001"
      echo ;;
    *) echo "$es/$1 answers $code" >&2 ; exit 1 ;;
  esac
}}
{calls}
"""


def topics(site: str, file: str, wanted: Mapping[str, Mapping[str, Any]]) -> str:
    """A script that creates topics; `wanted` as a SitePlan has them."""
    calls = []
    for name, topic in sorted(wanted.items()):
        configs = [f"--config {shlex.quote(f'{key}={value}')}" for key, value in sorted(topic["configs"].items())]
        words = ["topic", shlex.quote(name), str(topic["partitions"]), str(topic["replicationFactor"]), *configs]
        calls.append(" ".join(words))
    return _TOPICS.format(site=site, file=file, calls="\n".join(calls))


def indices(site: str, file: str, wanted: Mapping[str, Mapping[str, Any]], relied_on: Bodies | None = None) -> str:
    """A script that creates indices as bus.indices.admin does; all it gets is as a SitePlan has it."""
    calls = [
        f"put {shlex.quote(f'{PATHS[kind]}/{name}')} {_document(body)}" for kind, name, body in each(relied_on or {})
    ]
    for name, index in sorted(wanted.items()):
        body = {
            "settings": {key: value for key, value in index["settings"].items() if value is not None},
            "mappings": dict(index["mappings"]),
            "aliases": {name: {}, **index["aliases"]},
        }
        calls.append(f"index {shlex.quote(name)} {_document(body)}")
    return _INDICES.format(site=site, file=file, calls="\n".join(calls))


def _document(body: Mapping[str, Any]) -> str:
    return f"<<'JSON'\n{json.dumps(body, indent=1, sort_keys=True)}\nJSON"
