"""`bus preview`: objects, images, topics and indices that a deployment would change, also for a merge request."""

import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bus import git, state_guard
from bus.cli.check_state import state_of
from bus.cli.diagnostics import errors
from bus.cli.engine import ConfigFile, StackError, StackName, project, pulumi
from bus.cli.stack import Stack, load
from bus.cluster.reachable import SITES_AT_ONCE, problem
from bus.errors import InvalidInput
from bus.fan_out import fan_out
from bus.notes import note
from bus.notes.diagnostics import messages
from bus.notes.folding import Line
from bus.notes.steps import is_change, lines, uninstalled
from bus.releases.compare import preview as releases
from bus.releases.compare import previews
from bus.releases.recovery import records
from bus.releases.render import rendering


def preview(
    stack: StackName,
    markdown: Annotated[bool, typer.Option("--markdown", help="write Markdown for a note on a merge request")] = False,
    config_file: ConfigFile = None,
) -> None:
    """Show what `pulumi up` would change, object by object. Change nothing."""
    root = project()
    state_guard.check(stack, state_of(root, stack))
    loaded = load(root, stack, config_file)
    found = _changed(root, loaded)
    done = _engine(root, stack, config_file)
    steps = [one for one in done.get("steps") or [] if is_change(one)]
    warnings, said = messages(done.get("diagnostics") or [])
    shown = {(loaded.plan.sites[one.site].site.namespace, one.release) for one in found}
    sets, others = lines(steps, loaded.plan.sites, shown, warnings)
    used = [site.site.namespace for site in loaded.plan.sites.values()]
    others += [Line(line, name) for name, gone in uninstalled(steps, used).items() for line in gone]
    where = os.environ.get("CI_JOB_URL", "") if markdown else ""
    whole = note.Preview(
        stack, commit(root), where, tuple(loaded.plan.sites), found, warnings, said, sets, others, len(steps)
    )
    print(note.markdown(whole) if markdown else note.text(whole), end="")


def _changed(root: Path, loaded: Stack) -> Sequence[releases.ReleasePreview]:
    """The releases that would change; raises InvalidInput with what is wrong with all of them, NoHelm."""
    if not rendering.is_there():
        raise rendering.NoHelm(rendering.MISSING)
    plan, clusters = loaded.plan, loaded.reached()
    history = fan_out(
        clusters,
        lambda site: records.read(clusters[site], [release.name for release in plan.releases(site)]),
        at_once=SITES_AT_ONCE,
    )
    answered = {site: clusters[site] for site in history.values}
    folder, staged = root / "charts", root / ".build/charts"
    found = previews.of_stack(plan, answered, history.values, folder, staged, partial(print, file=sys.stderr))
    problems = [problem(plan.settings, site, error) for site, error in history.failures.items()]
    if problems := [*problems, *found.problems]:
        raise InvalidInput(problems)
    return found.changed


def commit(root: Path) -> str:
    """The commit that is previewed: the pipeline's, or that of the checkout; empty where there is none."""
    if named := os.environ.get("CI_COMMIT_SHA"):
        return named[:12]
    return git.described(root)


def _engine(root: Path, stack: str, config_file: Path | None) -> dict[str, Any]:
    """The engine's own preview: its steps, and what was said meanwhile."""
    done = pulumi(root, "preview", "--json", "--stack", stack, config_file=config_file)
    if done.returncode:
        raise StackError(f"pulumi preview of stack {stack} fails:\n{errors(done.stdout, done.stderr)}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
