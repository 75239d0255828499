"""The command itself: which verbs there are, and how an error ends one."""

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from bus.errors import UserError, on_disk

VERBS = {
    "add-complexe": (
        "bus.cli.add_complexe:add_complexe",
        "Add a complexe to Pulumi.<stack>.yaml, check the whole stack, and list the secrets that are still missing.",
    ),
    "bundle": (
        "bus.cli.bundle:bundle",
        "Make, verify and load a release as one signed archive, for a customer behind an air gap.",
    ),
    "check-state": (
        "bus.cli.check_state:check_state",
        "Refuse a state with providers that are not this program's own. Run it before a plain pulumi command.",
    ),
    "drift": (
        "bus.cli.drift:drift",
        "Compare objects, topics and indices with what was deployed. Exit code 2 if anything differs.",
    ),
    "images": ("bus.cli.images:app", "List the images of a stack."),
    "indices": (
        "bus.cli.indices_verbs:app",
        "Roll one index back to its previous generation, or adopt an existing one.",
    ),
    "preview": ("bus.cli.preview:preview", "Show what `pulumi up` would change, object by object. Change nothing."),
    "promote": (
        "bus.cli.promote:promote",
        "Give the images that FROM runs to TO, by digest. With --rollback, return FROM to an earlier deployment.",
    ),
    "set-image": (
        "bus.cli.set_image:set_image",
        "Write a tag and its digest into values/BRICK.yml, commit and push. Retry if another push was faster.",
    ),
    "topics": ("bus.cli.topics:app", "Take over Kafka topics of a live site."),
    "unlock": (
        "bus.cli.unlock:unlock",
        "Free a stack of what a dead run left in its state: its lock and its pending operations.",
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
    help="Daily tasks beside `pulumi up`, for the topics, indices, images and sites of a Bus Applicatif customer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.callback()(lambda: None)


def main() -> None:
    """Runs a verb; what a user can mend is one message without a traceback, and exit code 1."""
    try:
        with on_disk():
            app(prog_name="bus")  # also as `python -m bus`
    except UserError as error:
        print(f"{error}", file=sys.stderr)
        raise SystemExit(1) from None
