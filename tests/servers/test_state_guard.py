"""A forged provider in the state of a real backend: the engine would run it, and bus refuses before that."""

import base64
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bus.state_guard import KEY

pytestmark = pytest.mark.servers
ROOT = Path(__file__).parents[2]
PROGRAM = """
from components.providers.deployments import Attempt

Attempt("deployment", pins={"central": {"x": "r/x:1"}})
"""


class Evil:
    """What loading a pickle runs."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> Any:
        return (exec, (f"open({str(self._marker)!r}, 'a').close()",))


class Stack:
    """A stack with one dynamic resource, in a backend that somebody else may write to."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.marker = folder, folder / "it-ran"
        (folder / "state").mkdir()
        (folder / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        around = {key: value for key, value in os.environ.items() if key != "BUS_CONFIG_FILE"}
        self.env = {
            **around,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{folder}/state?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHONPATH": f"{ROOT}:{folder}",
        }
        self.pulumi("stack", "init", "s")
        self.pulumi("up", "--yes", "--skip-preview", "--stack", "s")

    def run(self, *command: str) -> tuple[int, str]:
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False, timeout=120
        )
        return done.returncode, done.stdout + done.stderr

    def pulumi(self, *arguments: str) -> str:
        code, said = self.run("pulumi", *arguments, "--non-interactive")
        assert code == 0, said
        return said

    def bus(self, *arguments: str) -> tuple[int, str]:
        return self.run(sys.executable, "-m", "bus", *arguments)

    def forge(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Writes into the backend's file, as whoever may write there can."""
        (file,) = (self.folder / "state/.pulumi/stacks").rglob("s.json")
        content = json.loads(file.read_text())
        change(content["checkpoint"]["latest"])
        file.write_text(json.dumps(content))


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    if "PULUMI_HOME" not in os.environ:
        raise RuntimeError("PULUMI_HOME is not set: run `make test`, or . sandbox/env.sh")
    return Stack(tmp_path)


def forged(stack: Stack) -> Callable[[dict[str, Any]], None]:
    evil = base64.b64encode(pickle.dumps(Evil(stack.marker))).decode()

    def change(latest: dict[str, Any]) -> None:
        (resource,) = (one for one in latest["resources"] if one["urn"].endswith("::deployment"))
        resource["inputs"][KEY] = resource["outputs"][KEY] = evil

    return change


def test_a_state_as_the_program_left_it_passes(stack: Stack) -> None:
    code, said = stack.bus("check-state", "--stack", "s")
    assert code == 0 and "every provider is this program's own" in said, said
    assert stack.bus("unlock", "--stack", "s")[0] == 0


def test_a_forged_provider_is_refused_by_every_verb_and_its_code_did_not_run(stack: Stack) -> None:
    stack.forge(forged(stack))
    verbs = (("check-state",), ("unlock",), ("preview",), ("preview", "--markdown"), ("drift",))
    for verb in verbs:
        code, said = stack.bus(*verb, "--stack", "s")
        assert code == 1 and "deployment: inputs.__provider is " in said and "Traceback" not in said, (verb, said)
        assert not stack.marker.exists(), verb
    # What all of this is for: pulumi by itself loads it.
    stack.run("pulumi", "refresh", "--yes", "--skip-preview", "--stack", "s", "--non-interactive")
    assert stack.marker.exists()


def test_a_refresh_that_unlock_itself_needs_is_not_run_on_such_a_state(stack: Stack) -> None:
    def begun(latest: dict[str, Any]) -> None:
        forged(stack)(latest)
        last = latest["resources"][-1]
        latest["pending_operations"] = [{"type": "creating", "resource": {**last, "urn": f"{last['urn']}2"}}]

    stack.forge(begun)
    code, said = stack.bus("unlock", "--stack", "s")
    assert code == 1 and "deployment2: " in said and not stack.marker.exists(), said
