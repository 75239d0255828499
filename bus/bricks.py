"""values/<brick>.yml: what each project's CI writes - image, chart values, topics and indices of one brick."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from bus import wording
from bus.errors import Problem
from bus.parsing import Record, parse


class Image(Record):
    """An image as a brick's CI writes it; a digest wins over a tag."""

    repository: str = Field(min_length=1, description="registry host, with a path where it has one")
    name: str = Field(min_length=1, description="path of the image in the registry")
    tag: str = Field(min_length=1, description="text; quote a tag that looks like a number")
    digest: str = Field("", pattern=r"^(sha256:[0-9a-f]{64})?$", description="sha256:<64 hex digits>")
    hotfix: str = Field("", description="why a promotion must leave this image alone (docs/promotion.md)")


class BrickFile(Record):
    """The blocks of a brick's file; fragments are read by bus.topics and bus.indices."""

    image: Image | None = None
    values: dict[str, Any] = Field(default_factory=dict, description="chart values of the brick")
    topics: list[dict[str, Any]] = Field(default_factory=list, description="topics that the brick produces")
    indices: list[dict[str, Any]] = Field(default_factory=list, description="indices that the brick writes")
    policies: list[dict[str, Any]] = Field(default_factory=list, description="index lifecycle policies")
    component_templates: list[dict[str, Any]] = Field(default_factory=list, description="parts of index templates")
    pipelines: list[dict[str, Any]] = Field(default_factory=list, description="ingest pipelines")
    index_templates: list[dict[str, Any]] = Field(default_factory=list, description="index templates")


@dataclass(frozen=True)
class Brick:
    """One deployable service as its file describes it."""

    name: str
    file: str
    content: BrickFile

    @property
    def values(self) -> dict[str, Any]:
        """Chart values with the image in its place."""
        image = self.content.image
        return {
            **self.content.values,
            **({"image": image.model_dump(exclude_defaults=True, exclude={"hotfix"})} if image else {}),
        }

    @property
    def provisions(self) -> dict[str, list[dict[str, Any]]]:
        """What its indices rely on, by block."""
        content = self.content
        return {
            "policies": content.policies,
            "componentTemplates": content.component_templates,
            "pipelines": content.pipelines,
            "indexTemplates": content.index_templates,
        }


def load(folder: Path, known: frozenset[str]) -> tuple[dict[str, Brick], list[Problem]]:
    """Every brick of `folder` by name; a file of a brick that no chart has is a problem, as is anything unreadable."""
    bricks: dict[str, Brick] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.y*ml")):
        file = f"{folder.name}/{path.name}"
        raw, unreadable = read_yaml(path, file)
        problems += unreadable
        if path.suffix != ".yml":
            problems.append(Problem(file, "", None, f"must be called {path.stem}.yml"))
        if path.stem not in known:
            problems.append(
                Problem(file, "", None, f"no chart has a brick {path.stem}; bricks: {', '.join(sorted(known))}")
            )
        if unreadable:
            continue
        content, wrong = parse(BrickFile, raw, file)
        problems += wrong
        if content is not None:
            bricks[path.stem] = Brick(path.stem, file, content)
    return bricks, problems


class _UniqueKeys(yaml.SafeLoader):
    """A loader that refuses a key written twice, which YAML forbids; not libyaml's, whose messages are poorer."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} stands here twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, file: str) -> tuple[Mapping[str, Any], list[Problem]]:
    """A YAML file that holds a map; `file` is how messages call it. Empty files are empty maps."""
    try:
        raw = yaml.load(path.read_text(), Loader=_UniqueKeys)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        return {}, [Problem(file, f"line {line}", None, f"is not YAML: {error.problem}")]
    except RecursionError:
        return {}, [Problem(file, "", None, "is nested too deep", "no map of a brick has hundreds of others around it")]
    if raw is None:
        return {}, []
    if not isinstance(raw, dict):
        allowed = f"must be a map with image, values, topics, indices, and is {wording.kind(raw)}"
        return {}, [Problem(file, "", None, allowed)]
    return raw, []
