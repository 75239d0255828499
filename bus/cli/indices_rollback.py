"""`bus indices rollback`: an index goes back to the generation before its last reindex."""

from typing import Annotated

import typer

from bus.cli.engine import ConfigFile, StackName
from bus.cli.indices import Name, Site, admin_of
from bus.errors import PartialFailure


def indices_rollback(
    name: Name,
    stack: StackName,
    site: Site,
    config_file: ConfigFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask for confirmation")] = False,
) -> None:
    """Roll an index back to its previous generation. What was written since stays in the newer one only."""
    with admin_of(stack, site, config_file) as admin:
        live = admin.read([name]).get(name)
        if live is None:
            raise PartialFailure({name: f"is not on {site}"})
        to = admin.generation_before(name, live)
        counts = admin.counts([live.name, to])
        print(f"{name}: {live.name} ({counts[live.name]} documents) -> {to} ({counts[to]} documents)")
        print(f"What was written since the reindex stays in {live.name} and is not copied back.")
        if not yes and not typer.confirm("Go back?"):
            raise typer.Exit(1)
        admin.swing_back(live, to)
        print(f"{name} is {to} now. Next: put the fragment back to what it was, or `pulumi up` refuses: {live.name}")
        print(f"is newer. Once nothing of it is needed any more: delete {live.name}.")
