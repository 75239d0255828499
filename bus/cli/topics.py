"""`bus topics import`: topics of a live cluster that no brick declares yet, written into a brick's file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bus.cli import editing
from bus.cli.engine import ConfigFile, StackError, StackName, project
from bus.cli.stack import Stack, load
from bus.cluster.endpoints import kafka_servers
from bus.config import bricks
from bus.config.stack_file import CENTRAL
from bus.config.yaml_editing import extend
from bus.topics.importing import fragment, left_out, undeclared, unfit
from bus.topics.model import merge_fragments
from bus.topics.plan import Topic

app = typer.Typer(help="Take over Kafka topics of a live site.", no_args_is_help=True, add_completion=False)


@app.callback()
def topics() -> None:
    """Take over Kafka topics of a live site."""


@app.command("import")
def import_(
    brick: Annotated[str, typer.Argument(help="brick that owns the topics: values/BRICK.yml gets them")],
    stack: StackName,
    site: Annotated[str, typer.Option(help="site whose Kafka is read")] = CENTRAL,
    match: Annotated[
        list[str] | None, typer.Option(help="only names that match, with * for any characters; repeatable")
    ] = None,
    config_file: ConfigFile = None,
) -> None:
    """Write fragments for the topics of a live cluster that no brick declares."""
    root = project()
    file = root / "values" / f"{brick}.yml"
    if not file.exists():
        raise StackError(f"values/{brick}.yml is not here; bricks: {', '.join(_bricks(root))}")
    loaded = load(root, stack, config_file)
    live = read_live(loaded, site, declared_in(root), match or ["*"])
    wrong = {name: reason for name, topic in live.items() if (reason := unfit(topic))}
    for name, reason in wrong.items():
        print(f"{name} is left out: {reason}")
    plan = loaded.plan.sites[site]
    default = plan.site.kafka.replication_factor
    entries = [fragment(topic, default, plan.kind) for name, topic in sorted(live.items()) if name not in wrong]
    add(file, entries)
    print(
        f"values/{brick}.yml: {len(entries)} topic(s) of {site} added: {', '.join(e['name'] for e in entries) or '-'}"
    )
    others = [name for name, other in loaded.plan.sites.items() if other.kind == plan.kind and name != site]
    if entries and others:
        print(f"The other sites of this kind get them too, and a preview says so: {', '.join(others)}")


def read_live(stack: Stack, site: str, declared: set[str], globs: Sequence[str]) -> dict[str, Topic]:
    """Return the topics of a site that nobody declares, and print those that tools have made.

    Raises Unreachable or NotDeployed.
    """
    from bus.topics.admin import Admin  # the client takes 0.2 to 0.5 s to import

    kafka = stack.plan.sites[site].site.kafka if site in stack.plan.sites else None
    cluster = stack.reached(site)[site]
    servers = (kafka.bootstrap_servers if kafka else None) or ""
    with kafka_servers(cluster, stack.plan.settings.admin_port(site), servers) as found:
        admin = Admin(found.bootstrap, found.login)
        names = admin.names()
        for line in left_out(names, declared, globs):
            print(line)
        return admin.read(undeclared(names, declared, globs))


def declared_in(root: Path) -> set[str]:
    """Every topic that some brick's file declares, for whichever kind of site."""
    names = frozenset(_bricks(root))
    loaded, _ = bricks.load(root / "values", names)
    found, _ = merge_fragments({brick.file: (brick.name, brick.content.topics) for brick in loaded.values()})
    return {topic.name for topic in found}


def add(file: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """Adds topics below `topics:` of a brick's file; every other byte stays."""
    if not entries:
        return
    text, _ = editing.read(file)
    editing.write(file, extend(text, ["topics"], entries, f"values/{file.name}"))


def _bricks(root: Path) -> list[str]:
    return sorted(path.stem for path in (root / "values").glob("*.yml"))
