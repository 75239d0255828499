"""What bus takes of a chart's values is what Helm's own reader makes of them: the whole table, by one call of helm."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bus.releases.render import charts
from tests.support.yaml_spellings import SCALARS, TEXTS

pytestmark = pytest.mark.helm
CONTENTS = [*(f"v: {text}\n".encode() for text, _ in SCALARS), *(content for content, _ in TEXTS)]

# Not refused yet: a bare key `y` is `true` to Helm, and text to bus.
HELM_DIFFERS = [b"w: &a {x: 1, y: 2}\nv: {<<: *a, y: 3}\n"]


def taken(folder: Path, content: bytes) -> dict[str, Any] | None:
    """What bus reads; None where it refuses the text."""
    (folder / "values.yaml").write_bytes(content)
    try:
        return dict(charts.load_map(folder / "values.yaml"))
    except charts.BadChart:
        return None


def chart(folder: Path, name: str, values: bytes) -> None:
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n")
    (folder / "values.yaml").write_bytes(values)


def test_helm_reads_what_bus_reads(tmp_path: Path) -> None:
    """Each text is the values.yaml of a sub-chart, which prints what Helm has read of it."""
    accepted = {
        f"c{number}": values
        for number, content in enumerate(CONTENTS)
        if (values := taken(tmp_path, content)) is not None
    }
    umbrella = tmp_path / "umbrella"
    chart(umbrella, "umbrella", b"")
    for name in accepted:
        below = umbrella / "charts" / name
        chart(below, name, CONTENTS[int(name[1:])])
        (below / "templates/v.yaml").write_text('{{ omit .Values "global" | toJson }}\n')
    done = subprocess.run(["helm", "template", "x", str(umbrella)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = {}
    for document in done.stdout.split("---\n# Source: umbrella/charts/")[1:]:
        head, _, body = document.partition("\n")
        read[head.split("/")[0]] = json.loads(body)
    assert len(accepted) > 100
    wrong = [
        f"{CONTENTS[int(name[1:])]!r}: bus {values}, helm {read.get(name)}"
        for name, values in accepted.items()
        if CONTENTS[int(name[1:])] not in HELM_DIFFERS and not same(values, read.get(name, {}))
    ]
    assert wrong == []


def same(mine: Any, helms: Any) -> bool:
    """Equal, text as text and true as true; Helm has every number as a float."""
    if isinstance(mine, dict) and isinstance(helms, dict):
        return mine.keys() == helms.keys() and all(same(value, helms[key]) for key, value in mine.items())
    if isinstance(mine, list) and isinstance(helms, list):
        return len(mine) == len(helms) and all(map(same, mine, helms))
    if isinstance(mine, bool | str) or isinstance(helms, bool | str):
        return type(mine) is type(helms) and bool(mine == helms)
    return mine is None if helms is None else mine is not None and float(mine) == float(helms)
