"""The running sandbox as tests see it: pulumi, kubectl and the services behind the API server's proxy."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from bus.cluster.access import Cluster
from bus.cluster.endpoints import elasticsearch_url
from tests.support.killing import strike

ROOT = Path(__file__).parents[2]
T = TypeVar("T")
# Suite `servers` runs beside these tests, on two cores or on a machine that has other work.
_PATIENCE_SECONDS = 300.0


def need(variable: str) -> str:
    """A setting that `make test` exports; without it the test fails and says what to do."""
    value = os.environ.get(variable)
    if not value:
        raise RuntimeError(f"{variable} is not set: run `make test`, or `make up` and `. sandbox/env.sh` first")
    return value


def run(*command: str, stdin: str | None = None, seconds: int = 600, cwd: Path = ROOT) -> str:
    """Runs a command in the project's folder, or in a copy of it; its output, or an error that shows what it said."""
    env = {**os.environ, "PULUMI_DEBUG_COMMANDS": "true"}  # for --event-log
    done = subprocess.run(
        command, cwd=cwd, env=env, input=stdin, capture_output=True, text=True, timeout=seconds, check=False
    )
    if done.returncode:
        raise AssertionError(
            f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
        )
    return done.stdout


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """kubectl against the sandbox."""
    need("KUBECONFIG")
    return run("kubectl", *arguments, stdin=stdin, seconds=360)


@dataclass(frozen=True)
class Stack:
    """Stack `local` with a config file of its own, so that a test may change it."""

    config: Path
    root: Path = ROOT

    @classmethod
    def local(cls) -> "Stack":
        """The stack as `make up` deploys it."""
        return cls(Path(need("BUS_CONFIG_FILE")))

    def changed(self, edit: Callable[[dict[str, Any]], None]) -> "Stack":
        """The same stack with another config; `edit` is given the map below `config:`."""
        import yaml

        content = yaml.safe_load(self.config.read_text())
        edit(content["config"])
        # Pulumi derives the stack's config from the file's content only, so any name will do.
        target = Path(tempfile.mkdtemp(prefix="bus-config-")) / self.config.name
        target.write_text(yaml.safe_dump(content, sort_keys=False))
        return Stack(target, self.root)

    def copied(self, target: Path) -> "Stack":
        """The same stack deployed from a copy of the project, whose values/ and charts/ a test may edit."""
        tracked = run("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
        for name in tracked:
            if (ROOT / name).exists():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, target / name)
        (target / ".venv").symlink_to((ROOT / ".venv").resolve())
        return Stack(self.config, target)

    def pulumi(self, verb: str, *arguments: str, stdin: str | None = None, seconds: int = 1500) -> str:
        """A verb of the ordinary CLI, without questions."""
        return run(*self._command(verb, *arguments), stdin=stdin, seconds=seconds, cwd=self.root)

    def killed(self, look: Callable[[], bool], verb: str, *arguments: str) -> bool:
        """A verb, killed with all it started once `look` sees its moment, and then `bus unlock`, as in a pipeline.

        False where it ended before.
        """
        quiet = subprocess.DEVNULL
        command = self._command(verb, *arguments)
        process = subprocess.Popen(command, cwd=self.root, stdin=quiet, stdout=quiet, stderr=quiet)
        try:
            return strike(process, look) is not None
        finally:
            run("bus", "unlock", "--stack", "local", "--config-file", str(self.config), cwd=self.root)

    def _command(self, verb: str, *arguments: str) -> list[str]:
        need("PULUMI_BACKEND_URL")
        fixed = ["--stack", "local", "--non-interactive", "--color", "never"]
        if verb not in ("stack", "cancel"):
            fixed += ["--config-file", str(self.config)]
        if verb in ("up", "preview", "destroy", "refresh"):
            fixed += ["--suppress-outputs"]
        return ["pulumi", verb, *arguments, *fixed]

    def up(self, *arguments: str) -> list[dict[str, Any]]:
        """`pulumi up`; returns the engine's own events."""
        folder = Path(tempfile.mkdtemp(prefix="bus-events-"))
        try:
            self.pulumi("up", "--yes", "--skip-preview", "--event-log", str(folder / "events"), *arguments)
            return [json.loads(line) for line in (folder / "events").read_text().splitlines()]
        finally:
            shutil.rmtree(folder)


def operations(events: list[dict[str, Any]]) -> dict[str, str]:
    """Resource name -> what the engine did with it, for all that changed."""
    done = {}
    for event in events:
        step = event.get("resOutputsEvent", {}).get("metadata")
        if step and step["op"] not in ("same", "read"):
            done[step["urn"].rsplit("::", 1)[-1]] = step["op"]
    return done


class Site:
    """The services of one site, reached through the API server."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def get(self, service: str, path: str, port: int = 80) -> Any:
        """GET of a service's JSON."""
        return json.loads(kubectl("get", "--raw", self._proxy(service, path, port)))

    def produce(self, brick: str, topic: str, key: str, value: dict[str, Any]) -> None:
        """Has a brick write a record."""
        path = f"produce/{quote(topic)}?key={quote(key)}"
        kubectl("create", "--raw", self._proxy(brick, path, 80), "-f", "-", stdin=json.dumps(value))

    def index(self, alias: str, key: str, document: dict[str, Any]) -> None:
        """Writes a document, through a port-forward: the API server's proxy takes no body that Elasticsearch likes."""
        with elasticsearch_url(Cluster(context="bus-sandbox", namespace=self.namespace)) as url:
            httpx.put(f"{url}/{alias}/_doc/{quote(key)}?refresh=true", json=document).raise_for_status()

    def _proxy(self, service: str, path: str, port: int) -> str:
        return f"/api/v1/namespaces/{self.namespace}/services/{service}:{port}/proxy/{path}"


def kafka(site: Site, tool: str, *arguments: str) -> str:
    """One of Kafka's own tools in a broker's pod, with the login that the pod has."""
    where = ("--bootstrap-server", "localhost:9092", "--command-config", "/etc/kafka/admin.properties")
    return kubectl("exec", "-n", site.namespace, "kafka-0", "--", "/opt/kafka/bin/kafka.sh", tool, *where, *arguments)


def keys_seen(site: Site, brick: str, topic: str) -> list[str]:
    """Keys of the records of a topic that a brick read last."""
    return [record["key"] for record in site.get(brick, "seen").get(topic, {}).get("last", [])]


def eventually(look: Callable[[], T], seconds: float = _PATIENCE_SECONDS) -> T:
    """The first truthy answer of `look`; its last answer or error is shown when none came in time."""
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
        except AssertionError as error:
            last = error
        time.sleep(1)
    raise AssertionError(f"nothing after {seconds} s; last: {last}")
