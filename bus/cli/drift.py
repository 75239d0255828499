"""`bus drift`: what is not as it was deployed, and who changed it; for an operator and for a scheduled pipeline."""

from pathlib import Path

import typer

from bus.access import Cluster, kube_api
from bus.cli.preview import changed_sets
from bus.cli.stack import ConfigFile, StackName, load, read_steps
from bus.releases import objects, records
from bus.releases.drift import Drift
from bus.releases.drift import drift as differing

EXIT_DRIFT = 2


def drift(stack: StackName, config_file: ConfigFile = None) -> None:
    """Compares objects, topics and indices with what was deployed; exit code 2 where any differs."""
    root, count = Path.cwd(), 0
    loaded = load(root, stack, config_file)
    for site in loaded.plan.sites:
        for release in loaded.plan.releases(site):
            found = of_release(loaded.cluster(site), release.name)
            for difference in found:
                print(f"{site} {release.name}: {difference}")
            count += len(found)
    # A refresh that writes nothing: topics and indices as their servers have them.
    refreshed = read_steps(root, stack, "refresh", "--preview-only", config_file=config_file)
    for name, lines in sorted(changed_sets(refreshed).items()):
        for line in lines:
            print(f"{name}: {line}")
        count += len(lines)
    print(f"{count} differences" if count else "everything is as it was deployed")
    if count:
        raise typer.Exit(EXIT_DRIFT)


def of_release(cluster: Cluster, release: str) -> list[Drift]:
    """The drift of one release's objects from its newest deployed record."""
    api = kube_api(cluster)
    history = records.read(cluster, [release])[release]
    deployed = [record for record in history if record.status == "deployed"]
    if not deployed:
        said = ", ".join(f"revision {one.revision} {one.status}" for one in history[-3:]) or "no records"
        return [Drift(f"release {release}", "", "deployed", f"is not deployed ({said}); run pulumi up", "")]
    newest = max(deployed, key=lambda record: record.revision)
    wanted = objects.parse(records.content(cluster, newest).get("manifest") or "", cluster.namespace)
    live = {key: found.raw for key in wanted if (found := objects.find(api, key))}
    return differing(wanted, live)
