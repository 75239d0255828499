"""`bus add-complexe`: one more cinema in a stack file, checked as a deployment would check it before it is written."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from bus.cli import editing
from bus.cli.engine import StackError, StackName, project
from bus.config import settings
from bus.config.authored import problems_of
from bus.config.new_complexe import Around, Given, entry, missing, refusal
from bus.config.settings import SECRETS_OF_A_SITE, required_secrets
from bus.config.yaml_editing import put
from bus.errors import InvalidInput
from bus.plan import build


def add_complexe(
    name: Annotated[str, typer.Argument(help="name of the complexe, for example cinecity")],
    stack: StackName,
    cinema_code: Annotated[str | None, typer.Option(help="code of the cinema, from the index of central")] = None,
    like: Annotated[str | None, typer.Option(help="complexe to copy brokers, mirror and options from")] = None,
    namespace: Annotated[
        str | None, typer.Option(help="namespace; default: the one of LIKE with the name replaced")
    ] = None,
    database: Annotated[str | None, typer.Option(help="Odoo's database; default complexe-NAME")] = None,
    slot_name: Annotated[str | None, typer.Option(help="replication slot; default debezium_NAME")] = None,
    context: Annotated[
        str | None, typer.Option(help="kubeconfig context of its cluster; default: bus:context of the stack")
    ] = None,
    mirror_bootstrap_servers: Annotated[
        str | None, typer.Option(help="host:port of its brokers, as the mirror on central reaches them")
    ] = None,
    bootstrap_servers: Annotated[
        str | None, typer.Option(help="host:port of its brokers, if the runner reaches them without a port-forward")
    ] = None,
    elasticsearch_endpoint: Annotated[
        str | None, typer.Option(help="URL of its Elasticsearch, if the runner reaches it without a port-forward")
    ] = None,
) -> None:
    """Add a complexe to Pulumi.<stack>.yaml, check the whole stack, and list the secrets that are still missing.

    Contexts and addresses of another complexe are never copied. On a terminal, the command asks for missing values.
    """
    root = project()
    file = root / f"Pulumi.{stack}.yaml"
    if not file.exists():
        raise StackError(f"{file.name} is not beside Pulumi.yaml, in {root}")
    text, document = editing.read(file)
    if document.problems:
        raise InvalidInput(problems_of(text, file.name))
    content = document.value
    sites = _sites(content, file.name)
    around = _around(content["config"], sites)
    model = around.model(name, like)
    servers = (bootstrap_servers, mirror_bootstrap_servers, elasticsearch_endpoint)
    given = Given(cinema_code, namespace, database, slot_name, context, *servers)
    given = _completed(around, name, model, given, stack)
    by_kubeconfig = around.by_kubeconfig(name, model, given.context)
    sites[name] = json.loads(json.dumps(entry(around, name, model, given)))
    own = [key for key in SECRETS_OF_A_SITE if f"bus:{model}.{key}" in content["config"]]
    own = [key for key in own if key != "kubeconfig"] + (["kubeconfig"] if by_kubeconfig else [])
    lacking = check(root, stack, content["config"], name, own)
    editing.write(file, put(text, ["config", "bus:sites"], name, sites[name], file.name))
    place = "the cluster of its kubeconfig" if by_kubeconfig else f"context {given.context or around.context}"
    print(f"{file.name}: {name} added like {model}, in namespace {sites[name]['namespace']} of {place}.")
    if "values" in sites[name]:
        print(f"  taken over from {model}: values; check that nothing in them is {model}'s own")
    for key in lacking:
        source = " < FILE" if key.endswith(".kubeconfig") else ""
        print(f"  missing secret: pulumi config set --secret bus:{key} --stack {stack}{source}")
    print(f"Next: pulumi preview --stack {stack}; then commit {file.name}")


def _sites(content: Any, file: str) -> Any:
    """What a stack file has below bus:sites; raises StackError where it is no such file."""
    config = content.get("config") if isinstance(content, Mapping) else None
    sites = config.get("bus:sites") if isinstance(config, Mapping) else None
    if not isinstance(sites, Mapping):
        raise StackError(f"{file} has no sites below config and bus:sites, to which a complexe could be added")
    return sites


def _around(config: Mapping[str, Any], sites: Mapping[str, Any]) -> Around:
    held = {key.removeprefix("bus:").removesuffix(".kubeconfig") for key in config if key.endswith(".kubeconfig")}
    return Around(sites, config.get("bus:context"), held)


def _completed(around: Around, name: str, model: str, given: Given, stack: str) -> Given:
    """Ask on a terminal for what is missing. Raise NotAdded with all of it where there is no terminal."""
    kubeconfig = f"pulumi config set --secret bus:{name}.kubeconfig --stack {stack} < FILE"
    while lacking := missing(around, name, model, given):
        if not on_terminal():
            raise refusal(name, f"Pulumi.{stack}.yaml", lacking, kubeconfig)
        first = lacking[0]
        print(f"{first.what}; {first.why.removesuffix('; ')}")
        given = replace(given, **{first.name: typer.prompt(first.option.removeprefix("--"))})
    return given


def on_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def check(root: Path, stack: str, config: Mapping[str, Any], name: str, own: Sequence[str]) -> list[str]:
    """Raises InvalidInput with all that a deployment would refuse; returns the secrets that `name` still lacks.

    Secrets are not read: an existing one is taken as it is, a missing one is listed and not refused. `own`
    are those that `name` needs beside those of every site.
    """
    sites = config["bus:sites"]
    wanted = {f"bus:{site}.{key}" for site in sites for key in required_secrets(site, bool(sites[site].get("as400")))}
    wanted |= {f"bus:{name}.{key}" for key in own}
    here = {key for key, value in config.items() if isinstance(value, Mapping) and set(value) == {"secure"}}
    plain = {key: value for key, value in config.items() if key not in here}
    flat = {key: value if isinstance(value, str) else json.dumps(value) for key, value in plain.items()}
    hidden = here | wanted
    # Images are no matter of a site: values/ may have the digests that a policy wants on the stack's own branch only.
    flat.pop("bus:images", None)
    # Two kubeconfigs that are not read are two clusters: equal namespaces in them are no conflict.
    unread = {key: key if key.endswith(".kubeconfig") else "" for key in hidden}
    loaded = settings.load(stack, {**flat, **unread}, hidden)
    build.plan(root, loaded)
    lacking = [key for key in required_secrets(name, bool(sites[name].get("as400"))) if f"bus:{key}" not in here]
    return sorted(f"{name}.{key}" for key in [*lacking, *own] if f"bus:{name}.{key}" not in here)
