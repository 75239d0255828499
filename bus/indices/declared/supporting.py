"""What indices rely on, as the bricks declare it: policies, component templates, pipelines, index templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import Field

from bus.config.fragments import Block, Fragment, Owned, collect, unowned
from bus.config.parsing import ConfigModel
from bus.config.stack_file import Kind as SiteKind
from bus.errors import Problem
from bus.indices.declared.shapes import json_problems, mapping_problems, setting_problems
from bus.indices.diff.settings import RESERVED, flatten

Kind = Literal["policies", "componentTemplates", "pipelines", "indexTemplates"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""in the order in which they are made; they are deleted the other way round"""
Bodies = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""kind -> name -> what a server is given"""
_BASE = set(Fragment.model_fields)


class Template(ConfigModel):
    """What an index gets from a template."""

    settings: dict[str, Any] = Field(default_factory=dict, description="in Elasticsearch's format, nested or dotted")
    mappings: dict[str, Any] = Field(default_factory=dict, description="in Elasticsearch's format")
    aliases: dict[str, dict[str, Any]] = Field(default_factory=dict, description="in Elasticsearch's format")
    lifecycle: dict[str, Any] | None = Field(None, description="lifecycle of data streams")
    data_stream_options: dict[str, Any] | None = Field(
        None, alias="data_stream_options", description="options of data streams: {failure_store: ...}"
    )


class Policy(Fragment):
    """An index lifecycle policy."""

    policy: dict[str, Any] = Field(default_factory=dict, description="required: {phases: {hot: ..., delete: ...}}")


class ComponentTemplate(Fragment):
    """A part that index templates are composed of."""

    template: Template = Field(Template(), description="settings, mappings, aliases")
    meta: dict[str, Any] = Field(default_factory=dict, alias="_meta", description="notes")
    version: int | None = Field(None, description="your own version number")
    deprecated: bool | None = Field(None, description="the server warns whoever uses it")


class Pipeline(Fragment):
    """An ingest pipeline."""

    processors: list[dict[str, Any]] = Field(default_factory=list, description="required: in Elasticsearch's format")
    on_failure: list[dict[str, Any]] = Field(
        default_factory=list, alias="on_failure", description="processors for a document that another processor refuses"
    )
    meta: dict[str, Any] = Field(default_factory=dict, alias="_meta", description="notes")
    version: int | None = Field(None, description="your own version number")
    deprecated: bool | None = Field(None, description="the server warns whoever uses it")


class IndexTemplate(ComponentTemplate):
    """What indices of certain names get when they are made."""

    index_patterns: list[str] = Field(
        default_factory=list, alias="index_patterns", description="required: such as sales-*"
    )
    composed_of: list[str] = Field(
        default_factory=list, alias="composed_of", description="component templates, the last one wins; then `template`"
    )
    ignore_missing_component_templates: list[str] = Field(
        default_factory=list,
        alias="ignore_missing_component_templates",
        description="component templates of composed_of that may be missing",
    )
    priority: int = Field(0, ge=0, description="if several templates match a name, the highest priority wins")
    data_stream: dict[str, Any] | None = Field(
        None, alias="data_stream", description="create a data stream; {} for its defaults"
    )
    allow_auto_create: bool | None = Field(
        None, alias="allow_auto_create", description="whether a first document may create the index"
    )


MODELS: Mapping[Kind, type[Fragment]] = {
    "policies": Policy,
    "componentTemplates": ComponentTemplate,
    "pipelines": Pipeline,
    "indexTemplates": IndexTemplate,
}
NOUNS: Mapping[str, str] = {
    "policies": "lifecycle policy",
    "componentTemplates": "component template",
    "pipelines": "pipeline",
    "indexTemplates": "index template",
}
PATHS: Mapping[str, str] = {
    "policies": "/_ilm/policy",
    "componentTemplates": "/_component_template",
    "pipelines": "/_ingest/pipeline",
    "indexTemplates": "/_index_template",
}
"""kind -> its API of servers since 7.8"""


@dataclass(frozen=True)
class Provision:
    """One of them as its owner wants it."""

    kind: Kind
    name: str
    body: Mapping[str, Any]
    sites: tuple[SiteKind, ...] | None
    file: str


def merge_provisions(
    files: Mapping[str, tuple[str, Mapping[str, Sequence[Mapping[str, Any]]]]],
) -> tuple[list[Provision], list[Problem]]:
    """Those of all bricks (file -> brick, its blocks), and everything that is wrong with them."""
    found: list[Provision] = []
    problems: list[Problem] = []
    for kind, model in MODELS.items():
        block = Block(kind, NOUNS[kind], "owns")
        given = {file: (brick, blocks.get(kind, ())) for file, (brick, blocks) in files.items()}
        owned, consumed, wrong = collect(block, model, given, _illegal)
        problems += wrong + unowned(block, consumed, owned.keys())
        found += [_provision(kind, owner) for _, owner in sorted(owned.items())]
    return found, problems + _conflicts(found)


def for_site(provisions: Sequence[Provision], site: SiteKind) -> Bodies:
    """Those of a kind of site, as a resource takes them."""
    bodies: dict[str, dict[str, Mapping[str, Any]]] = {}
    for one in provisions:
        if one.sites is None or site in one.sites:
            bodies.setdefault(one.kind, {})[one.name] = one.body
    return bodies


def overlap(one: str, other: str) -> bool:
    """Whether some name matches both patterns; `*` stands for any text."""
    if not one or not other:
        return set(one + other) <= {"*"}
    if one[0] == "*":
        return overlap(one[1:], other) or overlap(one, other[1:])
    if other[0] == "*":
        return overlap(other, one)
    return one[0] == other[0] and overlap(one[1:], other[1:])


def _provision(kind: Kind, owner: Owned[Fragment]) -> Provision:
    fragment = owner.fragment
    body = fragment.model_dump(by_alias=True, exclude_defaults=True, exclude=_BASE)
    if kind == "componentTemplates":
        body = {"template": {}, **body}  # required, even if empty
    if kind == "pipelines":
        body = {"processors": [], **body}
        if fragment.description:
            body["description"] = fragment.description
    return Provision(kind, fragment.name, body, fragment.sites, owner.file)


def _illegal(fragment: Fragment, file: str, path: str) -> list[Problem]:
    """What a server would refuse, or what is its own."""
    problems = _shape(fragment, file, path)
    if problems:
        return problems
    if fragment.name.startswith((".", "_")) or any(c in fragment.name for c in ' ,"*\\/?|<>#\n\t'):
        allowed = "is no name for it; it begins with a letter or digit, and has no blanks, commas, *, ?, #, quotes"
        problems.append(
            Problem(file, f"{path}.name", fragment.name, allowed, "names with . or _ first are the server's")
        )
    if fragment.consumes:
        return problems
    needed = {"policy": "{phases: ...}", "processors": "a list", "index_patterns": "a list such as [sales-*]"}
    for name, field in type(fragment).model_fields.items():
        key = field.alias or name
        if key in needed and name not in fragment.model_fields_set:
            problems.append(Problem(file, f"{path}.{key}", None, "is required", needed[key]))
    if isinstance(fragment, ComponentTemplate):
        wrong = sorted(flatten(fragment.template.settings).keys() & RESERVED)
        problems += [
            Problem(file, f"{path}.template.settings.{key}", None, "is set by the server", "remove it") for key in wrong
        ]
    return problems


def _shape(fragment: Fragment, file: str, path: str) -> list[Problem]:
    """What is no JSON, or no mapping."""
    body = fragment.model_dump(by_alias=True, exclude_unset=True, exclude=_BASE)
    problems = list(json_problems(body, file, path))
    if not problems and isinstance(fragment, ComponentTemplate):
        there, template = f"{path}.template", fragment.template
        problems = list(setting_problems(template.settings, file, f"{there}.settings"))
        problems += mapping_problems(template.mappings, file, f"{there}.mappings")
    return problems


def _conflicts(found: Sequence[Provision]) -> list[Problem]:
    """Two templates of one priority for one name: a server takes only the first of them."""
    templates = [one for one in found if one.kind == "indexTemplates"]
    problems = []
    for number, one in enumerate(templates):
        for other in templates[:number]:
            apart = one.sites and other.sites and not set(one.sites) & set(other.sites)
            same = one.body.get("priority", 0) == other.body.get("priority", 0)
            pairs = [
                (a, b)
                for a in one.body.get("index_patterns", ())
                for b in other.body.get("index_patterns", ())
                if overlap(a, b)
            ]
            if pairs and same and not apart:
                (a, b), who = pairs[0], f"{other.name} of {other.file}"
                allowed = f"matches names that {b} of {who} matches too, at the same priority"
                place = f"indexTemplates.{one.name}.index_patterns"
                problems.append(Problem(one.file, place, a, allowed, "give one of them another priority"))
    return problems
