"""Options of the verbs that ask registries."""

from typing import Annotated

import typer

Mirror = Annotated[
    str,
    typer.Option("--mirror", envvar="BUS_IMAGE_MIRROR", help="host:port that answers for the images' own registries"),
]
Insecure = Annotated[
    bool, typer.Option("--insecure", envvar="BUS_IMAGE_INSECURE", help="plain HTTP; loopback and test registries only")
]
Repo = Annotated[
    str | None, typer.Option("--repo", help="git URL of the deployment repository; default: origin of this checkout")
]
