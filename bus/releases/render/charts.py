"""Charts as the program deploys them: staged with their sub-charts, version stamped with a digest of the content.

Pulumi sees a local chart's change only through `version` (pulumi-kubernetes#2118), and Helm fetches `file://`
sub-charts only when they are missing: so both are done here, and nothing vendored is deployed (docs/adr/0003).
"""

import hashlib
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from bus.config import yaml_limits, yaml_reading, yaml_scalars
from bus.config.messages import kind
from bus.errors import UserError
from bus.merge import merge

LIBRARY = "library"
_VERSION = re.compile(r"(?m)^version:.*$")
_DIGEST_LENGTH = 12
# Releases of one chart are previewed side by side, and two threads must not replace one folder at the same time.
_staging = threading.Lock()


class BadChart(UserError):
    """A file of a chart that cannot be read; the message names it."""


@dataclass(frozen=True)
class Dependency:
    """A sub-chart: the chart it is, and the name it goes by in its parent."""

    chart: str
    alias: str
    condition: str


@dataclass(frozen=True)
class Chart:
    """What Chart.yaml says of a chart."""

    name: str
    folder: Path
    version: str
    library: bool
    dependencies: tuple[Dependency, ...]


def read(folder: Path) -> Chart:
    """The chart in `folder`; raises BadChart where a dependency is not a neighbour (`file://../<name>`)."""
    meta = load_map(folder / "Chart.yaml")
    missing = [key for key in ("name", "version") if not meta.get(key)]
    if missing:
        raise BadChart(f"charts/{folder.name}/Chart.yaml: {missing[0]} is required")
    dependencies = []
    for entry in meta.get("dependencies") or []:
        if entry.get("repository") != f"file://../{entry['name']}":
            raise BadChart(
                f"charts/{folder.name}/Chart.yaml: dependency {entry['name']}: repository must be file://../{entry['name']}"
            )
        dependencies.append(
            Dependency(entry["name"], entry.get("alias") or entry["name"], entry.get("condition") or "")
        )
    return Chart(meta["name"], folder, str(meta["version"]), meta.get("type") == LIBRARY, tuple(dependencies))


def sub_charts(charts: Path, name: str, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Dependency]]:
    """Every sub-chart of chart `name`, libraries apart, with its path in the values: (("isiinfra", "kafka"), ...)."""
    for dependency in read(charts / name).dependencies:
        if not read(charts / dependency.chart).library:
            path = (*above, dependency.alias)
            yield path, dependency
            yield from sub_charts(charts, dependency.chart, path)


def default_values(charts: Path, name: str) -> dict[str, Any]:
    """values.yaml of one chart, without those of its sub-charts."""
    return load_map(charts / name / "values.yaml")


def load_map(file: Path) -> dict[str, Any]:
    """A YAML file of a chart; raises BadChart where there is none, or where it is something else than a map."""
    name = f"charts/{file.parent.name}/{file.name}"
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadChart(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return merge(_parsed(text, name))


@lru_cache(512)
def _parsed(text: str, name: str) -> Mapping[str, Any]:
    """The map that `text` is. Each site reads the same files of the charts, and parsing them takes most of a plan."""
    if beyond := yaml_limits.refusal(text):
        raise BadChart(f"{name} {beyond}")
    try:
        document = yaml_reading.read(text, name, fast=True)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise BadChart(f"{name}: line {line}: is not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise BadChart(f"{name} is not YAML: {error}") from None
    # Helm reads the file too: https://github.com/kubernetes-sigs/yaml takes more for true and false than others do.
    helms = [path for path, written in document.written.items() if written in yaml_scalars.HELM_BOOLEANS]
    refused = [*map(str, document.problems), *(f"{name}: {path} is true or false to Helm" for path in helms)]
    if refused:
        raise BadChart("\n".join(refused) + "; put it between quotes" * bool(helms))
    if not isinstance(document.value, dict | None):
        raise BadChart(f"{name} must be a map, and is {kind(document.value)}")
    return document.value or {}


def digest(charts: Path, name: str) -> str:
    """SHA-256 over the content of a chart and its sub-charts: names and bytes, not times, owners or places."""
    state = hashlib.sha256()
    for part in sorted(_closure(charts, name)):
        folder = charts / part
        for file in _files(folder):
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            state.update(f"{part}/{file.relative_to(folder).as_posix()} {content}\n".encode())
    return state.hexdigest()


def stage(charts: Path, name: str, out: Path, *, bare: bool = False) -> Path:
    """Chart `name` with all sub-charts unpacked below it, as `out/name`; replaced in one step, only when it changed.

    A `bare` one has no defaults: no values.yaml of it or of a sub-chart says anything, so that Helm cannot give back
    what a null in the values took away (docs/adr/0080). The values of a Release have all defaults in them.
    """
    with _staging:
        return _stage(charts, name, out, bare)


def _stage(charts: Path, name: str, out: Path, bare: bool) -> Path:
    content = digest(charts, name)
    stamp = (hashlib.sha256(f"bare {content}".encode()).hexdigest() if bare else content)[:_DIGEST_LENGTH]
    version = f"{read(charts / name).version}+{stamp}"
    target = out / name
    if target.exists() and read(target).version == version:
        return target
    out.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=out))
    try:
        _copy(charts, name, work / "new", bare)
        meta = work / "new" / "Chart.yaml"
        meta.write_text(_VERSION.sub(f"version: {version}", meta.read_text(), count=1))
        if target.exists():
            target.rename(work / "old")
        (work / "new").rename(target)
    finally:
        shutil.rmtree(work)
    return target


def _copy(charts: Path, name: str, target: Path, bare: bool) -> None:
    for file in _files(charts / name):
        if bare and file == charts / name / "values.yaml":
            continue
        copy = target / file.relative_to(charts / name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    for chart in {dependency.chart for dependency in read(charts / name).dependencies}:
        _copy(charts, chart, target / "charts" / chart, bare)


def _closure(charts: Path, name: str) -> set[str]:
    below = {dependency.chart for dependency in read(charts / name).dependencies}
    return {name}.union(*(_closure(charts, chart) for chart in below))


def _files(folder: Path) -> list[Path]:
    """The files that make a chart: not what `helm dependency build` vendors, not what git ignores, not ci values."""
    skipped = {"charts", "ci", "__pycache__"}
    found = (path for path in folder.rglob("*") if path.is_file())
    kept = (path for path in found if path.relative_to(folder).parts[0] not in skipped and path.name != "Chart.lock")
    return sorted(kept, key=lambda path: path.relative_to(folder).as_posix())
