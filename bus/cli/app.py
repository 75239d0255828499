"""The command itself: which verbs there are, and how an error ends one."""

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from bus.errors import Mendable, on_disk

VERBS = {
    "add-complexe": (
        "bus.cli.add_complexe:add_complexe",
        "Adds a complexe to Pulumi.<stack>.yaml, checks the whole stack, and says which secrets it still needs.",
    ),
    "bundle": ("bus.cli.bundle:bundle", "A release as one signed archive, for a customer that we do not reach."),
    "check-state": (
        "bus.cli.check_state:check_state",
        "Refuses a state whose providers are not exactly those of this program; run it before a plain pulumi command.",
    ),
    "drift": (
        "bus.cli.drift:drift",
        "Compares objects, topics and indices with what was deployed; exit code 2 where any differs.",
    ),
    "images": ("bus.cli.images:app", "The images of a stack."),
    "indices": ("bus.cli.indices_verbs:app", "One index of a site: go back a generation, begin managing one."),
    "preview": ("bus.cli.preview:preview", "Shows what `pulumi up` would change, object by object; touches nothing."),
    "promote": (
        "bus.cli.promote:promote",
        "Moves exactly the images that FROM runs to TO, by digest; or, with --rollback, FROM back to an earlier time.",
    ),
    "set-image": (
        "bus.cli.set_image:set_image",
        "Writes a tag and its digest into values/BRICK.yml, commits and pushes; again where another push was faster.",
    ),
    "topics": ("bus.cli.topics:app", "Kafka topics of a live site."),
    "unlock": (
        "bus.cli.unlock:unlock",
        "Frees a stack of what a dead run left in its state: its lock, and operations that Pulumi would warn of for "
        "ever.",
    ),
}
"""verb -> where it is, and the first line of its help, so that a list of the verbs imports none of them"""


class Verbs(TyperGroup):
    """Imports a verb when it is run: all of them together take over a second."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = {name: TyperCommand(name, help=line) for name, (_, line) in VERBS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The verb that `args` begin with, imported; an unknown one is refused as ever."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, load(name) if name and found else None, rest


def load(name: str) -> Any:
    """A verb, or a group of verbs, as a command."""
    module, attribute = VERBS[name][0].split(":")
    found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        verb, found = found, typer.Typer(add_completion=False)
        found.command(name)(verb)
    return typer.main.get_command(found)


app = typer.Typer(
    name="bus",
    cls=Verbs,
    help="Daily tasks beside `pulumi up`: a Bus Applicatif customer's topics, indices, images and sites.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.callback()(lambda: None)


def main() -> None:
    """Runs a verb; what a user can mend is one message without a traceback, and exit code 1."""
    try:
        with on_disk():
            app(prog_name="bus")  # also as `python -m bus`
    except Mendable as error:
        print(f"{error}", file=sys.stderr)
        raise SystemExit(1) from None
