"""`pulumi up --continue-on-error` where a resource fails: others go on, its dependents are left, nothing is deleted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.servers
ROOT = Path(__file__).parents[3]
PROVIDER = """
from pathlib import Path
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

class Provider(ResourceProvider):
    serialize_as_secret_always = False
    def create(self, props):
        return CreateResult("id", dict(props))
    def diff(self, id, old, new):
        return DiffResult(changes=old["text"] != new["text"])
    def update(self, id, old, new):
        if new["text"] == "wrong":
            raise ValueError("it is wrong")
        return UpdateResult(dict(new))

class Thing(Resource):
    def __init__(self, name, text, after=None):
        from pulumi import ResourceOptions
        super().__init__(Provider(), name, {"text": text}, ResourceOptions(depends_on=after))
"""
PROGRAM = """
import os
from components import continue_on_error
from provider import Thing

continue_on_error.without_traceback()
text = os.environ["TEXT"]
one = Thing("one-site", text)
bricks = Thing("its-bricks", text, [one])
other = Thing("other-site", "right " + text)
later = Thing("other-bricks", "right " + text, [other])
Thing("mirror", text, [bricks, later])
"""


def test_what_depends_on_a_failed_resource_is_left_and_the_run_says_so(tmp_path: Path) -> None:
    if "PULUMI_HOME" not in os.environ:
        raise RuntimeError("PULUMI_HOME is not set: run `make test`, or . sandbox/env.sh")
    (tmp_path / "state").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (tmp_path / "provider.py").write_text(PROVIDER)
    (tmp_path / "__main__.py").write_text(PROGRAM)
    around = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/state?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
    }

    def pulumi(*arguments: str, text: str = "") -> tuple[int, str]:
        env = {**around, "TEXT": text}
        command = ["pulumi", *arguments, "--stack", "s", "--non-interactive"]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    up = ("up", "--yes", "--skip-preview", "--continue-on-error")
    assert pulumi("stack", "init")[0] == 0
    assert pulumi(*up, text="first")[0] == 0
    code, said = pulumi(*up, text="wrong")
    assert code != 0
    assert "Traceback" not in said
    assert "resource one-site [pulumi-python:dynamic:Resource] failed; what depends on it was left as it is" in said
    assert "other-bricks updated" in said, "what depends on no failed resource has to go on"
    assert "deleted" not in said, "what depends on it is not in the program any more, but it is not to be removed"
    code, said = pulumi(*up, text="second")
    assert code == 0
    assert "5 updated" in said, "nothing was lost"
