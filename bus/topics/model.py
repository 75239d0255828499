"""Topics as the bricks declare them: fragments of values/<brick>.yml, merged over all bricks."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from bus.config import fragments
from bus.config.fragments import Block, Fragments, Owned, Used, collect, unowned
from bus.config.stack_file import Kind
from bus.errors import Problem
from bus.topics.configs import CONFIGS, THROTTLED
from bus.topics.spelling import Scalar, config_text

_BLOCK = Block("topics", "topic", "produces", ("consumes", "produces"))
_LEGAL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
_MAX_LENGTH = 249  # org.apache.kafka.common.internals.Topic.MAX_NAME_LENGTH
_GLOB = re.compile(r"[a-z0-9*-]+")


def _glob(value: str) -> str:
    if not _GLOB.fullmatch(value):
        raise ValueError("must be the name of a brick, or such with '*' for any characters; no regular expression")
    return value


_Brick = Annotated[str, AfterValidator(_glob), WithJsonSchema({"type": "string", "pattern": f"^{_GLOB.pattern}$"})]


def _config(value: object, validate: ValidatorFunctionWrapHandler) -> Scalar | list[str]:
    """One error for all that a value could have been."""
    try:
        found: Scalar | list[str] = validate(value)
    except ValidationError:
        raise ValueError("must be text, a number, true or false, or a list of texts") from None
    return found


class Fragment(fragments.Fragment):
    """One topic of one brick's file."""

    name: str = Field(min_length=1, description="letters, digits, '.', '_' and '-', at most 249")
    produces: bool = Field(False, description="the brick also writes it; its owner declares the rest")
    partitions: int | None = Field(None, ge=1, le=10_000, description="number of partitions; default 1")
    replication_factor: int | None = Field(
        None, ge=1, le=15, description="number of replicas; default: kafka.replicationFactor of the site"
    )
    configs: dict[str, Annotated[Scalar | list[str], WrapValidator(_config)]] = Field(
        default_factory=dict, description="topic configs, with Kafka's names"
    )
    readers: tuple[_Brick, ...] = Field(
        (), strict=False, description="other bricks that may read it, if the site authorizes; * for any characters"
    )
    writers: tuple[_Brick, ...] = Field(
        (), strict=False, description="other bricks that may write it, if the site authorizes; * for any characters"
    )

    @property
    def refers(self) -> bool:
        """Whether the brick only reads or writes what another one declares."""
        return self.consumes or self.produces


@dataclass(frozen=True)
class Topic:
    """A topic as all fragments together want it."""

    name: str
    partitions: int
    replication_factor: int | None
    configs: Mapping[str, str]
    sites: tuple[Kind, ...] | None
    producers: tuple[str, ...]
    """bricks that write it, its owner first"""
    file: str
    consumers: tuple[str, ...] = ()
    """bricks that say that they read it"""
    readers: tuple[str, ...] = ()
    """globs of the bricks that its owner lets read it"""
    writers: tuple[str, ...] = ()
    """globs of the bricks that its owner lets write it"""
    path: str = "topics"
    """where its owner declares it in `file`"""
    used: tuple[Used[Fragment], ...] = ()
    """what other bricks say of it, and where"""

    @property
    def owner(self) -> str:
        """The brick whose file declares it."""
        return self.producers[0]

    def applies_to(self, kind: Kind) -> bool:
        """Whether sites of this kind have the topic."""
        return self.sites is None or kind in self.sites

    def beyond(self, brokers: int, default: int, site: str) -> list[Problem]:
        """What the brokers of a site cannot hold: more replicas than brokers, or more in-sync ones than replicas."""
        replicas = self.replication_factor or default
        path = f"topics.{self.name}.replicationFactor"
        if replicas > brokers:
            allowed = f"exceeds the {brokers} broker(s) of site {site}; allowed: 1 to {brokers}"
            return [Problem(self.file, path, replicas, allowed, "lower it, restrict sites, or raise kafka.brokers")]
        in_sync = self.configs.get("min.insync.replicas", "1")
        if in_sync.isdecimal() and int(in_sync) > replicas:
            path = f"topics.{self.name}.configs.min.insync.replicas"
            allowed = f"exceeds the replication factor {replicas} on site {site}: every write with acks=all would fail"
            return [Problem(self.file, path, in_sync, allowed, f"allowed: 1 to {replicas}")]
        return []

    def wanted(self, default_replication: int) -> dict[str, Any]:
        """The topic as a resource takes it: partitions, replicationFactor, configs."""
        return {
            "partitions": self.partitions,
            "replicationFactor": self.replication_factor or default_replication,
            "configs": dict(self.configs),
        }


