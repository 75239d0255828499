"""The variables of the bricks: whose name a chart has taken, that have two sources, or a secret that nobody gave."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from bus.config.bricks import Brick
from bus.config.parsing import join, nearest
from bus.deployment import Deployment, Release
from bus.errors import Problem
from bus.plan.validation import Places, layers, running
from bus.releases.render import charts, secrecy
from bus.releases.render.charts import BadChart
from bus.releases.render.values import Layer

Place = tuple[str | int, ...]

GRANTS = "secrets.yaml"
BLOCKS = ("env", "envFromConfig", "envFromSecret")
# How a template writes the name of a variable: name: A, {name: A, "name" "A", or the key of a dict that it ranges over.
_NAME = re.compile(r"""\bname:\s*"?([A-Z][A-Z0-9_]*)\b|"([A-Z][A-Z0-9]*_[A-Z0-9_]+|PG[A-Z]+)"\s""")


@cache
def set_by(folder: Path, chart: str) -> Mapping[str, str]:
    """Return the variables that a chart's own templates set, each with the file that does."""
    found: dict[str, str] = {}
    for part in (chart, *_libraries(folder, chart)):
        for file in sorted((folder / part / "templates").glob("*.*")):
            for name in _NAME.finditer(file.read_text()):
                found.setdefault(name[1] or name[2], f"charts/{part}/templates/{file.name}")
    return found


def problems(folder: Path, deployment: Deployment, found: Places, bricks: Mapping[str, Brick]) -> list[Problem]:
    """Return what is wrong with the variables of every brick that runs, each with the file that says it."""
    problems: list[Problem] = []
    for site, release, brick in running(deployment):
        path, chart = found[release.chart][brick]
        values: Any = release.values
        for part in path:
            values = values.get(part, {})
        places = layers(deployment.settings, site, bricks)
        problems += secrecy.in_clear(places, frozenset({brick}), frozenset(deployment.settings.stack_file.not_secrets))
        problems += _keys(deployment, site, brick, values, places)
        problems += _names(folder, chart, brick, values, places)
        problems += _ungranted(folder, deployment, site, release, brick, values, places)
    settings = deployment.settings
    for site, content in settings.stack_file.sites.items():
        place = f"bus:sites.{site}.config"
        problems += secrecy.in_config(settings.file, place, content.config, frozenset(settings.stack_file.not_secrets))
    return problems


def _keys(
    deployment: Deployment, site: str, brick: str, values: Mapping[str, Any], places: Sequence[Layer]
) -> Iterator[Problem]:
    """Yield variables from a key that cineges-config or cineges-secret of the site has not: no pod could be made."""
    config = deployment.sites[site].config
    has = {
        "envFromConfig": ("cineges-config", config, f"or add it to bus:sites.{site}.config"),
        "envFromSecret": ("cineges-secret", secret_keys(deployment, site), ""),
    }
    for block, (holder, keys, remedy) in has.items():
        for variable, key in _map(values, block).items():
            if not isinstance(key, str) or key in keys:
                continue
            allowed = f"is no key of {holder} on {site}; keys: {', '.join(sorted(keys))}"
            remedy = " ".join(part for part in (nearest(key, keys), remedy) if part)
            if layer := _layer(places, brick, (block, variable)):
                yield Problem(layer.file, f"{layer.place(brick)}.{block}.{variable}", key, allowed, remedy)


def _names(
    folder: Path, chart: str, brick: str, values: Mapping[str, Any], places: Sequence[Layer]
) -> Iterator[Problem]:
    """Yield names that the chart sets itself, and names with two sources: Kubernetes keeps either, or refuses both."""
    own = set_by(folder, chart)
    for place, names in _maps(values):
        for name in sorted(own.keys() & set(names)):
            file, path = _where(chart, brick, places, (*place, name))
            allowed = f"is set by the chart itself: {own[name]}"
            yield Problem(file, path, None, allowed, "remove it, or choose another name")
    for double in _doubles(values):
        sources = [_where(chart, brick, places, place) for place in double]
        (file, path), others = sources[-1], ", ".join(f"{file}: {path}" for file, path in sources[:-1])
        yield Problem(file, path, None, f"has another source too: {others}", "a variable has one source: keep one")


