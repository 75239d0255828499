"""The pulumi CLI as verbs run it, and the options that say for which stack."""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from bus import state_guard
from bus.errors import UserError

# Verbs of pulumi that load what the state names.
_ENGINE = frozenset({"preview", "refresh", "up", "destroy", "import", "watch"})
_STANDARD = re.compile(r"Pulumi\.(?P<stack>.+)\.ya?ml")


def _of_this_stack(context: typer.Context, file: Path | None) -> Path | None:
    """The stack file that was named; the variable of a shell made ready for one stack says nothing of another one."""
    source = context.get_parameter_source("config_file")
    if file is None or source is None or source.name != "ENVIRONMENT":
        return file
    named = _STANDARD.fullmatch(file.name)
    stack = str(context.params.get("stack")).rsplit("/", 1)[-1]  # pulumi takes organization/project/stack too
    return None if named and named["stack"] != stack else file


StackName = Annotated[str, typer.Option("--stack", "-s", help="name of the stack: master, recette, prod, ...")]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config-file",
        envvar="BUS_CONFIG_FILE",
        callback=_of_this_stack,
        help="stack file; default: Pulumi.<stack>.yaml; the variable counts only for its own stack",
    ),
]


# What pulumi says without a way out.
_REMEDIES = {
    "incorrect passphrase": (
        "PULUMI_CONFIG_PASSPHRASE, or the file that PULUMI_CONFIG_PASSPHRASE_FILE names, is not that of the stack's "
        "secrets"
    ),
    "no stack named": "pulumi stack ls shows those of this backend; pulumi stack init makes one",
    "unexpected end of JSON input": (
        "the disk of a state backend in a folder was full: make room, then "
        "find <folder>/.pulumi/locks -type f -size 0 -delete"
    ),
    "PULUMI_ACCESS_TOKEN must be set": "no state backend is named: set PULUMI_BACKEND_URL, or pulumi login (README.md)",
}


class StackError(UserError):
    """A stack that pulumi cannot read; the message is pulumi's own, and the way out."""


def project() -> Path:
    """The folder of the deployment project that the shell is in, as pulumi itself finds it; raises StackError."""
    here = Path.cwd()
    found = next((folder for folder in (here, *here.parents) if (folder / "Pulumi.yaml").is_file()), None)
    if found is None:
        raise StackError(f"neither {here} nor a folder above it has a Pulumi.yaml; run this in the deployment project")
    return found


def pulumi(
    root: Path,
    *arguments: str,
    config_file: Path | None = None,
    env: Mapping[str, str] | None = None,
    otherwise: str = "",
) -> subprocess.CompletedProcess[str]:
    """Runs the pulumi CLI, whatever that ends in; where there is none, StackError says what to do `otherwise`.

    What runs the engine on a state (preview, refresh) raises ForeignState before that, where the state holds providers
    that are not this program's: the engine would load them.
    Its temporary folder is gone afterwards: the Kubernetes provider leaves a whole kubeconfig there, in clear.
    """
    if arguments[0] in _ENGINE and "--stack" in arguments:
        _guarded(root, arguments[arguments.index("--stack") + 1])
    command = ["pulumi", *arguments, "--non-interactive"]
    if config_file:
        if not config_file.is_file():
            raise StackError(f"stack file {config_file} is not there")
        command += ["--config-file", str(config_file.absolute())]
    with tempfile.TemporaryDirectory(prefix="bus-pulumi-", ignore_cleanup_errors=True) as work:
        own = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true", "TMPDIR": work, **(env or {})}
        if config_file:  # the program reads it too, and pulumi does not tell it which one it is
            own["BUS_CONFIG_FILE"] = str(config_file.absolute())
        try:
            return subprocess.run(command, cwd=root, env=own, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise StackError(f"pulumi is not on PATH; in the sandbox: . sandbox/env.sh{otherwise}") from None


def exported(root: Path, stack: str) -> subprocess.CompletedProcess[str]:
    """What `pulumi stack export` says: the state, with its secrets encrypted, and without loading a provider."""
    return pulumi(root, "stack", "export", "--stack", stack)


def _guarded(root: Path, stack: str) -> None:
    """Raises ForeignState. A state that cannot be read is for the command itself to say."""
    done = exported(root, stack)
    if done.returncode == 0:
        state_guard.check(stack, json.loads(done.stdout or "{}").get("deployment") or {})


def reason(said: str) -> str:
    """What pulumi said of its failure, and the way out where it says none."""
    remedies = [remedy for error, remedy in _REMEDIES.items() if error in said]
    return "; ".join([said.strip(), *remedies])
