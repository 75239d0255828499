"""A release rendered by Helm itself, and packed as Helm would keep it, to see its size before it is too large."""

import base64
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bus.errors import UserError
from bus.releases.render import charts, guard

# A Secret may hold 1 MiB, and Helm keeps a whole revision in one (helm/helm#8281).
RECORD_LIMIT = 1024 * 1024
MISSING = "helm is not on PATH: install Helm 3; in the sandbox: . sandbox/env.sh"
# Each helm process computes on one core and takes up to 100 MiB, whatever the number of releases that are compared.
HELMS_AT_ONCE = max(2, min(4, os.cpu_count() or 1))
_turns = threading.BoundedSemaphore(HELMS_AT_ONCE)
# https://yaml.org/spec/1.2.2/#51-character-set, and its line breaks: NEL, LS, PS.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
# A template in Helm's message, as hickson-central/charts/cineges-ui/templates/ingress.yaml, and the head of a schema's.
_TEMPLATE = re.compile(r"[\w.-]+(?:/charts/[\w.-]+)*/templates/[\w./-]+")
_OF_SCHEMA = re.compile(r"(?m)^([\w.-]+):$")
_rendered: dict[bytes, str] = {}


class NoHelm(UserError):
    """helm is not on PATH, or cannot render a chart; the message is its own.

    `file` is the file of the brick whose values Helm refuses; empty where Helm names none.
    """

    def __init__(self, message: str, file: str = "") -> None:
        self.file = file
        super().__init__(message)


def is_there() -> bool:
    """Whether helm is on PATH."""
    return shutil.which("helm") is not None


def render(chart: Path, name: str, namespace: str, values: Mapping[str, Any]) -> str:
    """Render a staged chart as an upgrade would. The same is rendered once in a process.

    Raises NoHelm, and Unexpected where objects come out that the release must not have.
    """
    given, meta = as_json(values), chart / "Chart.yaml"
    version = meta.read_text() if meta.is_file() else ""  # of a staged chart: it changes with its content
    key = hashlib.sha256("\0".join((str(chart), version, name, namespace, given)).encode()).digest()
    if key not in _rendered:
        manifest = _helm(chart, name, namespace, given)
        guard.check(manifest, chart, name, namespace)
        _rendered[key] = manifest
    return _rendered[key]


def as_json(values: Mapping[str, Any]) -> str:
    """Return values as Helm's reader of YAML takes them: it refuses the pairs that JSON writes for an emoji.

    What YAML takes for a line break, or not at all, is escaped all the same.
    """
    text = json.dumps(values, ensure_ascii=False, sort_keys=True)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _helm(chart: Path, name: str, namespace: str, values: str) -> str:
    command = ["helm", "template", name, str(chart), "--namespace", namespace, "--is-upgrade", "--values", "-"]
    try:
        with _turns:
            # Values through stdin, so that no file of them stays behind.
            done = subprocess.run(command, input=values, capture_output=True, encoding="utf-8", check=False)
    except FileNotFoundError:
        raise NoHelm(MISSING) from None
    if done.returncode:
        said = done.stderr.strip()
        raise NoHelm(f"helm cannot render {name}: {said}", blamed(chart, said))
    return done.stdout


def blamed(chart: Path, said: str) -> str:
    """Return the file of the brick that Helm's message is about; empty where it is about none.

    Helm names the template that fails, or the sub-charts whose schema refuses their values.
    """
    sources = _TEMPLATE.findall(said)
    names = _OF_SCHEMA.findall(said.partition("schema(s) in the following chart(s):")[2])
    files = [guard.brought_by(chart, source) for source in sources]
    files += [f"values/{name}.yml" for name in names if name != charts.read(chart).name]
    return next((file for file in files if file.startswith("values/")), "")


def record_size(chart: Path, values: Mapping[str, Any], manifest: str) -> int:
    """Bytes that Helm's record of a revision takes: its chart's own files, its values and its manifest, packed."""
    own = [
        path for path in sorted(chart.rglob("*")) if path.is_file() and "charts" not in path.relative_to(chart).parts
    ]
    files = {path.relative_to(chart).as_posix(): _base64(path.read_bytes()) for path in own}
    meta = yaml.safe_load((chart / "Chart.yaml").read_text())
    record = {"chart": {"metadata": meta, "files": files}, "config": values, "manifest": manifest}
    return len(_base64(gzip.compress(json.dumps(record, separators=(",", ":")).encode(), 9)))


def too_large(release: str, size: int) -> str:
    """The refusal of a record that its Secret would not hold; empty where it does."""
    if size <= RECORD_LIMIT:
        return ""
    return (
        f"release {release}: its record would take {size / 1024:.0f} KiB, and a Secret holds {RECORD_LIMIT // 1024}; "
        f"move large files out of the chart, or split the umbrella into two releases"
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
