"""`bus indices`: its verbs."""

import typer

from bus.cli.indices_import import indices_import
from bus.cli.indices_rollback import indices_rollback

app = typer.Typer(
    help="Roll one index back to its previous generation, or adopt an existing one.",
    no_args_is_help=True,
    add_completion=False,
)
app.command("rollback")(indices_rollback)
app.command("import")(indices_import)
