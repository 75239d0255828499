"""Charts rendered with the values of a stack."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

from bus.deployment import deployable
from bus.releases.render.values import places

ROOT = Path(__file__).parents[2]
DEPLOYABLE = deployable("hickson")


def helm(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(["helm", *arguments], input=stdin, capture_output=True, text=True, check=False)


def render(folder: Path, values: dict[str, Any]) -> list[dict[str, Any]]:
    done = helm("template", "x", str(folder), "--namespace", "site", "-f", "-", stdin=yaml.safe_dump(values))
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def everything_on(chart: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for path, _ in places(ROOT / "charts", chart).values():
        here = values
        for part in path:
            here = here.setdefault(part, {})
        if path:
            here["enabled"] = True
    return values
