"""A stack of the tests' own: the real engine with a file backend in a folder, two tiny releases on a control plane."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bus.releases.recovery import records
from tests.support.killing import command_of, kill, strike
from tests.support.kwok import Kwok

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, {root!r})
import pulumi
import pulumi_kubernetes as k8s

from bus.cluster.access import Cluster
from bus.deployment import Release
from bus.releases.recovery import records
from bus.releases.recovery.state import description
from bus.releases.render.values import with_defaults
from components.release_hooks import wanted_of
from components.umbrella import Umbrella, UmbrellaArgs

cluster = Cluster(kubeconfig=Path(os.environ["KUBECONFIG"]).read_text(), namespace={namespace!r})
given = {{"text": os.environ["TEXT"], "neverReady": os.environ["NEVER"] == "yes"}}
provider = k8s.Provider("cluster", upsert_existing_objects=True)
kept = pulumi.ResourceOptions(provider=provider, retain_on_delete=True)
namespace = k8s.core.v1.Namespace("place", metadata={{"name": {namespace!r}}}, opts=kept)
found = records.read(cluster, ["r", "later"])
after = [namespace]
for name, values in {{"r": given, "later": {{}}}}.items():
    release = Release(name, "tiny", with_defaults(Path("charts"), "tiny", values), int(os.environ["SECONDS_TO_WAIT"]))
    said = description(found[name], wanted_of(release), datetime.now(UTC))
    release = replace(release, cluster=cluster, description=said)
    below = pulumi.ResourceOptions(providers={{"kubernetes": provider}})
    after.append(Umbrella(name, UmbrellaArgs(release, {namespace!r}, list(after)), below).release)
"""


@dataclass
class Engine:
    """Stack `s` of a project in `folder`, deployed to a namespace of its own."""

    kwok: Kwok
    folder: Path
    namespace: str
    orphans: list[int] = field(default_factory=list)
    """what lived on when only a part of a run was killed; the test ends them"""
    told: dict[str, int] = field(default_factory=dict)
    """verb -> how many events the engine told of a whole run at least"""
    took: dict[str, float] = field(default_factory=dict)
    """verb -> seconds that it took the last time"""

    @property
    def environment(self) -> dict[str, str]:
        # The sandbox's shell names the stack file of another stack, which `bus unlock` would go by.
        around = {key: value for key, value in self.kwok.environment.items() if key != "BUS_CONFIG_FILE"}
        return {
            **around,
            "PATH": f"{Path(sys.executable).parent}:{self.kwok.environment['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{self.folder}/state?metadata=skip",  # docs/adr/0036
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(ROOT),  # the state names provider modules, which a project of bus has beside it
        }

    def prepare(self, program: str = PROGRAM) -> None:
        """Writes the project and makes the stack; `program` is formatted with `root` and `namespace`."""
        if "PULUMI_HOME" not in os.environ:
            raise RuntimeError("PULUMI_HOME is not set: run `make test`, or . sandbox/env.sh")
        (self.folder / "state").mkdir()
        (self.folder / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
        (self.folder / "__main__.py").write_text(program.format(root=str(ROOT), namespace=self.namespace))
        self.kwok.command("cp", "-r", str(ROOT / "tests/support/chart"), str(self.folder))
        (self.folder / "charts").mkdir()
        (self.folder / "chart").rename(self.folder / "charts/tiny")
        self.pulumi("stack", "init", "s")

    def pulumi(self, *arguments: str, check: bool = True, **settings: str) -> str:
        """A verb of the ordinary CLI; all it said. Raises AssertionError where it fails."""
        begun = time.monotonic()
        heard = arguments[0] in ("up", "destroy")
        if heard:
            self.events.unlink(missing_ok=True)
        done = subprocess.run(
            [*self._command(*arguments), *(["--event-log", str(self.events)] if heard else [])],
            cwd=self.folder,
            env=self._with({**settings, "PULUMI_DEBUG_COMMANDS": "true"} if heard else settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"pulumi {' '.join(arguments)} ended with {done.returncode}\n{done.stdout[-5000:]}")
        self.took[arguments[0]] = time.monotonic() - begun
        if heard:
            self.told[arguments[0]] = min(self.events_told(), self.told.get(arguments[0], sys.maxsize))
        return done.stdout

    def up(self, **settings: str) -> str:
        return self.pulumi("up", "--yes", "--skip-preview", check=True, **settings)

    def killed_when(self, look: Callable[[], bool], *arguments: str, victim: str = "", **settings: str) -> bool:
        """A verb, and SIGKILL once `look` sees its moment; False where it ended before.

        Killed is everything, as on a machine that is gone; or what `victim` names of it, a part of a process's name,
        while the rest ends as it can. Its events go to `events`.
        """
        self.events.unlink(missing_ok=True)
        with (self.folder / "killed.log").open("wb") as log:
            process = subprocess.Popen(
                [*self._command(*arguments), "--event-log", str(self.events)],
                cwd=self.folder,
                env=self._with({**settings, "PULUMI_DEBUG_COMMANDS": "true"}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            try:
                left = strike(process, look, victim)
            finally:
                self.unlock()
        self.orphans += left or []
        return left is not None

    def end(self) -> None:
        """Ends what lived on."""
        for pid in self.orphans:
            if "pulumi" in command_of(pid):
                kill(pid)
        self.orphans.clear()

    @property
    def events(self) -> Path:
        """What the engine told of the run that was killed last, one JSON object a line."""
        return self.folder / "events"

    def events_told(self) -> int:
        """How many events the engine has told of the present run, or of the last."""
        return len(self.events.read_text().splitlines()) if self.events.exists() else 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """A finalizer on a release's object, which a removal waits for until the context ends."""
        self._finalizers(["tests/held"])
        try:
            yield
        finally:
            self._finalizers(None)

    def _finalizers(self, finalizers: list[str] | None) -> None:
        patch = json.dumps({"metadata": {"finalizers": finalizers}})
        command = ("kubectl", "patch", "configmap", "r-config", "-n", self.namespace, "--type=merge", "-p", patch)
        self.kwok.command(*command, check=finalizers is not None)

    @property
    def stacks(self) -> Path:
        """Where the backend keeps the stack's state."""
        return self.folder / "state/.pulumi/stacks/tiny"

    def newest(self, release: str) -> str:
        """The status of a release's newest record; empty where it has none."""
        found = records.read(self.kwok.cluster(self.namespace), [release])[release]
        return max(found, key=lambda record: record.revision).status if found else ""

    def unlock(self) -> str:
        """`bus unlock`: the backend's lock outlives the process that made it. Raises AssertionError."""
        done = subprocess.run(
            [sys.executable, "-m", "bus", "unlock", "--stack", "s"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"bus unlock ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def status(self) -> str:
        return self.kwok.command("helm", "list", "-a", "-n", self.namespace, "--no-headers", "-o", "json")

    def _command(self, *arguments: str) -> list[str]:
        stack = [] if arguments[:2] == ("stack", "init") else ["--stack", "s"]
        quiet = ["--suppress-outputs"] if arguments[0] in ("up", "destroy", "preview") else []
        return ["pulumi", *arguments, *stack, *quiet, "--non-interactive", "--color", "never"]

    def _with(self, settings: dict[str, str]) -> dict[str, str]:
        return {**self.environment, "TEXT": "one", "NEVER": "no", "SECONDS_TO_WAIT": "40", **settings}
