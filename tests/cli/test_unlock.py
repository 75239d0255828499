"""What a killed run leaves in a state, and Pulumi would warn of in every run to come."""

import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bus.cli import unlock as verb
from bus.cli.engine import StackError
from bus.cli.unlock import interrupted
from bus.locks import Lock

RELEASE = "urn:pulumi:prod::bus::bus:index:Bus$kubernetes:helm.sh/v3:Release::central-bricks-release"


def test_creations_that_did_not_end_are_told_by_name() -> None:
    state = {"pending_operations": [{"type": "creating", "resource": {"urn": RELEASE}}]}
    assert interrupted(state) == ["central-bricks-release"]


def test_what_pulumi_drops_by_itself_is_left_to_it() -> None:
    others = [{"type": kind, "resource": {"urn": RELEASE}} for kind in ("updating", "deleting", "reading")]
    assert interrupted({"pending_operations": others}) == []
    assert interrupted({"pending_operations": None}) == interrupted({}) == []


LOCK = Lock("file:///locks/1.json", "root", "here", 4711, "2026-11-30T20:00:00Z")


class Backend:
    """A stack's lock, and what was done about it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, host: str = "here") -> None:
        self.locks = [replace(LOCK, host=host)]
        self.alive, self.cancelled, self.asked = True, False, 0
        monkeypatch.setattr("socket.gethostname", lambda: "here")
        monkeypatch.setattr("getpass.getuser", lambda: "root")
        monkeypatch.setattr(verb, "held", self._held)
        monkeypatch.setattr(verb, "is_pulumi", lambda _: self.alive)
        monkeypatch.setattr(verb, "pulumi", self._pulumi)
        monkeypatch.setattr(verb, "_LOOK_SECONDS", 0.01)
        monkeypatch.setattr(verb, "_ASK_AGAIN_SECONDS", 0.1)

    def _held(self, *_: object) -> list[Lock]:
        self.asked += 1
        return self.locks

    def _pulumi(self, _: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        assert arguments[0] == "cancel"
        assert not self.alive, "the lock of a living run is broken"
        self.cancelled, self.locks = True, []
        return subprocess.CompletedProcess(arguments, 0, "", "")

    def later(self, change: Callable[[], None]) -> None:
        threading.Timer(0.3, change).start()

    def end(self) -> None:
        self.locks = []

    def die(self) -> None:
        self.alive = False


def test_a_living_run_is_waited_for_and_its_lock_is_not_broken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = Backend(monkeypatch)
    backend.later(backend.end)
    verb._unlock(tmp_path, "s", 60)
    assert not backend.cancelled
    said = capsys.readouterr().out
    assert said.count("lock of root@here, pid 4711") == 1, "and it is said once"
    assert "that process is alive" in said and "waiting until it ends, 60 s at most" in said


def test_a_run_that_dies_while_it_is_waited_for_loses_its_lock(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = Backend(monkeypatch)
    backend.later(backend.die)
    verb._unlock(tmp_path, "s", 60)
    assert backend.cancelled
    assert "that process is gone" in capsys.readouterr().out


@pytest.mark.parametrize(("host", "reason"), [("here", "that process is alive"), ("laptop", "another machine")])
@pytest.mark.parametrize("wait", [0, 1])
def test_a_run_that_does_not_end_is_named(
    host: str, reason: str, wait: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    backend = Backend(monkeypatch, host=host)
    with pytest.raises(
        StackError, match=rf"stays locked{' after 1 s' * wait}: lock of root@{host}, pid 4711, .*{reason}"
    ):
        verb._unlock(tmp_path, "s", wait)
    assert not backend.cancelled


def test_a_run_of_another_machine_is_waited_for_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    backend = Backend(monkeypatch, host="laptop")
    backend.later(backend.end)
    verb._unlock(tmp_path, "s", 60)
    assert not backend.cancelled


def test_the_backend_is_not_asked_all_the_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each question takes the lock for a moment, where it is free."""
    backend = Backend(monkeypatch)
    monkeypatch.setattr(verb, "_ASK_AGAIN_SECONDS", 60.0)

    def end() -> None:
        backend.end()
        backend.die()

    backend.later(end)
    verb._unlock(tmp_path, "s", 60)
    assert backend.asked == 2
