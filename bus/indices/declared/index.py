"""Indices as the bricks declare them: fragments of values/<brick>.yml, merged over all bricks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from bus.config import fragments
from bus.config.fragments import Block, Fragments, Owned, collect, unowned
from bus.config.parsing import ConfigModel
from bus.config.stack_file import Kind
from bus.errors import Problem
from bus.indices.declared.shapes import json_problems, mapping_problems, setting_problems
from bus.indices.diff.plan import Mode
from bus.indices.diff.settings import RESERVED, Flat, flatten

_BLOCK = Block("indices", "index", "writes")
# https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-create; the generation's suffix takes 7.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_MAX_BYTES = 255 - len("-000001")
# Further aliases may have what the server takes: https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-put-alias
_ALIAS = re.compile(r"""(?!\.\.?\Z)[^-_+\s\\/*?"<>|,#:][^\s\\/*?"<>|,#:]*""")
_GENERATION = re.compile(r"-\d{6}$")
_MAPPING_KEYS = frozenset(
    {"properties", "dynamic", "dynamic_templates", "date_detection", "numeric_detection", "dynamic_date_formats",
     "_source", "_routing", "_meta", "runtime", "enabled", "subobjects", "_field_names", "_data_stream_timestamp"}
)  # fmt: skip


class Alias(ConfigModel):
    """A further alias of an index."""

    filter: dict[str, Any] | None = Field(None, description="a query; the alias shows only its matches")
    routing: str | None = None
    index_routing: str | None = Field(None, alias="index_routing")
    search_routing: str | None = Field(None, alias="search_routing")
    is_hidden: bool | None = Field(None, alias="is_hidden")
    is_write_index: bool | None = Field(None, alias="is_write_index")


class Reindex(ConfigModel):
    """How a change that a live index cannot take may be made: by a copy into the next generation."""

    mode: Mode = Field(
        "refuse",
        description="block: writes wait during the copy; catch-up: for a moment at its end; refuse: no reindex",
    )
    slices: int = Field(0, ge=0, le=64, description="parts that are copied in parallel; 0: one per shard")
    documents_per_second: int | None = Field(None, ge=1, description="throttle; default: no limit")
    pipeline: str = Field("", description="ingest pipeline for every copied document")
    script: str = Field("", description="painless script on ctx._source of every copied document; must not change ids")
    keep: int = Field(1, ge=0, description="old generations that are kept for a rollback")


class Fragment(fragments.Fragment):
    """One index of one brick's file."""

    name: str = Field(min_length=1, description="the alias that bricks use; the physical index is <name>-000001")
    mappings: dict[str, Any] = Field(default_factory=dict, description="in Elasticsearch's format")
    settings: dict[str, Any] = Field(default_factory=dict, description="in Elasticsearch's format, nested or dotted")
    aliases: dict[str, Alias] = Field(default_factory=dict, description="further aliases")
    reindex: Reindex = Field(Reindex(), description="whether and how it may be reindexed")
    reopen: bool = Field(False, description="allow closing it for seconds, for settings that need it")


@dataclass(frozen=True)
class Index:
    """An index as its owner wants it."""

    name: str
    mappings: Mapping[str, Any]
    settings: Flat
    aliases: Mapping[str, Mapping[str, Any]]
    reindex: Mapping[str, Any]
    reopen: bool
    sites: tuple[Kind, ...] | None
    producers: tuple[str, ...]
    file: str

    def applies_to(self, kind: Kind) -> bool:
        """Whether sites of this kind have the index."""
        return self.sites is None or kind in self.sites

    def wanted(self) -> dict[str, Any]:
        """The index as a resource takes it; settings are flat and text, as a server answers them."""
        return {
            "mappings": dict(self.mappings),
            "settings": dict(self.settings),
            "aliases": {name: dict(alias) for name, alias in self.aliases.items()},
            **({"reindex": dict(self.reindex)} if self.reindex else {}),
            **({"reopen": True} if self.reopen else {}),
        }


def merge_fragments(files: Fragments) -> tuple[list[Index], list[Problem]]:
    """All indices of all bricks, sorted by name, and everything that is wrong with them."""
    owned, used, problems = collect(_BLOCK, Fragment, files, _illegal)
    aliases = {alias: owner.file for owner in owned.values() for alias in owner.fragment.aliases}
    problems += unowned(_BLOCK, used, owned.keys() | aliases.keys())
    problems += [
        Problem(file, f"aliases.{alias}", None, f"is an index of {owned[alias].file}")
        for alias, file in aliases.items()
        if alias in owned
    ]
    return sorted((_index(owner) for owner in owned.values()), key=lambda index: index.name), problems


def _index(owner: Owned[Fragment]) -> Index:
    fragment = owner.fragment
    return Index(
        name=fragment.name,
        mappings=fragment.mappings,
        settings={key: value for key, value in flatten(fragment.settings).items() if value is not None},
        aliases={name: _alias(alias) for name, alias in sorted(fragment.aliases.items())},
        reindex=fragment.reindex.model_dump(by_alias=True, exclude_defaults=True),
        reopen=fragment.reopen,
        sites=fragment.sites,
        producers=(owner.brick,),
        file=owner.file,
    )


def _alias(alias: Alias) -> dict[str, Any]:
    """As a server answers it: `routing` stands for both kinds."""
    given = alias.model_dump(exclude_none=True)
    routing = given.pop("routing", None)
    return {"index_routing": routing, "search_routing": routing, **given} if routing is not None else given


def _illegal(fragment: Fragment, file: str, path: str) -> list[Problem]:
    problems = [
        *json_problems(fragment.mappings, file, f"{path}.mappings"),
        *json_problems(fragment.settings, file, f"{path}.settings"),
        *(one for name, alias in fragment.aliases.items()
          for one in json_problems(alias.filter, file, f"{path}.aliases.{name}.filter")),
    ] or [
        *setting_problems(fragment.settings, file, f"{path}.settings"),
        *mapping_problems(fragment.mappings, file, f"{path}.mappings"),
    ]  # fmt: skip
    if problems:
        return problems
    of_index = "is no index name; allowed: lower-case letters, digits, '.', '_' and '-', a letter or digit first"
    of_alias = 'is no name of an alias; allowed: anything but blanks and \\ / * ? " < > | , # :, without - _ + first'
    names = [(f"{path}.name", fragment.name, _NAME, of_index)]
    names += [(f"{path}.aliases.{alias}", alias, _ALIAS, of_alias) for alias in fragment.aliases]
    for place, name, pattern, allowed in names:
        if not pattern.fullmatch(name) or len(name.encode()) > _MAX_BYTES:
            problems.append(Problem(file, place, name, f"{allowed}; {_MAX_BYTES} bytes at most"))
        elif _GENERATION.search(name):
            allowed = "looks like a generation: the number is added by bus"
            problems.append(Problem(file, place, name, allowed, f"call it {_GENERATION.sub('', name)}"))
    for key in sorted(fragment.mappings.keys() - _MAPPING_KEYS):
        allowed = f"is no part of a mapping; allowed: {', '.join(sorted(_MAPPING_KEYS))}"
        problems.append(Problem(file, f"{path}.mappings.{key}", None, allowed, "fields belong below properties"))
    reserved = sorted(flatten(fragment.settings).keys() & RESERVED)
    said = "is set by the server or by bus"
    return problems + [Problem(file, f"{path}.settings.{key}", None, said, "remove it") for key in reserved]
