"""Fragments of values/<brick>.yml, topics or indices, gathered over all bricks: each has one owner."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import Field

from bus.config.parsing import ConfigModel, parse
from bus.config.stack_file import Kind
from bus.errors import Problem

Fragments = Mapping[str, tuple[str, Sequence[Mapping[str, Any]]]]
"""file -> (brick, the raw entries of one of its blocks)"""


class Fragment(ConfigModel):
    """What a topic and an index both say of themselves."""

    name: str = Field(min_length=1)
    consumes: bool = Field(False, description="the brick only reads it; its owner declares the rest")
    sites: tuple[Kind, ...] | None = Field(None, strict=False, description="kinds of site; default: both")
    description: str = Field("", description="one line for readers")

    @property
    def refers(self) -> bool:
        """Whether the brick only uses what another one declares."""
        return self.consumes


F = TypeVar("F", bound=Fragment)


@dataclass(frozen=True)
class Block:
    """How messages call the fragments of one block of a file, and what their owner does: produces, writes."""

    name: str
    noun: str
    verb: str
    uses: tuple[str, ...] = ("consumes",)
    """keys by which others say that they use it"""


@dataclass(frozen=True)
class Owned(Generic[F]):
    """A fragment, and who declares it."""

    fragment: F
    brick: str
    file: str
    path: str


@dataclass(frozen=True)
class Used(Generic[F]):
    """What a brick says of something that another one declares, and where."""

    fragment: F
    brick: str
    file: str
    path: str


def collect(
    block: Block,
    model: type[F],
    fragments: Fragments,
    illegal: Callable[[F, str, str], list[Problem]],
    differing: Callable[[F, F], str] = lambda one, other: "",
) -> tuple[dict[str, Owned[F]], list[Used[F]], list[Problem]]:
    """name -> its owner; who uses what; and everything that is wrong.

    `illegal` judges a fragment by itself, given file and path; `differing` says how two of one name differ.
    """
    owned: dict[str, Owned[F]] = {}
    used: list[Used[F]] = []
    problems: list[Problem] = []
    for file, (brick, entries) in sorted(fragments.items()):
        for number, raw in enumerate(entries):
            path = f"{block.name}[{number}]"
            fragment, wrong = parse(model, raw, file, path)
            problems += wrong
            if fragment is None:
                continue
            problems += illegal(fragment, file, path) + _shape(block, fragment, file, path)
            if fragment.refers:
                used.append(Used(fragment, brick, file, path))
            elif fragment.name in owned:
                first = owned[fragment.name]
                allowed = f"is also declared by {first.file}{differing(first.fragment, fragment)}"
                remedy = f"keep it in the file of the brick that {block.verb} it; the other says {_uses(block)}"
                problems.append(Problem(file, f"{path}.name", fragment.name, allowed, remedy))
            else:
                owned[fragment.name] = Owned(fragment, brick, file, path)
    return owned, used, problems


def unowned(block: Block, used: Sequence[Used[F]], known: Collection[str]) -> list[Problem]:
    """What is used under a name that nobody declares."""
    remedy = f"add it to the file of the brick that {block.verb} it"
    return [
        Problem(
            one.file,
            f"{one.path}.name",
            one.fragment.name,
            f"is {'consumed' if one.fragment.consumes else 'produced'} here, but no brick declares it",
            remedy,
        )
        for one in used
        if one.fragment.name not in known
    ]


def _shape(block: Block, fragment: Fragment, file: str, path: str) -> list[Problem]:
    problems = []
    if fragment.sites == ():
        problems.append(Problem(file, f"{path}.sites", None, "must have at least 1 kind of site", "central, complexe"))
    given = sorted(fragment.model_fields_set - {"name", *block.uses, "description"})
    if fragment.refers and given:
        article = "an" if block.noun[0] in "aeiou" else "a"
        who = f"only the brick that {block.verb} {article} {block.noun} says how it is"
        allowed = f"allowed here: name, {', '.join(block.uses)}, description"
        problems.append(Problem(file, path, ", ".join(given), f"{who}; {allowed}"))
    return problems


def _uses(block: Block) -> str:
    return " or ".join(f"{key}: true" for key in block.uses)
