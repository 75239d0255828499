"""Whose word lets a brick use another one's topic: `readers` and `writers` in the fragment of its owner.

A brick says itself what it uses (`consumes`, `produces`), and its file is written by its own CI. So that is a wish.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bus.config.parsing import nearest
from bus.config.stack_file import Kind
from bus.errors import Problem
from bus.topics.mirror_patterns import matches
from bus.topics.model import Topic


@dataclass(frozen=True)
class Clients:
    """A site whose brokers ask for rights, and the bricks that run there and may get some."""

    site: str
    kind: Kind
    bricks: Collection[str]


def may_read(topic: Topic, brick: str) -> bool:
    """Whether the owner of a topic lets a brick read it."""
    return brick == topic.owner or _named(topic.readers, brick)


def may_write(topic: Topic, brick: str) -> bool:
    """Whether the owner of a topic lets a brick write it."""
    return brick == topic.owner or _named(topic.writers, brick)


def unknown(topics: Iterable[Topic], bricks: Collection[str]) -> list[Problem]:
    """Entries of readers and writers that take no brick of any chart: misspelt, or left over."""
    problems = []
    for topic in topics:
        for key, globs in (("readers", topic.readers), ("writers", topic.writers)):
            for number, glob in enumerate(globs):
                if not any(matches(glob, brick) for brick in bricks):
                    allowed = f"is no brick, and takes none; bricks: {', '.join(sorted(bricks))}"
                    path = f"{topic.path}.{key}[{number}]"
                    problems.append(Problem(topic.file, path, glob, allowed, nearest(glob, bricks)))
    return problems


def refused(topics: Iterable[Topic], clients: Sequence[Clients]) -> list[Problem]:
    """Uses of topics that their owners do not allow, on sites that would give a right for them."""
    problems = []
    for topic in topics:
        for brick, file, path, key in _wishes(topic):
            sites = [one.site for one in clients if brick in one.bricks and topic.applies_to(one.kind)]
            if sites:
                problems.append(_problem(topic, brick, file, f"{path}.{key}", ", ".join(sorted(sites))))
    return problems


def _wishes(topic: Topic) -> Iterator[tuple[str, str, str, str]]:
    """Each use that the owner does not allow: brick, file, path, key."""
    for one in topic.used:
        if one.fragment.consumes and not may_read(topic, one.brick):
            yield one.brick, one.file, one.path, "consumes"
        if one.fragment.produces and not may_write(topic, one.brick):
            yield one.brick, one.file, one.path, "produces"


def _problem(topic: Topic, brick: str, file: str, path: str, sites: str) -> Problem:
    reads = path.endswith(".consumes")
    key, verb, named = ("readers", "read", topic.readers) if reads else ("writers", "write", topic.writers)
    allowed = (
        f"{brick} wants to {verb} {topic.name} on {sites}, where brokers ask for rights (kafka.authorization), "
        f"and its owner {topic.owner} does not let it: {topic.file}: {topic.path}.{key}"
    )
    entries = ", ".join(f'"{one}"' if "*" in one else one for one in (*named, brick))
    return Problem(file, path, True, allowed, f"add to {topic.name} in {topic.file}: `{key}: [{entries}]`")


def _named(globs: Iterable[str], brick: str) -> bool:
    return any(matches(glob, brick) for glob in globs)
