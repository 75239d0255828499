"""The stack file of stack `local`: sandbox/Pulumi.local.yaml, the secrets that `make up` makes, and the user's edits.

The file stands in the cache, since its secrets are of this machine. Pulumi.local.yaml of the checkout links to it, so
that the ordinary CLI finds it, and git ignores the link.

Run with the venv's Python: python -m sandbox.stack [CONTEXT [REGISTRY]]
"""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from sandbox import places

# Each site of the sandbox may log in to everything with the same made-up passwords.
SECRETS = ("odoo.masterPassword", "odoo.password", "odoo.postgres.password", "as400.password")
_LOOPBACK = ("127.0.0.1", "localhost")
_MISSING = object()


def wanted(template: dict[str, Any], context: str = "", registry: str = "") -> dict[str, Any]:
    """Return the config of the template with what differs per machine: cluster, images and registry."""
    config = dict(template["config"])
    if context:
        config["bus:context"] = context
    local = os.environ.get("BUS_REGISTRY", "127.0.0.1:5000")
    if registry or not places.MINE:
        config["bus:images"] = {"mirror": local, "insecure": True}  # as the node asks it for every image
    if registry:
        insecure = registry.split("/")[0].split(":")[0] in _LOOPBACK
        config["bus:delivery"] = {
            "registry": registry,
            "insecure": insecure,
            "sourceMirror": local,
            "sourceInsecure": True,
        }
    return config


def merged(config: dict[str, Any], last: dict[str, Any] | None, before: dict[str, Any]) -> dict[str, Any]:
    """Return the stack file: `config` with what the user changed since `last`, and the encryption's own keys.

    `last` is the config that the last `make up` wrote, None where nobody knows: then only the secrets of the file
    `before` are kept.
    """
    theirs = before.get("config") or {}
    if last is None:
        last = {key: value for key, value in theirs.items() if not _is_secret(value)}
    rest = {key: value for key, value in before.items() if key.startswith("encrypt")}
    return {**rest, "config": edited(last, config, theirs)}


def edited(last: Any, config: Any, theirs: Any) -> Any:
    """Merge three ways: what `theirs` changed since `last`, on top of `config`; maps are merged key by key."""
    if theirs == last:
        return config
    if not (isinstance(config, dict) and isinstance(theirs, dict)):
        return theirs
    known = last if isinstance(last, dict) else {}
    keys = [*config, *(key for key in theirs if key not in config)]
    values = {
        key: edited(known.get(key, _MISSING), config.get(key, _MISSING), theirs.get(key, _MISSING)) for key in keys
    }
    return {key: value for key, value in values.items() if value is not _MISSING}


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"secure"}


def link(project: Path, config: Path) -> None:
    """Let the checkout's Pulumi.local.yaml point to the stack file; raise SystemExit rather than replace a file."""
    here = project / config.name
    if here.exists() and not here.is_symlink():
        raise SystemExit(
            f"{here} is a file, and make up keeps the stack file of the sandbox in {config}: "
            f"move your file away (mv {here.name} {here.name}.mine) and run the same command again"
        )
    work = project / f".{config.name}.link"
    work.unlink(missing_ok=True)
    work.symlink_to(config)
    work.replace(here)


def write(config: Path, content: dict[str, Any]) -> None:
    """Replaces the copy in one step."""
    work = config.with_suffix(".tmp")
    work.write_text(yaml.safe_dump(content, sort_keys=False))
    work.rename(config)


def main() -> None:
    config = Path(os.environ["BUS_CONFIG_FILE"])
    # Not every verb of pulumi takes --config-file, so the copy has a project file beside it, and the verbs run there.
    (config.parent / "Pulumi.yaml").write_text((places.ROOT / "Pulumi.yaml").read_text())
    known = json.loads(pulumi(config, "stack", "ls", "--json"))
    fresh = not any(stack["name"] == places.STACK for stack in known)
    if fresh:
        config.unlink(missing_ok=True)  # secrets of another stack, whose salt is gone with it
        pulumi(config, "stack", "init", places.STACK, "--no-select")
    before = yaml.safe_load(config.read_text()) or {}
    template = yaml.safe_load((places.ROOT / "sandbox/Pulumi.local.yaml").read_text())
    ours, seen = wanted(template, *sys.argv[1:]), config.with_name("written.yaml")
    last = yaml.safe_load(seen.read_text()) if seen.exists() and not fresh else None
    content = merged(ours, last, before)
    if content != before:  # else comments stay
        write(config, content)
    write(seen, ours)
    link(places.ROOT, config)
    pulumi(places.ROOT / config.name, "stack", "select", places.STACK)  # so that a bare `pulumi preview` is of it
    for name in SECRETS:
        if f"bus:{name}" not in content["config"]:
            # Through stdin: an argument would stand in the process list.
            pulumi(
                config,
                "config",
                "set",
                "--secret",
                f"bus:{name}",
                "--stack",
                places.STACK,
                given=secrets.token_urlsafe(18),
            )


def pulumi(config: Path, *arguments: str, given: str | None = None) -> str:
    """A verb of the CLI beside the copy; its output."""
    command = ["pulumi", *arguments, "--non-interactive"]
    done = subprocess.run(command, cwd=config.parent, input=given, text=True, stdout=subprocess.PIPE, check=True)
    return done.stdout


if __name__ == "__main__":
    main()
