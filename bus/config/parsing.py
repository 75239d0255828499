"""YAML or config values into frozen types; every error becomes a Problem with its path."""

import difflib
from collections.abc import Iterable, Sequence
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from bus.config import messages
from bus.errors import Problem


def without_dates(loader: Any) -> dict[str, list[tuple[str, Any]]]:
    """What a loader takes plain text for, dates apart: they are text to Kubernetes and Helm."""
    resolvers = loader.yaml_implicit_resolvers.items()
    return {first: [one for one in found if one[0] != "tag:yaml.org,2002:timestamp"] for first, found in resolvers}


class YamlLoader(yaml.CSafeLoader):
    """libyaml's, ten times as fast as PyYAML's own; a bare `=` and a date are text, as to Kubernetes and Helm."""

    yaml_implicit_resolvers = without_dates(yaml.CSafeLoader)


YamlLoader.add_constructor("tag:yaml.org,2002:value", lambda _, node: str(node.value))


class ConfigModel(BaseModel):
    """A frozen type read from YAML: keys in camelCase, unknown keys refused, no silent conversion."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
    )


T = TypeVar("T", bound=ConfigModel)


def parse(model: type[T], raw: object, file: str, root: str = "") -> tuple[T | None, list[Problem]]:
    """`raw` as a `model` and what is wrong with it, each with `root`-based path.

    Unknown keys are problems, but the record without them is returned all the same, so that what only shows when
    records are seen together is said in the same run. None where anything else is wrong.
    """
    try:
        return model.model_validate(raw, by_alias=True, by_name=False), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    problems = [_problem(model, detail, file, root) for detail in details]
    known = raw
    for detail in details:
        if detail["type"] == "extra_forbidden":
            known = _without(known, detail["loc"])
    try:
        return model.model_validate(known, by_alias=True, by_name=False), problems
    except ValidationError:
        return None, problems


def _without(raw: Any, location: Sequence[str | int]) -> Any:
    """A copy of `raw` that lacks what stands at `location`; the other parts are shared."""
    first, *rest = location
    if isinstance(raw, list) and isinstance(first, int):
        return [_without(item, rest) if number == first else item for number, item in enumerate(raw)]
    if not isinstance(raw, dict):
        return raw
    if not rest:
        return {key: value for key, value in raw.items() if key != first}
    return {key: _without(value, rest) if key == first else value for key, value in raw.items()}


def join(root: str, parts: Sequence[str | int]) -> str:
    """A path as a reader would write it: sites.central.topics[2].name."""
    path = root
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def nearest(name: str, known: Iterable[str]) -> str:
    """A question about the one of `known` that was likely meant; empty where none is near."""
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"did you mean {near[0]}?" if near else ""


def _problem(model: type[BaseModel], details: Any, file: str, root: str) -> Problem:
    location = _location(details)
    path = join(root, location)
    match details["type"]:
        case "extra_forbidden":
            keys = allowed_keys(model, location[:-1])
            remedy = nearest(str(location[-1]), keys)
            return Problem(file, path, None, f"unknown key; allowed: {', '.join(keys)}", remedy)
        case "missing":
            return Problem(file, path, None, "is required", _description(model, location))
        case _:
            allowed = messages.allowed(details)
            return Problem(file, path, messages.shown(details["input"]), allowed, _description(model, location))


def _location(details: Any) -> tuple[str | int, ...]:
    """Where an error is; a key that is a number is a key, and no place in a list."""
    parts = [part for part in details["loc"] if part != "[key]"]
    if parts and (len(parts) < len(details["loc"]) or details["type"] == "invalid_key"):
        parts[-1] = str(parts[-1])
    return tuple(parts)


def allowed_keys(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """The keys that the record at `location` of `model` may have."""
    found = _record_at(model, location)
    return sorted(field.alias or name for name, field in found.model_fields.items()) if found else []


def _description(model: type[BaseModel], location: Sequence[str | int]) -> str:
    holder = _record_at(model, location[:-1])
    if holder is None or not location:
        return ""
    for name, field in holder.model_fields.items():
        if location[-1] in (name, field.alias):
            return field.description or ""
    return ""


def _record_at(model: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel] | None:
    current: object = model
    for part in location:
        current = _inside(current, part)
    return _record(current)


def _inside(annotation: object, part: str | int) -> object:
    """The annotation below `part`: of a field, of a map's values, of a list's items; None where there is none."""
    record = _record(annotation)
    if record is not None:
        return next((f.annotation for n, f in record.model_fields.items() if part in (n, f.alias)), None)
    for candidate in (annotation, *get_args(annotation)):
        if get_origin(candidate) in (dict, tuple, list):
            return get_args(candidate)[1 if get_origin(candidate) is dict else 0]
    return None


def _record(annotation: object) -> type[BaseModel] | None:
    """The record that an annotation is, by itself or as `... | None`."""
    candidates = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
