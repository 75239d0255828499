"""The values of one release: chart defaults < values/<brick>.yml < stack-wide < site, then what settings fix."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bus.config.bricks import Brick
from bus.config.parsing import join
from bus.errors import Problem
from bus.merge import Values, at, merge, resolve
from bus.releases.render import charts, exact, schema

Path_ = tuple[str, ...]


@dataclass(frozen=True)
class Layer:
    """Values per brick, and how a message calls the place they stand in."""

    file: str
    root: str
    bricks: Mapping[str, Mapping[str, Any]]

    def place(self, brick: str) -> str:
        """The path of a brick's values in the file: bus:values.kafka; for a brick's own file just values."""
        return f"{self.root}.{brick}" if self.root else "values"


def brick_layer(brick: Brick) -> Layer:
    """The lowest layer above the chart's defaults."""
    return Layer(brick.file, "", {brick.name: brick.values})


def places(folder: Path, chart: str) -> dict[str, tuple[Path_, str]]:
    """brick -> (path in the values of `chart`, chart of the brick); the chart itself where it has no sub-charts."""
    found = {path[-1]: (path, dependency.chart) for path, dependency in charts.sub_charts(folder, chart)}
    return found or {chart: ((), chart)}


def release_values(
    folder: Path, chart: str, layers: Iterable[Layer], derived: Mapping[str, Any]
) -> tuple[Values, list[Problem]]:
    """Values for chart `chart` and what is wrong with them; bricks that it does not have are left out.

    `derived` has the umbrella's own shape (isiinfra.kafka.replicaCount) and wins over every layer, because it follows
    from typed settings; a layer that sets the same key is a problem, not a silent loss.
    """
    known = places(folder, chart)
    stacked = [
        (layer, brick, at(path, _own_digest(layer.bricks[brick])))
        for layer in layers
        for brick, (path, _) in known.items()
        if brick in layer.bricks
    ]
    problems = []
    for layer, brick, values in stacked:
        for path in _shared_leaves(derived, values):
            inner = ".".join(path[len(known[brick][0]) :])
            place = f"{layer.place(brick)}.{inner}"
            problems.append(Problem(layer.file, place, None, "is fixed by the site's settings", "remove it here"))
    for layer, brick, _ in stacked:
        problems += exact.problems(layer.file, layer.place(brick), layer.bricks[brick])
    result = merge(*(values for _, _, values in stacked), derived)
    for brick, (path, brick_chart) in known.items():
        mine = [(layer, name) for layer, name, _ in stacked if name == brick]
        problems += _against_schema(folder, brick_chart, brick, _at(result, path), mine)
    return result, problems


def is_enabled(values: Mapping[str, Any], path: Path_) -> bool:
    """Whether the sub-chart at `path` is on, given merged values that include the chart's own defaults."""
    return all(_at(values, path[: length + 1]).get("enabled", True) is not False for length in range(len(path)))


def with_defaults(folder: Path, chart: str, values: Mapping[str, Any]) -> Values:
    """Return `values` over the defaults of the chart and of every sub-chart, where each null has taken its key away.

    The result is all that Helm is given: the chart is staged without defaults (docs/adr/0080).
    """
    below = [at(path, charts.default_values(folder, d.chart)) for path, d in charts.sub_charts(folder, chart)]
    # A parent's defaults win over its sub-chart's, so the outermost comes last.
    return resolve(*reversed(below), charts.default_values(folder, chart), values)


def brick_values(folder: Path, chart: str, values: Mapping[str, Any], brick: str) -> Mapping[str, Any]:
    """Return the values of one brick out of those of its release; empty where the chart has no such brick."""
    path = places(folder, chart).get(brick, ((), ""))[0]
    return _at(values, path) if path else {}


def _own_digest(values: Mapping[str, Any]) -> Values:
    """A layer that names another tag or image without a digest must not inherit the digest of a lower layer."""
    image = values.get("image")
    if isinstance(image, Mapping) and image.keys() & {"tag", "name"} and "digest" not in image:
        return merge(values, {"image": {"digest": ""}})
    return dict(values)


def _shared_leaves(derived: Mapping[str, Any], values: Mapping[str, Any], above: Path_ = ()) -> Iterator[Path_]:
    for key in derived.keys() & values.keys():
        mine, theirs = derived[key], values[key]
        if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            yield from _shared_leaves(mine, theirs, (*above, key))
        else:
            yield (*above, key)


def _at(values: Mapping[str, Any], path: Path_) -> Mapping[str, Any]:
    current: Any = values
    for part in path:
        current = current.get(part, {}) if isinstance(current, Mapping) else {}
    return current if isinstance(current, Mapping) else {}


def _against_schema(
    folder: Path, chart: str, brick: str, values: Mapping[str, Any], layers: list[tuple[Layer, str]]
) -> list[Problem]:
    """The chart's values.schema.json, asked before Helm would: each error in the file that brought the value."""
    rules = charts.load_map(folder / chart / "values.schema.json")
    full = resolve(charts.default_values(folder, chart), values)
    problems = []
    for location, value, allowed in schema.errors(rules, full):
        layer = next((la for la, name in reversed(layers) if _has(la.bricks[name], location)), None)
        file = layer.file if layer else f"charts/{chart}/values.yaml"
        root = layer.place(brick) if layer else ""
        problems.append(Problem(file, join(root, location), value, allowed, f"see charts/{chart}/values.yaml"))
    return problems


def _has(values: Mapping[str, Any], location: tuple[str | int, ...]) -> bool:
    current: Any = values
    for part in location:
        inside = range(len(current)) if isinstance(current, list) else current if isinstance(current, Mapping) else ()
        if part not in inside:
            return False
        current = current[part]
    return True
