"""`make up` beside a `pulumi up` of a user in the same sandbox: with real locks of real processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bus.cli.unlock import held
from bus.errors import UserError
from sandbox import deploying, places, venv
from sandbox.steps import Step, run_steps, shown

pytestmark = pytest.mark.servers
SECONDS = 120
ROOT = Path(__file__).parents[2]
# Holds the lock of its stack until `go` is there.
PROGRAM = """
import time
from pathlib import Path
folder = Path(__file__).parent
(folder / "runs").touch()
while not (folder / "go").exists():
    time.sleep(0.1)
"""


class Sandbox:
    """A sandbox's backend and stack in a folder, with a program that runs as long as the test wants."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        if "PULUMI_HOME" not in os.environ:
            raise RuntimeError("PULUMI_HOME is not set: run `make test`, or . sandbox/env.sh")
        self.folder, self.running = folder, list[subprocess.Popen[str]]()
        (folder / "state").mkdir()
        (folder / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
        (folder / "Pulumi.local.yaml").write_text("config: {}\n")
        (folder / "__main__.py").write_text(PROGRAM)
        self.environment = {
            **{key: value for key, value in os.environ.items() if key != "BUS_CONFIG_FILE"},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{folder}/state?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHONPATH": str(ROOT),
        }
        for key, value in self.environment.items():
            monkeypatch.setenv(key, value)
        monkeypatch.setattr(places, "STATE", folder / "state")
        monkeypatch.setattr(places, "CONFIG", folder / "Pulumi.local.yaml")
        monkeypatch.setattr(deploying, "environment", lambda: self.environment)
        monkeypatch.setattr(deploying, "shown", partial(shown, cwd=folder))
        monkeypatch.setattr(venv, "python", lambda: Path(sys.executable))
        self.command("stack", "init", "local").communicate()

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        """A pulumi of the user's, in a group of its own."""
        found = subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.running.append(found)
        return found

    def users_up(self) -> subprocess.Popen[str]:
        """A user's `pulumi up`, which has the lock and whose program runs."""
        found = self.command("up", "--yes", "--skip-preview", "--stack", "local")
        end = time.monotonic() + SECONDS
        while not (self.folder / "runs").exists():
            assert time.monotonic() < end and found.poll() is None, found.stdout and found.stdout.read()
            time.sleep(0.1)
        return found

    def let_go(self) -> None:
        (self.folder / "go").touch()

    def end(self) -> None:
        self.let_go()  # a run of make up that a failed test has left ends by itself
        for process in self.running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path, monkeypatch)
    yield made
    made.end()


def make_up() -> None:
    run_steps([Step("pulumi up", deploying._pulumi_up, remedy="run the same command again")])


def test_make_up_waits_for_a_living_pulumi_up_and_both_end_well(
    sandbox: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    first = sandbox.users_up()
    (lock,) = held(sandbox.folder, "local")
    assert lock.pid == first.pid
    second = threading.Thread(target=make_up, daemon=True)
    second.start()
    said, end = "", time.monotonic() + SECONDS
    while "waiting until it ends" not in said:
        assert time.monotonic() < end and second.is_alive(), said
        said += capfd.readouterr().out
        time.sleep(0.2)
    assert f"pid {first.pid}" in said and "that process is alive" in said
    assert held(sandbox.folder, "local") == [lock], "the lock of a living run is left alone"
    sandbox.let_go()
    output = first.communicate(timeout=SECONDS)[0]
    assert first.returncode == 0 and "lock" not in output, output
    second.join(SECONDS)
    assert not second.is_alive()
    said += capfd.readouterr().out
    assert "is not locked" in said and "$ pulumi up" in said
    assert held(sandbox.folder, "local") == []


def test_make_up_goes_on_after_a_run_that_was_killed(sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    first = sandbox.users_up()
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert [lock.pid for lock in held(sandbox.folder, "local")] == [first.pid]
    sandbox.let_go()
    make_up()
    said = capfd.readouterr().out
    assert "that process is gone" in said and "stack local is unlocked" in said
    assert held(sandbox.folder, "local") == []


def test_make_up_ends_with_the_name_of_who_does_not_end(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(deploying, "LOCK_WAIT_SECONDS", 1)
    first = sandbox.users_up()
    with pytest.raises(SystemExit):
        make_up()
    said = capfd.readouterr()
    assert f"pid {first.pid}" in said.err and "stays locked after 1 s" in said.err
    assert "$ pulumi up" not in said.out
    sandbox.let_go()
    output = first.communicate(timeout=SECONDS)[0]
    assert first.returncode == 0 and "lock" not in output, output


def test_a_lock_of_another_machine_is_left_alone(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploying, "LOCK_WAIT_SECONDS", 1)
    folder = sandbox.folder / "state/.pulumi/locks/organization/tiny/local"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "1.json").write_text(
        '{"pid": 1, "username": "anna", "hostname": "laptop", "timestamp": "2026-11-30T20:00:00Z"}'
    )
    with pytest.raises(SystemExit):
        make_up()
    assert (folder / "1.json").exists()
    with pytest.raises(UserError, match=r"stays locked: lock of anna@laptop, pid 1, .* another machine"):
        from bus.cli.unlock import unlock

        monkeypatch.chdir(sandbox.folder)
        unlock("local")
