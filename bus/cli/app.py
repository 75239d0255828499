"""The command itself: which verbs there are, and how an error ends one."""

import sys

import typer

from bus.access import Unreachable
from bus.cli.add_complexe import add_complexe
from bus.cli.drift import drift
from bus.cli.preview import preview
from bus.cli.stack import NoStack
from bus.cli.unlock import unlock
from bus.errors import Failed, Refused
from bus.releases.rendering import NoHelm

app = typer.Typer(
    name="bus",
    help="Daily tasks beside `pulumi up`: a Bus Applicatif customer's topics, indices, images and sites.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.callback()(lambda: None)  # a verb of its own even while there is one verb only
app.command("add-complexe")(add_complexe)
app.command("drift")(drift)
app.command("preview")(preview)
app.command("unlock")(unlock)


def main() -> None:
    """Runs a verb; what a user can mend is one message without a traceback, and exit code 1."""
    try:
        app()
    except (Refused, Failed, Unreachable, NoHelm, NoStack) as error:
        print(f"{error}", file=sys.stderr)
        raise SystemExit(1) from None
