"""The program itself: what a user can mend ends a run as one message, and not as a traceback of Python."""

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from bus.cluster.access import Cluster, Unreachable
from bus.config import settings
from bus.deployment import Release
from bus.errors import InvalidInput, UserError
from bus.plan import build
from bus.releases.compare import preview
from bus.releases.recovery import records
from bus.releases.render import rendering
from components import preflight
from tests.support.stacks import load_stack

PROGRAM = Path(__file__).parents[2] / "__main__.py"


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clusters that have nothing of the stack yet; what runs is compared in tests/running."""
    monkeypatch.setattr("bus.cluster.kube.listed", lambda *_: [])


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
        run_with(UserError("helm cannot render central"), monkeypatch)
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
    monkeypatch.setattr("bus.cluster.reachable.check_reachable", lambda _: None)
    monkeypatch.setattr(records, "read", lambda _, names: {name: [] for name in names})
    monkeypatch.setattr(rendering, "is_there", lambda: True)
    monkeypatch.setattr(preview, "preview", fail)
    plan = build.plan(PROGRAM.parent, load_stack("local"))
    with pytest.raises(InvalidInput) as refused:
        preflight.run(plan, {})
    said = [problem.allowed for problem in refused.value.problems]
    assert said == [
        f"site {site}: helm cannot render {release.name}: parse error"
        for site in plan.sites
        for release in plan.releases(site)
    ]


def offline(
    monkeypatch: pytest.MonkeyPatch, allowed: tuple[str, ...], gone: str, dry_run: bool
) -> tuple[Any, list[str]]:
    """The plan after a preflight during which the cluster of site `gone` does not answer, and the warnings."""

    def check(cluster: Cluster) -> None:
        if cluster.namespace == f"hickson{gone}-local":
            raise Unreachable("no route")

    warned: list[str] = []
    monkeypatch.chdir(PROGRAM.parent)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: dry_run)
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    monkeypatch.setattr("bus.cluster.reachable.check_reachable", check)
    monkeypatch.setattr(records, "read", lambda _, names: {name: [] for name in names})
    monkeypatch.setattr(rendering, "is_there", lambda: not dry_run)
    monkeypatch.setattr(rendering, "render", lambda *_: "")
    loaded = load_stack("local")
    content = loaded.stack_file.model_copy(update={"allow_offline": allowed})
    return preflight.run(build.plan(PROGRAM.parent, replace(loaded, stack_file=content)), {}), warned


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_complexe_out_of_reach_does_not_hold_up_the_others_where_that_is_allowed(
    dry_run: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, warned = offline(monkeypatch, ("cinecity",), "cinecity", dry_run)
    assert [release.cluster for release in plan.releases("cinecity")] == [None] * 3
    assert all(release.cluster and release.description for release in plan.releases("central"))
    assert len(warned) == 1 and "the cluster of cinecity cannot be reached: no route" in warned[0]


@pytest.mark.parametrize(("allowed", "gone"), [((), "cinecity"), (("cinecity",), "central")])
def test_any_other_site_out_of_reach_is_refused(
    allowed: tuple[str, ...], gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInput, match=rf"the cluster of {gone} cannot be reached: no route; .* bus:allowOffline"):
        offline(monkeypatch, allowed, gone, False)


def deployed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What `pulumi up` of the project's own sample refuses, where all clusters answer."""
    monkeypatch.chdir(PROGRAM.parent)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
    monkeypatch.setattr("bus.cluster.reachable.check_reachable", lambda _: None)
    monkeypatch.setattr(records, "read", lambda _, names: {name: [] for name in names})
    with pytest.raises(InvalidInput) as refused:
        preflight.run(build.plan(PROGRAM.parent, load_stack("local")), {})
    return [str(problem) for problem in refused.value.problems]


def test_nothing_is_applied_that_could_not_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    (said,) = deployed(monkeypatch)
    assert "what the charts make must be checked before it is applied: helm is not on PATH" in said


def test_a_deployment_refuses_what_no_template_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    pod = (
        "---\n# Source: x/charts/cineges-ui/templates/service.yaml\napiVersion: v1\nkind: Pod\nmetadata: {name: root}\n"
    )
    monkeypatch.setattr(rendering, "is_there", lambda: True)
    monkeypatch.setattr(rendering, "_helm", lambda _, name, *__: pod if name == "central" else "")
    (said,) = deployed(monkeypatch)
    assert said.startswith(
        "values/cineges-ui.yml: release central: charts/ui-chart/templates/service.yaml renders to Pod/root"
    )
