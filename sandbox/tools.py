"""The tools: those already here at a fitting version are used, the others are built from pinned Go modules."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from sandbox import places
from sandbox.steps import fail, logged, say
from sandbox.toolchain.binaries import PROVIDER, TOOLS, Tool

# What only the sandbox's own cluster needs; kube is also the one binary that kubectl is built into.
_SERVERS = ("coredns", "kube")
_SCRIPTS = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")


def missing() -> list[Tool]:
    """Tools that are wanted here and neither in the cache nor on this machine at a fitting version."""
    found = places.tools()
    return [
        tool for tool in TOOLS if _wanted(tool) and not _target(tool, found).exists() and not _link_present(tool, found)
    ]


def _wanted(tool: Tool) -> bool:
    """All for the sandbox; for a cluster of one's own not its servers, and kubectl only where there is none."""
    return not places.MINE or tool.name not in _SERVERS or (tool.name == "kube" and not shutil.which("kubectl"))


def ready() -> bool:
    """Whether every tool and plugin is there."""
    home = places.CACHE / "pulumi/plugins" / f"resource-kubernetes-v{PROVIDER}"
    return not missing() and (places.tools() / "pulumi-resource-pulumi-python").exists() and home.exists()


def build() -> None:
    """Builds what is missing, one after the other: each takes both cores. Each takes its name when it is whole."""
    out = places.tools()
    out.mkdir(parents=True, exist_ok=True)
    todo = missing()
    if todo and not shutil.which("go"):
        fail("no Go compiler on PATH: install Go 1.26 or newer (https://go.dev/dl), or put these tools on PATH: "
             + ", ".join(tool.name for tool in todo))  # fmt: skip
    for number, tool in enumerate(todo):
        left = sum(other.minutes for other in todo[number:])
        say(f"  compiling {tool.name} (about {tool.minutes} min cold; {left} min of compiling left at most)")
        _compile(tool, out)
    for tool in TOOLS:
        for link in tool.links if (out / tool.name).exists() else ():
            (out / f".{link}").unlink(missing_ok=True)
            (out / f".{link}").symlink_to(tool.name)
            (out / f".{link}").rename(out / link)
    _plugins(out)


def _compile(tool: Tool, out: Path) -> None:
    folder = places.TOOLCHAIN / tool.module
    env = {**os.environ, **tool.env, "GOWORK": "off"}
    if tool.name == "pulumi-resource-kubernetes":
        package = "github.com/pulumi/pulumi-kubernetes/provider/v4/cmd/pulumi-resource-kubernetes"
        logged(
            "embed", (sys.executable, "embed.py", _module_folder(package, folder, env), PROVIDER, "embed"), folder, env
        )
    work = out / f".{tool.name}.tmp"
    ldflags = f"-s -w {tool.ldflags}".strip()
    fixed = ("go", "build", "-mod=readonly", "-trimpath")
    logged(f"build-{tool.name}", (*fixed, *tool.flags, "-ldflags", ldflags, "-o", work, tool.package), folder, env)
    work.rename(_target(tool, out))


def _target(tool: Tool, out: Path) -> Path:
    """Where a tool's binary stands: a plugin not on PATH, where the engine would warn of it in each run."""
    return out / tool.name if not tool.name.startswith("pulumi-resource-") else out.parent / tool.name


def _module_folder(package: str, folder: Path, env: Mapping[str, str]) -> str:
    """Where a package's sources are; its module is fetched first where it is not."""
    command = ["go", "list", "-mod=readonly", "-e", "-f", "{{.Dir}}", package]
    return subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True, text=True).stdout.strip()


def _plugins(out: Path) -> None:
    """The two scripts of the Python host, and the Kubernetes provider where the engine looks for plugins."""
    env = {**os.environ, "GOWORK": "off"}
    command = ["go", "list", "-mod=readonly", "-m", "-json", "github.com/pulumi/pulumi/sdk/v3"]
    folder = places.TOOLCHAIN / "pulumi"
    listed = subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True, text=True).stdout
    sdk = Path(json.loads(listed)["Dir"])
    for script in _SCRIPTS:
        target = out / Path(script).name
        work = target.with_name(f".{target.name}.tmp")
        shutil.copyfile(sdk / script, work)
        work.chmod(0o755)
        work.rename(target)
    provider = out.parent / "pulumi-resource-kubernetes"
    install = ("pulumi", "plugin", "install", "resource", "kubernetes", PROVIDER, "--file", provider, "--reinstall")
    logged("plugin", install, env=places.environment())


def _link_present(tool: Tool, out: Path) -> bool:
    """Links a fitting tool of this machine into the toolchain; whether there is one."""
    if not tool.probe:
        return False
    elsewhere = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part != str(out))
    found = shutil.which(tool.name, path=elsewhere)
    if not found:
        return False
    try:
        said = subprocess.run(
            [found, *tool.probe], capture_output=True, text=True, timeout=20, check=False
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return False
    if not re.search(tool.fits, said):
        say(f"  {found} is {said or 'of no known version'}; one that fits is built")
        return False
    out.mkdir(parents=True, exist_ok=True)
    (out / tool.name).unlink(missing_ok=True)
    (out / tool.name).symlink_to(found)
    return True
