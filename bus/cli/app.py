"""The command itself: which verbs there are, and how an error ends one."""

import sys

import typer

from bus.cli import images, topics
from bus.cli.add_complexe import add_complexe
from bus.cli.bundle import bundle
from bus.cli.drift import drift
from bus.cli.indices_import import indices_import
from bus.cli.indices_rollback import indices_rollback
from bus.cli.preview import preview
from bus.cli.promote import promote
from bus.cli.set_image import set_image
from bus.cli.unlock import unlock
from bus.errors import Mendable

app = typer.Typer(
    name="bus",
    help="Daily tasks beside `pulumi up`: a Bus Applicatif customer's topics, indices, images and sites.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.callback()(lambda: None)  # a verb of its own even while there is one verb only
app.command("add-complexe")(add_complexe)
app.add_typer(bundle)
app.command("drift")(drift)
app.add_typer(images.app, name="images")
app.command("preview")(preview)
app.command("promote")(promote)
app.command("set-image")(set_image)
app.command("unlock")(unlock)
app.add_typer(topics.app, name="topics")

indices = typer.Typer(help="One index of a site: go back a generation, begin managing one.", no_args_is_help=True)
indices.command("rollback")(indices_rollback)
indices.command("import")(indices_import)
app.add_typer(indices, name="indices")


def main() -> None:
    """Runs a verb; what a user can mend is one message without a traceback, and exit code 1."""
    try:
        app(prog_name="bus")  # also as `python -m bus`
    except Mendable as error:
        print(f"{error}", file=sys.stderr)
        raise SystemExit(1) from None
