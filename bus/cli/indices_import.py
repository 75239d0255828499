"""`bus indices import`: the fragment of an index that is there already, to begin managing it as it is."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bus.cli import editing
from bus.cli.engine import ConfigFile, StackError, StackName, project
from bus.cli.indices import Name, Site, admin_of
from bus.config.yaml_editing import extend
from bus.config.yaml_writing import block
from bus.errors import InvalidInput, PartialFailure, Problem
from bus.indices.declared.index import merge_fragments
from bus.indices.diff.to_fragment import fragment_of


def indices_import(
    name: Name,
    stack: StackName,
    site: Site,
    config_file: ConfigFile = None,
    brick: Annotated[
        str | None, typer.Option(help="brick whose values/<brick>.yml gets the fragment; default: print it")
    ] = None,
) -> None:
    """Write the fragment of a live index, so that the next preview adopts it without a change."""
    with admin_of(stack, site, config_file) as admin:
        live = admin.read([name]).get(name)
    if live is None:
        raise PartialFailure({name: f"is not on {site}"})
    fragment = fragment_of(name, live)
    if brick is None:
        print("\n".join(block([fragment])))
        return
    add(project() / "values" / f"{brick}.yml", fragment)
    print(f"values/{brick}.yml: {name} added, as {live.name} is. Next: pulumi preview --stack {stack}")


def add(file: Path, fragment: dict[str, Any]) -> None:
    """Adds a fragment to a brick's file, comments and order kept; raises StackError where that cannot be."""
    if not file.exists():
        raise StackError(f"values/{file.name} is not here; --brick takes the name of a brick that has a file")
    text, document = editing.read(file)
    declared = document.value.get("indices")
    entries = declared if isinstance(declared, list) else []
    if any(isinstance(entry, dict) and entry.get("name") == fragment["name"] for entry in entries):
        raise StackError(f"values/{file.name} declares {fragment['name']} already")
    if problems := refused(fragment, f"values/{file.name}"):
        raise InvalidInput(problems)
    editing.write(file, extend(text, ["indices"], [fragment], f"values/{file.name}"))


def refused(fragment: dict[str, Any], file: str) -> list[Problem]:
    """Return what the next preview would refuse of a fragment."""
    return merge_fragments({file: ("", [fragment])})[1]
