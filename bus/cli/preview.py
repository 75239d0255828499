"""`bus preview`: objects, images, topics and indices that a deployment would change, also for a merge request."""

import json
import sys
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bus.cli.diagnostics import errors
from bus.cli.engine import ConfigFile, NoStack, StackName, project, pulumi
from bus.cli.stack import Stack, load
from bus.errors import Refused
from bus.fan_out import fan_out
from bus.indices.provisions import NOUNS
from bus.reachable import SITES_AT_ONCE, problem
from bus.releases import preview as releases
from bus.releases import previews, records, rendering

# type -> its maps by name, and how a line calls one of each beside its name.
_SETS: Mapping[str, Mapping[str, str]] = {
    "pulumi-python:dynamic/bus:TopicSet": {"topics": ""},
    "pulumi-python:dynamic/bus:IndexSet": {**{kind: f"{noun} " for kind, noun in NOUNS.items()}, "indices": ""},
    "pulumi-python:dynamic/bus:KafkaUsers": {"users": ""},
}
_GONE = {"users": "nobody logs in as it any more"}


def preview(
    stack: StackName,
    markdown: Annotated[bool, typer.Option("--markdown", help="for a note on a merge request")] = False,
    config_file: ConfigFile = None,
) -> None:
    """Shows what `pulumi up` would change, object by object; touches nothing."""
    root = project()
    loaded = load(root, stack, config_file)
    found = _changed(root, loaded)
    steps = _steps(root, stack, config_file)
    used = [site.settings.namespace for site in loaded.plan.sites.values()]
    sets = {**changed_sets(steps), **uninstalled(steps, used)}
    if markdown:
        print(releases.markdown(found, sets), end="")
        return
    for one in found:
        print(releases.text(one))
        if said := releases.warning(one):
            print(f"warning: {said}")
    for name, lines in sorted(sets.items()):
        print("\n".join([f"{name}:", *(f"  {line}" for line in lines)]))
    if not found and not sets:
        print("nothing changes")


def _changed(root: Path, loaded: Stack) -> Sequence[releases.ReleasePreview]:
    """The releases that would change; raises Refused with what is wrong with all of them, NoHelm."""
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
        raise Refused(problems)
    return found.changed


def changed_sets(steps: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Name of a set of topics, indices or Kafka users -> a line per one that is added, changed or left by its fragment.

    `steps` are those of `pulumi preview --json`.
    """
    found = {}
    for step in steps:
        states = [step.get("oldState") or {}, step.get("newState") or {}]
        blocks = _SETS.get(str(next((state["type"] for state in reversed(states) if state.get("type")), "")), {})
        lines = [line for block in blocks for line in _lines(states, block, blocks)]
        if step.get("op") == "same":
            lines = []
        elif step.get("op") == "delete" and lines:  # the provider deletes none of a set that goes as a whole
            lines = [f"{len(lines)} no longer managed; they stay as they are, with the volumes of their servers"]
        if lines:
            found[step["urn"].rsplit("::", 1)[-1]] = lines
    return found


def uninstalled(steps: Sequence[Mapping[str, Any]], used: Collection[str]) -> dict[str, list[str]]:
    """Namespace -> what is said of each release in it that a deployment would uninstall, as where its site is gone.

    `used` are the namespaces of the stack's sites, which hold more than what is uninstalled.
    """
    found: dict[str, list[str]] = {}
    for step in steps:
        old = step.get("oldState") or {}
        if step.get("op") != "delete" or old.get("type") != "kubernetes:helm.sh/v3:Release":
            continue
        inputs = old.get("inputs") or {}
        found.setdefault(str(inputs.get("namespace")), []).append(f"- release {inputs.get('name')} is uninstalled")
    for name in found.keys() - set(used):
        found[name].append(f"the namespace and its volumes stay: kubectl delete namespace {name} removes them")
    return {f"namespace {name}": lines for name, lines in found.items()}


def _lines(states: Sequence[Mapping[str, Any]], block: str, nouns: Mapping[str, str]) -> list[str]:
    old, new = ((state.get("inputs") or {}).get(block) or {} for state in states)
    noun = nouns[block]
    lines = [f"+ {noun}{name}" for name in sorted(new.keys() - old.keys())]
    lines += [f"~ {noun}{name}: {_difference(old[name], new[name])}" for name in sorted(new) if _differ(old, new, name)]
    return lines + [
        f"- {noun}{name} ({_GONE.get(block, 'its fragment is gone')})" for name in sorted(old.keys() - new.keys())
    ]


def _differ(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> bool:
    return name in old and bool(old[name] != new[name])


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    return ", ".join(_leaves(old, new, ""))


def _leaves(old: Mapping[str, Any], new: Mapping[str, Any], above: str) -> list[str]:
    """What differs, by its whole path: a field of a mapping, and not the mapping."""
    lines: list[str] = []
    for key in sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key)):
        before, after, path = old.get(key), new.get(key), f"{above}{key}"
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            lines += _leaves(before, after, f"{path}.")
        else:
            lines.append(f"{path} {json.dumps(before)} -> {json.dumps(after)}")
    return lines


def _steps(root: Path, stack: str, config_file: Path | None) -> list[dict[str, Any]]:
    done = pulumi(root, "preview", "--json", "--stack", stack, config_file=config_file)
    if done.returncode:
        raise NoStack(f"pulumi preview of stack {stack} fails:\n{errors(done.stdout, done.stderr)}")
    steps: list[dict[str, Any]] = json.loads(done.stdout).get("steps") or []
    return steps
