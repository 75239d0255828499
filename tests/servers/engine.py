"""A stack of the tests' own: the real engine with a file backend in a folder, one tiny release on a control plane."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.servers.kwok import Kwok

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, {root!r})
import pulumi
import pulumi_kubernetes as k8s

from bus.access import Cluster
from bus.deployment import Release
from bus.releases import records
from bus.releases.state import description
from components.recovery import wanted_of
from components.umbrella import Umbrella, UmbrellaArgs

cluster = Cluster(kubeconfig=Path(os.environ["KUBECONFIG"]).read_text(), namespace={namespace!r})
given = {{"text": os.environ["TEXT"], "neverReady": os.environ["NEVER"] == "yes"}}
release = Release("r", "tiny", given, int(os.environ["SECONDS_TO_WAIT"]))
found = records.read(cluster, ["r"])["r"]
said = description(found, wanted_of(release), datetime.now(UTC))
release = replace(release, cluster=cluster, description=said)
provider = k8s.Provider("cluster", upsert_existing_objects=True)
kept = pulumi.ResourceOptions(provider=provider, retain_on_delete=True)
namespace = k8s.core.v1.Namespace("place", metadata={{"name": {namespace!r}}}, opts=kept)
below = pulumi.ResourceOptions(providers={{"kubernetes": provider}})
Umbrella("tiny", UmbrellaArgs(release, {namespace!r}, [namespace]), below)
"""


@dataclass
class Engine:
    """Stack `s` of a project in `folder`, deployed to a namespace of its own."""

    kwok: Kwok
    folder: Path
    namespace: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            **self.kwok.environment,
            "PATH": f"{Path(sys.executable).parent}:{self.kwok.environment['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{self.folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(ROOT),  # the state names provider modules, which a project of bus has beside it
        }

    def prepare(self) -> None:
        """Writes the project and makes the stack."""
        if "PULUMI_HOME" not in os.environ:
            raise RuntimeError("PULUMI_HOME is not set: run `make test`, or . sandbox/env.sh")
        (self.folder / "state").mkdir()
        (self.folder / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
        (self.folder / "__main__.py").write_text(PROGRAM.format(root=str(ROOT), namespace=self.namespace))
        self.kwok.command("cp", "-r", str(ROOT / "tests/servers/chart"), str(self.folder))
        (self.folder / "charts").mkdir()
        (self.folder / "chart").rename(self.folder / "charts/tiny")
        self.pulumi("stack", "init", "s")

    def pulumi(self, *arguments: str, check: bool = True, **settings: str) -> str:
        """A verb of the ordinary CLI; all it said. Raises AssertionError where it fails."""
        done = subprocess.run(
            self._command(*arguments),
            cwd=self.folder,
            env=self._with(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"pulumi {' '.join(arguments)} ended with {done.returncode}\n{done.stdout[-5000:]}")
        return done.stdout

    def up(self, **settings: str) -> str:
        return self.pulumi("up", "--yes", "--skip-preview", check=True, **settings)

    def killed(self, seconds: float, *arguments: str, **settings: str) -> bool:
        """A verb, and SIGKILL to it and all it started after `seconds`: a machine gone. False: it ended before."""
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(
            self._command(*arguments),
            cwd=self.folder,
            env=self._with(settings),
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
        )
        try:
            process.wait(seconds)
            return False
        except subprocess.TimeoutExpired:
            for pid in [process.pid, *descendants(process.pid)]:
                kill(pid)
            process.wait()
            return True
        finally:
            self.unlock()

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


def moments(seed: int, count: int, longest: float) -> list[float]:
    """Moments within a run, the same in each run of the test."""
    dice = random.Random(seed)
    return [round(dice.uniform(longest / 4, longest), 2) for _ in range(count)]


def descendants(pid: int) -> list[int]:
    """Every process below `pid`, from /proc; plugins have process groups of their own."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while this looked
            below.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        children = below.get(queue.pop(), [])
        found += children
        queue += children
    return found


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        time.sleep(0)  # it ended by itself
