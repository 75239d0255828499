"""The scripts of a bundle: shell that the stock tools are called from as they should be."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bus.bundle import scripts

TOPICS: dict[str, dict[str, Any]] = {
    "cineges.film.data": {"partitions": 3, "replicationFactor": 2, "configs": {"cleanup.policy": "compact,delete"}},
    "notifications": {"partitions": 1, "replicationFactor": 1, "configs": {}},
}
INDICES: dict[str, dict[str, Any]] = {
    "films": {
        "settings": {"number_of_shards": "1"},
        "mappings": {"properties": {"l'été": {"type": "keyword"}}},
        "aliases": {"c": {}},
    }
}


def recorder(folder: Path, name: str, answer: str = "") -> Path:
    """A program that writes down its arguments and its input, one JSON-free line each."""
    made = folder / name
    made.write_text(f'#!/bin/sh\nfor a in "$@"; do printf "%s\\n" "$a"; done >> "{folder}/{name}.log"\n{answer}\n')
    made.chmod(0o755)
    return made


def test_each_topic_is_one_call_with_its_own_configs(tmp_path: Path) -> None:
    (tmp_path / "topics.sh").write_text(scripts.topics("central", "topics.sh", TOPICS))
    tool = recorder(tmp_path, "kafka-topics.sh")
    command = ["sh", str(tmp_path / "topics.sh"), "kafka:9092", "--command-config", "client.properties"]
    subprocess.run(command, env={"KAFKA_TOPICS": str(tool), "PATH": "/usr/bin:/bin"}, check=True)
    fixed = ["--bootstrap-server", "kafka:9092", "--command-config", "client.properties", "--create", "--if-not-exists"]
    film = ["--topic", "cineges.film.data", "--partitions", "3", "--replication-factor", "2"]
    notifications = ["--topic", "notifications", "--partitions", "1", "--replication-factor", "1"]
    wanted = [*fixed, *film, "--config", "cleanup.policy=compact,delete", *fixed, *notifications]
    assert (tmp_path / "kafka-topics.sh.log").read_text().splitlines() == wanted


@pytest.mark.parametrize(("code", "calls", "ends"), [("404", 2, 0), ("200", 1, 0), ("401", 1, 1)])
def test_an_index_is_made_where_it_is_missing_and_only_there(tmp_path: Path, code: str, calls: int, ends: int) -> None:
    (tmp_path / "indices.sh").write_text(scripts.indices("central", "indices.sh", INDICES))
    recorder(tmp_path, "curl", f'case "$*" in *PUT*) cat > "{tmp_path}/body" ;; *) printf {code} ;; esac')
    command = ["sh", str(tmp_path / "indices.sh"), "http://es:9200", "-u", "me"]
    done = subprocess.run(
        command, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == ends
    log = (tmp_path / "curl.log").read_text().splitlines()
    assert log.count("-u") == calls
    assert ("http://es:9200/films-000001" in log) == (code == "404")
    if code == "404":
        body = json.loads((tmp_path / "body").read_text())
        assert body["mappings"] == INDICES["films"]["mappings"]
        assert body["aliases"] == {"c": {}, "films": {}}
    if ends:
        assert "http://es:9200/films answers 401" in done.stderr


def test_what_indices_rely_on_is_put_before_them(tmp_path: Path) -> None:
    relied_on: dict[str, Any] = {
        "indexTemplates": {"sales": {"index_patterns": ["sales-*"]}},
        "pipelines": {"p": {"processors": []}},
    }
    (tmp_path / "indices.sh").write_text(scripts.indices("central", "indices.sh", INDICES, relied_on))
    recorder(tmp_path, "curl", f'case "$*" in *PUT*) cat >> "{tmp_path}/body" ;; *) printf 404 ;; esac')
    command = ["sh", str(tmp_path / "indices.sh"), "http://es:9200"]
    subprocess.run(command, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, check=True)
    called = [line for line in (tmp_path / "curl.log").read_text().splitlines() if line.startswith("http")]
    assert called == [
        "http://es:9200/_ingest/pipeline/p",
        "http://es:9200/_index_template/sales",
        "http://es:9200/films",
        "http://es:9200/films-000001",
    ]
    assert "sales-*" in (tmp_path / "body").read_text()


def test_scripts_say_how_they_are_used(tmp_path: Path) -> None:
    for text in (scripts.topics("central", "t.sh", {}), scripts.indices("central", "t.sh", {})):
        (tmp_path / "t.sh").write_text(text)
        done = subprocess.run(["sh", str(tmp_path / "t.sh")], capture_output=True, text=True, check=False)
        assert done.returncode != 0 and "usage: t.sh" in done.stderr
