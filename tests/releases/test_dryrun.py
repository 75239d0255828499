"""Dry runs against servers that do not answer: bounded, and said once."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import yaml

from bus.cluster.access import Cluster
from bus.releases.compare import dryrun
from bus.releases.compare.refusals import Verdicts
from bus.releases.objects import Key, key_of

DISCOVERY = {"resources": [{"name": "configmaps", "kind": "ConfigMap", "namespaced": True}]}
OBJECTS: dict[Key, dict[str, Any]] = {
    key_of(spec, "n"): spec
    for spec in ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{n}"}} for n in range(12))
}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dryrun, "_CALL_SECONDS", 0.5)


def cluster(port: int) -> Cluster:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {}}],
    }
    return Cluster(kubeconfig=yaml.safe_dump(config), namespace="n")


def all_unknown(port: int, reason: str) -> None:
    begun = time.monotonic()
    verdicts = dryrun.ask(cluster(port), {}, OBJECTS)
    assert time.monotonic() - begun < 3
    assert not verdicts.refused
    assert {one.object for one in verdicts.unjudged} == {str(key) for key in OBJECTS}
    (line,) = verdicts.lines
    assert line.startswith(reason)
    assert "is not known of ConfigMap/c0, ConfigMap/c1, ConfigMap/c2 and 9 more" in line


def test_a_cluster_that_is_not_there_is_said_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    all_unknown(port, "the cluster cannot be reached: ")


def test_a_cluster_that_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        all_unknown(mute.getsockname()[1], "the cluster did not answer in time")


@contextmanager
def server(*, hangs: bool) -> Iterator[tuple[int, list[str]]]:
    """An API server that knows config maps; `hangs` when it is asked for a dry run."""
    asked: list[str] = []
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer({"gitVersion": "v1.35.0"} if self.path.startswith("/version") else DISCOVERY)

        def do_PATCH(self) -> None:
            asked.append(self.path)
            if hangs:
                over.wait()
                return
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer({})

        def answer(self, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Nothing is logged."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield listening.server_address[1], asked
    finally:
        over.set()
        listening.shutdown()
        listening.server_close()


def test_a_cluster_that_falls_silent_is_not_asked_for_the_rest() -> None:
    with server(hangs=True) as (port, asked):
        all_unknown(port, "the cluster did not answer in time")
        assert len(asked) == 4  # as many as are asked at once


def test_every_question_is_a_dry_run_of_what_changes_alone() -> None:
    hook = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "h", "annotations": {"helm.sh/hook": "test"}}}
    same = dict(list(OBJECTS.items())[:10])
    with server(hangs=False) as (port, asked):
        verdicts = dryrun.ask(cluster(port), same, {**OBJECTS, key_of(hook, "n"): hook})
        assert verdicts.lines == []
        flags = "?dryRun=All&fieldManager=bus-preview&fieldValidation=Strict&force=true"
        assert sorted(asked) == [f"/api/v1/namespaces/n/configmaps/c{n}{flags}" for n in (10, 11)]
        assert dryrun.ask(cluster(port), OBJECTS, OBJECTS).lines == []
        assert len(asked) == 2


def test_it_can_be_asked_from_inside_an_event_loop() -> None:
    async def program() -> Verdicts:  # as Pulumi runs one
        return dryrun.ask(cluster(port), {}, OBJECTS)

    with server(hangs=False) as (port, asked):
        loop = asyncio.new_event_loop()  # asyncio.run would take its loop away from the tests of the engine
        assert loop.run_until_complete(program()).lines == []
        loop.close()
        assert len(asked) == len(OBJECTS)
