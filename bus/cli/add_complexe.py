"""`bus add-complexe`: one more cinema in a stack file, checked as a deployment would check it before it is written."""

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any

import typer

from bus import planning, settings
from bus.cli import editing
from bus.cli.engine import NoStack, StackName, project
from bus.settings import required_secrets
from bus.stack_file import CENTRAL

# What a complexe takes over from the one that it is made like; the rest is its own.
_SHARED = ("context", "access", "podSecurity", "kafka", "elasticsearch", "postgres", "mirror", "enable", "values")
_OWN_OF_KAFKA = ("adminPort", "bootstrapServers", "mirrorBootstrapServers")


def add_complexe(
    name: Annotated[str, typer.Argument(help="name of the complexe, as cinecity")],
    stack: StackName,
    cinema_code: Annotated[str, typer.Option(help="code of the cinema, from the index of central")],
    like: Annotated[str | None, typer.Option(help="complexe to take brokers, mirror and options from")] = None,
    namespace: Annotated[str | None, typer.Option(help="default: that of LIKE with the name replaced")] = None,
    database: Annotated[str | None, typer.Option(help="Odoo's database; default complexe-NAME")] = None,
    slot_name: Annotated[str | None, typer.Option(help="replication slot; default debezium_NAME")] = None,
    context: Annotated[str | None, typer.Option(help="kubeconfig context, where it is not that of LIKE")] = None,
) -> None:
    """Adds a complexe to Pulumi.<stack>.yaml, checks the whole stack, and says which secrets it still needs."""
    root = project()
    file = root / f"Pulumi.{stack}.yaml"
    if not file.exists():
        raise NoStack(f"{file.name} is not beside Pulumi.yaml, in {root}")
    content = editing.read(file)
    sites = _sites(content, file.name)
    own = {
        "namespace": namespace,
        "context": context,
        "odoo": {"database": database or f"complexe-{name}"},
        "cinemaCode": cinema_code,
        "slotName": slot_name or f"debezium_{name.replace('-', '_')}",
    }
    sites[name] = one_more(sites, name, like, {key: value for key, value in own.items() if value is not None})
    missing = check(root, stack, content["config"], name)
    editing.write(file, content)
    print(f"{file.name}: {name} added, in namespace {sites[name]['namespace']}.")
    for key in missing:
        print(f"  missing secret: pulumi config set --secret bus:{key} --stack {stack}")
    print(f"Next: pulumi preview --stack {stack}")


def _sites(content: Any, file: str) -> Any:
    """What a stack file has below bus:sites; raises NoStack where it is no such file."""
    config = content.get("config") if isinstance(content, Mapping) else None
    sites = config.get("bus:sites") if isinstance(config, Mapping) else None
    if not isinstance(sites, Mapping):
        raise NoStack(f"{file} has no sites below config and bus:sites, to which a complexe could be added")
    return sites


def one_more(sites: Mapping[str, Any], name: str, like: str | None, own: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of a new complexe: what it shares with `like`, then its own; raises NoStack where that cannot be."""
    if name in sites:
        raise NoStack(f"the stack has a site {name} already")
    complexes = [site for site in sites if site != CENTRAL]
    model = like or next(iter(complexes), None)
    if model is None or model not in complexes:
        raise NoStack(f"no complexe {like or ''} to make {name} like; complexes: {', '.join(complexes) or 'none'}")
    # Copies: one object in two places would be written as an anchor and its alias.
    shared = {key: deepcopy(sites[model][key]) for key in _SHARED if key in sites[model]}
    if "kafka" in shared:
        for key in _OWN_OF_KAFKA:
            shared["kafka"].pop(key, None)
    if "namespace" not in own:
        theirs = sites[model]["namespace"]
        if model not in theirs:
            raise NoStack(f"namespace {theirs} does not bear the name {model}: give --namespace for {name}")
        own = {"namespace": theirs.replace(model, name), **own}
    return {"namespace": own["namespace"], **shared, **own}


def check(root: Path, stack: str, config: Mapping[str, Any], name: str) -> list[str]:
    """Raises Refused with all that a deployment would refuse; returns the secrets that `name` still lacks.

    Secrets are not read: one that is there is taken as it is, one that is missing is said and not refused.
    """
    sites = config["bus:sites"]
    wanted = {f"bus:{site}.{key}" for site in sites for key in required_secrets(site, bool(sites[site].get("as400")))}
    here = {key for key, value in config.items() if isinstance(value, Mapping) and set(value) == {"secure"}}
    plain = {key: value for key, value in config.items() if key not in here}
    flat = {key: value if isinstance(value, str) else json.dumps(value) for key, value in plain.items()}
    hidden = here | wanted
    # Images are no matter of a site: values/ may have the digests that a policy wants on the stack's own branch only.
    flat.pop("bus:images", None)
    loaded = settings.load(stack, {**flat, **dict.fromkeys(hidden, "")}, hidden)
    planning.plan(root, loaded)
    general = {key for key in required_secrets(name, bool(sites[name].get("as400"))) if f"bus:{key}" not in here}
    return sorted(f"{name}.{key}" for key in general if f"bus:{name}.{key}" not in here)
