"""Stack `local` with secrets of its own: the checkout's stack file, plus what `make up` made before, in the cache.

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


def merged(own: dict[str, Any], before: dict[str, Any], context: str = "", registry: str = "") -> dict[str, Any]:
    """The checkout's file `own`, with the encrypted values and the salt of the copy made `before`."""
    kept = {k: v for k, v in (before.get("config") or {}).items() if isinstance(v, dict) and v.keys() == {"secure"}}
    config = {**own["config"], **kept}
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
    rest = {key: value for key, value in before.items() if key.startswith("encrypt")}
    return {**rest, "config": config}


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
    before = yaml.safe_load(config.read_text())
    own = yaml.safe_load((places.ROOT / "Pulumi.local.yaml").read_text())
    content = merged(own, before, *sys.argv[1:])
    write(config, content)
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