def _ungranted(
    folder: Path,
    deployment: Deployment,
    site: str,
    release: Release,
    brick: str,
    values: Mapping[str, Any],
    places: Sequence[Layer],
) -> Iterator[Problem]:
    """Yield keys of cineges-secret that a brick's own file asks for, and that nobody else gave to it (ADR 0069)."""
    own_file, asked = f"values/{brick}.yml", _map(values, "envFromSecret")
    given = {*granted(folder, release.chart).get(brick, ())}
    for variable, key in asked.items():
        layer = _layer(places, brick, ("envFromSecret", variable))
        if layer is None or layer.file != own_file:
            given.add(key)  # the stack file or the chart says it
    for variable, key in asked.items():
        layer = _layer(places, brick, ("envFromSecret", variable))
        known = isinstance(key, str) and key in secret_keys(deployment, site)
        if layer and layer.file == own_file and known and key not in given:
            allowed = f"is not given to {brick}: a brick's file alone does not say which secrets the brick reads"
            stack_file = f"{deployment.settings.file}: bus:values.{brick}.envFromSecret.{variable}"
            remedy = f"add {key} to {brick} in charts/{release.chart}/{GRANTS}, or write the variable in {stack_file}"
            yield Problem(own_file, f"values.envFromSecret.{variable}", key, allowed, remedy)


def granted(folder: Path, chart: str) -> Mapping[str, Sequence[str]]:
    """Return which keys of cineges-secret each brick of a release's chart may read, as its file of grants says.

    Raises BadChart where the file is something else than lists of keys by brick.
    """
    file = folder / chart / GRANTS
    if not file.exists():
        return {}
    grants = charts.load_map(file)
    for brick, keys in grants.items():
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise BadChart(f"charts/{chart}/{GRANTS}: {brick} must be a list of keys of cineges-secret")
    return grants


def secret_keys(deployment: Deployment, site: str) -> set[str]:
    """Return the keys of cineges-secret of a site: those of the stack file, and those that the stack makes."""
    roles = deployment.sites[site].roles
    return {*deployment.settings.secret_keys[site], *(roles.passwords.values() if roles else ())}


def _map(values: Mapping[str, Any], block: str) -> Mapping[str, Any]:
    """Return the variables of a block that have a value; null takes one away."""
    found = values.get(block)
    return {str(name): key for name, key in found.items() if key is not None} if isinstance(found, Mapping) else {}


def _maps(values: Mapping[str, Any]) -> Iterator[tuple[Place, list[str]]]:
    """Yield every map of variables with its place: the blocks of a brick, and `env` of each of its tables."""
    for block in BLOCKS:
        yield (block,), list(_map(values, block))
    tables = values.get("tables")
    for number, table in enumerate(tables if isinstance(tables, list) else []):
        if isinstance(table, Mapping):
            yield ("tables", number, "env"), list(_map(table, "env"))


def _doubles(values: Mapping[str, Any]) -> Iterator[list[Place]]:
    """Yield the places of each name that has more than one source; a table's `env` overrides that of the brick."""
    maps = dict(_maps(values))
    for name in sorted({name for names in maps.values() for name in names}):
        sources = [place for place in maps if name in maps[place]]
        if len({"env" if place[0] == "tables" else place[0] for place in sources}) > 1:
            yield [(*place, name) for place in sources]


def _where(chart: str, brick: str, places: Sequence[Layer], place: Place) -> tuple[str, str]:
    """Return file and path of the layer that a value came from, or of the chart's defaults."""
    layer = _layer(places, brick, place)
    if layer:
        return layer.file, join(layer.place(brick), place)
    return f"charts/{chart}/values.yaml", join("", place)


def _layer(places: Sequence[Layer], brick: str, place: Place) -> Layer | None:
    """Return the highest layer that has a value in a place of a brick."""
    return next((layer for layer in reversed(places) if _has(layer.bricks.get(brick), place)), None)


def _has(values: Any, place: Place) -> bool:
    for part in place:
        inside = range(len(values)) if isinstance(values, list) else values if isinstance(values, Mapping) else ()
        if part not in inside:
            return False
        values = values[part]
    return values is not None


def _libraries(folder: Path, chart: str) -> Iterator[str]:
    for dependency in charts.read(folder / chart).dependencies:
        if charts.read(folder / dependency.chart).library:
            yield dependency.chart
            yield from _libraries(folder, dependency.chart)
