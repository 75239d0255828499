"""Options of the verbs that ask registries."""

from typing import Annotated

import typer

from bus.images.registry import trust
from bus.images.registry.trust import Trust

Mirror = Annotated[
    str,
    typer.Option(
        "--mirror", envvar="BUS_IMAGE_MIRROR", help="host:port that answers in place of the images' own registries"
    ),
]
Insecure = Annotated[
    bool,
    typer.Option("--insecure", envvar="BUS_IMAGE_INSECURE", help="use plain HTTP; loopback and private addresses only"),
]
TokenHosts = Annotated[
    list[str] | None,
    typer.Option(
        "--token-host",
        envvar="BUS_TOKEN_HOSTS",
        metavar="REGISTRY=HOST",
        help="host that issues a registry's tokens, and so gets its login; repeatable",
    ),
]
CaFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--ca-file",
        envvar="BUS_CA_FILES",
        metavar="REGISTRY=FILE",
        help="certificates (PEM) that verify a registry; repeatable",
    ),
]
Repo = Annotated[
    str | None, typer.Option("--repo", help="git URL of the deployment repository; default: origin of this checkout")
]


def named(token_hosts: list[str] | None, ca_files: list[str] | None) -> dict[str, Trust]:
    """Return what the two options say of registries; raise BadParameter."""
    try:
        return trust.from_options(token_hosts or (), ca_files or ())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
