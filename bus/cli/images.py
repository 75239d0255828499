"""`bus images`: which images a stack needs, why, and from where."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bus.cli import stack as stacks
from bus.cli.engine import ConfigFile, StackName, project
from bus.errors import UserError
from bus.images.delivered import proof
from bus.images.delivered.listing import Listing, listing
from bus.images.promotion.pins import short
from bus.images.registry.lookup import look_up
from bus.images.registry.registries import Registries, sources

app = typer.Typer(help="List the images of a stack.", no_args_is_help=True, add_completion=False)
app.callback()(lambda: None)  # a verb of its own even while there is one verb only


class NotFound(UserError):
    """References that are in no registry, or that are none; the message has each with its place."""


@app.command("list")
def list_(
    stack: StackName,
    as_json: Annotated[
        bool, typer.Option("--json", help="print JSON: pulled, source, digest and why of each image")
    ] = False,
    config_file: ConfigFile = None,
) -> None:
    """List every image of a stack with its digest, its source and the reason why it is needed."""
    root = project()
    plan = stacks.load(root, stack, config_file).plan
    rendered = proof.rendered_and_judged(plan, root / "charts", root / ".build/charts")
    found = listing(plan, rendered, stacks.pins(root, plan))
    with Registries(sources(plan.settings.stack_file, root)) as registries:
        seen = look_up([image.source for image in found.images], registries)
    for image in found.images:
        image.digest = seen.digests.get(image.source, "")
    print(json.dumps([asdict(image) for image in found.images], indent=1)) if as_json else _show(found)
    for doubt in found.doubtful:
        typer.echo(f"warning: {doubt}", err=True)
    for source, reason in sorted(seen.unknown.items()):
        typer.echo(f"warning: {source} cannot be looked up: {reason}", err=True)
    missing = [
        f"{image.source} is in no registry that was asked; push it first, or correct its place: {'; '.join(image.why)}"
        for image in found.images
        if image.source in seen.missing
    ]
    if wrong := [*missing, *found.unreadable]:
        raise NotFound("\n".join([f"{len(wrong)} image(s) cannot be had:", *(f"  {line}" for line in wrong)]))


def _show(found: Listing) -> None:
    table = Table("pulled as", "digest", "comes from", "why")
    for image in found.images:
        source = "" if image.source == image.pulled else image.source
        table.add_row(image.pulled, short(image.digest) if image.digest else "?", source, "\n".join(image.why))
    Console(width=200, highlight=False).print(table)
