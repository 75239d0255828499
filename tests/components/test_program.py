"""The program itself: what a user can mend ends a run as one message, and not as a traceback of Python."""

import runpy
from pathlib import Path

import pulumi
import pytest

from bus import planning, settings
from bus.deployment import Release
from bus.errors import Mendable, Refused
from bus.releases import preview, records, rendering
from components import preflight
from tests.settings.test_settings import load_stack

PROGRAM = Path(__file__).parents[2] / "__main__.py"


def run_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> None:
        raise error

    monkeypatch.setattr(settings, "load", load)
    monkeypatch.setattr(pulumi, "get_stack", lambda: "test")
    runpy.run_path(str(PROGRAM))


def test_what_a_user_can_mend_ends_it_with_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", said.append)
    with pytest.raises(SystemExit) as ended:
        run_with(Mendable("helm cannot render central"), monkeypatch)
    assert said == ["helm cannot render central"]
    assert ended.value.code == 32, "which tells pulumi that the reason was shown"


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError):
        run_with(KeyError("name"), monkeypatch)


def test_every_release_that_helm_cannot_render_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_site: str, release: Release, *_: object) -> None:
        raise rendering.NoHelm(f"helm cannot render {release.name}: parse error")

    monkeypatch.chdir(PROGRAM.parent)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    monkeypatch.setattr("bus.reachable.check_reachable", lambda _: None)
    monkeypatch.setattr(records, "read", lambda _, names: {name: [] for name in names})
    monkeypatch.setattr(rendering, "is_there", lambda: True)
    monkeypatch.setattr(preview, "preview", fail)
    plan = planning.plan(PROGRAM.parent, load_stack("local"))
    with pytest.raises(Refused) as refused:
        preflight.run(plan, {})
    said = [problem.allowed for problem in refused.value.problems]
    assert said == [
        f"site {site}: helm cannot render {release.name}: parse error"
        for site in plan.sites
        for release in plan.releases(site)
    ]
