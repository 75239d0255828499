"""Values as Helm merges them: maps deeply, lists as a whole, null takes a key away."""

from collections.abc import Mapping
from typing import Any

Values = dict[str, Any]


def merge(*layers: Mapping[str, Any]) -> Values:
    """All layers in one, lowest precedence first; the inputs stay as they are.

    Same rules as `helm -f a -f b`: https://helm.sh/docs/chart_template_guide/values_files/
    A null in a higher layer is kept, because the chart's default below is not known yet; `resolve` follows it.
    """
    result: Values = {}
    for layer in layers:
        for key, value in layer.items():
            mine = result.get(key)
            if isinstance(value, Mapping):
                result[key] = merge(mine, value) if isinstance(mine, Mapping) else merge(value)
            else:
                result[key] = value
    return result


def resolve(*layers: Mapping[str, Any]) -> Values:
    """Return all layers in one, lowest precedence first, without any null: each has taken its key away.

    Empty lists and empty maps stay. An entry of a list that is null stays too, because it has no key.
    """
    return _without_nulls(merge(*layers))


def _without_nulls(values: Mapping[str, Any]) -> Values:
    return {key: _cleared(value) for key, value in values.items() if value is not None}


def _cleared(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _without_nulls(value)
    return [_cleared(entry) for entry in value] if isinstance(value, list) else value


def at(path: tuple[str, ...], values: Mapping[str, Any]) -> Values:
    """`values` below `path`: at(("isiinfra", "kafka"), {"a": 1}) is {"isiinfra": {"kafka": {"a": 1}}}."""
    result: Values = dict(values)
    for part in reversed(path):
        result = {part: result}
    return result