def merge_fragments(files: Fragments) -> tuple[list[Topic], list[Problem]]:
    """All topics of all bricks, sorted by name, and everything that is wrong with them."""
    owned, used, problems = collect(_BLOCK, Fragment, files, _illegal, _differing)
    problems += unowned(_BLOCK, used, owned.keys())
    problems += _collisions({name: owner.file for name, owner in owned.items()})
    return sorted((_topic(owner, used) for owner in owned.values()), key=lambda topic: topic.name), problems


def _topic(owner: Owned[Fragment], used: Sequence[Used[Fragment]]) -> Topic:
    fragment = owner.fragment
    mine = [one for one in used if one.fragment.name == fragment.name]
    writers = {one.brick for one in mine if one.fragment.produces} - {owner.brick}
    return Topic(
        name=fragment.name,
        partitions=fragment.partitions or 1,
        replication_factor=fragment.replication_factor,
        configs={key: config_text(key, value) for key, value in sorted(fragment.configs.items())},
        sites=fragment.sites,
        producers=(owner.brick, *sorted(writers)),
        file=owner.file,
        consumers=tuple(sorted({one.brick for one in mine if one.fragment.consumes})),
        readers=fragment.readers,
        writers=fragment.writers,
        path=owner.path,
        used=tuple(mine),
    )


def _illegal(fragment: Fragment, file: str, path: str) -> list[Problem]:
    """Rules of org.apache.kafka.common.internals.Topic, and of the configs that a topic may have."""
    name, problems = fragment.name, []
    place = f"{path}.name"
    if not set(name) <= _LEGAL or name in (".", "..") or len(name) > _MAX_LENGTH:
        allowed = f"is no topic name; allowed: letters, digits, '.', '_' and '-', {_MAX_LENGTH} characters at most"
        problems.append(Problem(file, place, name, allowed))
    if name.startswith("__"):
        problems.append(Problem(file, place, name, "is the name of an internal topic of Kafka", "choose another name"))
    for key, value in fragment.configs.items():
        rule = CONFIGS.get(key)
        if key in THROTTLED:
            allowed = "is set by bus while a topic's replicas move, and taken away again"
            problems.append(Problem(file, f"{path}.configs.{key}", None, allowed, "remove it"))
        elif rule is None:
            allowed = f"is no topic config of Kafka; known: {', '.join(sorted(CONFIGS))}"
            problems.append(Problem(file, f"{path}.configs.{key}", None, allowed))
        elif not rule.accepts(config_text(key, value)):
            problems.append(Problem(file, f"{path}.configs.{key}", value, f"must be {rule.says}"))
    return problems


def _differing(first: Fragment, second: Fragment) -> str:
    theirs, mine = first.model_dump(by_alias=True), second.model_dump(by_alias=True)
    differing = [f"{key} {theirs[key]!r} there, {mine[key]!r} here" for key in mine if mine[key] != theirs[key]]
    return f" ({'; '.join(differing)})" if differing else ""


def _collisions(files: Mapping[str, str]) -> list[Problem]:
    """a.b and a_b share their metric names, so brokers refuse the second: KAFKA-1481."""
    seen: dict[str, str] = {}
    problems = []
    for name in sorted(files):
        other = seen.setdefault(name.replace(".", "_"), name)
        if other != name:
            allowed = f"collides with {other} ({files[other]}): brokers take '.' and '_' for the same"
            problems.append(Problem(files[name], "topics", name, allowed, "rename one"))
    return problems
