"""`bus drift`: what is not as it was deployed, and who changed it; for an operator and for a scheduled pipeline."""

import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import typer

from bus import state_guard
from bus.cli.check_state import state_of
from bus.cli.diagnostics import errors
from bus.cli.engine import ConfigFile, StackError, StackName, project, pulumi
from bus.cli.stack import load
from bus.cluster.access import Cluster
from bus.cluster.kube import kube_api
from bus.errors import PartialFailure
from bus.fan_out import Progress, fan_out
from bus.notes.sets import changed_sets
from bus.releases import live_objects, objects
from bus.releases.compare import remedies
from bus.releases.compare.drift import Drift
from bus.releases.compare.drift import drift as differing
from bus.releases.compare.previews import RELEASES_AT_ONCE
from bus.releases.recovery import records
from bus.releases.recovery.state import Revision

EXIT_DRIFT = 2


def drift(stack: StackName, config_file: ConfigFile = None) -> None:
    """Compare objects, topics and indices with what was deployed. Exit code 2 if anything differs."""
    root, count = project(), 0
    state_guard.check(stack, state_of(root, stack))
    loaded = load(root, stack, config_file)
    clusters = loaded.reached()
    releases = [(site, release.name) for site in clusters for release in loaded.plan.releases(site)]

    def look(key: tuple[str, str]) -> tuple[list[Drift], list[str]]:
        site, release = key
        history = records.read(clusters[site], [release])[release]
        found = of_release(clusters[site], release, history)
        return found, remedies.of_release(release, clusters[site], history, site, stack) if found else []

    compared = fan_out(
        releases,
        look,
        at_once=RELEASES_AT_ONCE,
        progress=Progress("releases compared", partial(print, file=sys.stderr)),
        name=lambda key: f"{key[1]} of {key[0]}",
    )
    for (site, release), (found, way_back) in compared.values.items():
        for difference in found:
            print(f"{site} {release}: {difference}")
        for line in way_back:
            print(f"  {line}")
        count += len(found)
    sets = sorted(changed_sets(_refreshed(root, stack, config_file)).items())
    for name, lines in sets:
        for line in lines:
            print(f"{name}: {line}")
        count += len(lines)
    if sets:
        print(f"  {remedies.of_sets(stack)}")
    if compared.failures:
        print(f"{count} differences, and not all could be looked at")
        raise PartialFailure({f"{site} {release}": str(error) for (site, release), error in compared.failures.items()})
    print(f"{count} differences" if count else "everything is as it was deployed")
    if count:
        raise typer.Exit(EXIT_DRIFT)


def of_release(cluster: Cluster, release: str, history: Sequence[Revision] | None = None) -> list[Drift]:
    """The drift of one release's objects from its newest deployed record; `history` where it was read already."""
    api = kube_api(cluster)
    history = records.read(cluster, [release])[release] if history is None else history
    deployed = [record for record in history if record.status == "deployed"]
    if not deployed:
        said = ", ".join(f"revision {one.revision} {one.status}" for one in history[-3:]) or "no records"
        return [Drift(f"release {release}", "", "deployed", f"is not deployed ({said}); run pulumi up", "")]
    newest = max(deployed, key=lambda record: record.revision)
    wanted = objects.parse(records.content(cluster, newest).get("manifest") or "", cluster.namespace)
    live = {key: found.raw for key in wanted if (found := live_objects.find(api, key))}
    return differing(wanted, live)


def _refreshed(root: Path, stack: str, config_file: Path | None) -> list[dict[str, Any]]:
    """The steps of a refresh that writes nothing: topics and indices as their servers have them."""
    asked = ("refresh", "--preview-only", "--json", "--stack", stack)
    # The plain form shows a resource as it was before its servers were read.
    streaming = {"PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"}
    done = pulumi(root, *asked, config_file=config_file, env=streaming)
    if done.returncode:
        raise StackError(f"pulumi refresh of stack {stack} fails:\n{errors(done.stdout, done.stderr)}")
    return steps(done.stdout)


def steps(events: str) -> list[dict[str, Any]]:
    """What a refresh found, from the engine's events, one JSON a line: a step each, as a preview's."""
    found = [json.loads(line).get("resOutputsEvent", {}).get("metadata") for line in events.splitlines()]
    return [
        {"urn": step["urn"], "op": step["op"], "oldState": step.get("old"), "newState": step.get("new")}
        for step in found
        if step
    ]
