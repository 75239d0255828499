"""values/<brick>.yml: what each project's CI writes - image, chart values, topics and indices of one brick."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from bus.config.parsing import ConfigModel, nearest, parse
from bus.config.yaml_files import read_map
from bus.config.yaml_reading import KEY
from bus.errors import Problem
from bus.merge import merge


class Image(ConfigModel):
    """An image as a brick's CI writes it; a digest wins over a tag."""

    repository: str = Field(min_length=1, description="registry host, with a path if it has one")
    name: str = Field(min_length=1, description="path of the image in the registry")
    tag: str = Field(min_length=1, description="text; quote a tag that looks like a number")
    digest: str = Field("", pattern=r"^(sha256:[0-9a-f]{64})?$", description="sha256:<64 hex digits>")
    hotfix: str = Field("", description="why a promotion must not replace this image (docs/promotion.md)")


class BrickFile(ConfigModel):
    """The blocks of a brick's file; fragments are read by bus.topics and bus.indices."""

    image: Image | None = None
    values: dict[str, Any] = Field(default_factory=dict, description="chart values of the brick")
    topics: list[dict[str, Any]] = Field(default_factory=list, description="topics that the brick owns or uses")
    indices: list[dict[str, Any]] = Field(default_factory=list, description="indices that the brick owns or uses")
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
        """Chart values with the image in its place; what `values` adds to it, such as pullPolicy, stays."""
        image, values = self.content.image, self.content.values
        if not image:
            return values
        return merge(values, {"image": image.model_dump(exclude_defaults=True, exclude={"hotfix"})})

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
    linked = _linked(folder)
    problems += linked.values()
    for path in sorted(path for path in folder.glob("*.y*ml") if path not in linked):
        file = f"{folder.name}/{path.name}"
        raw, unread = read_map(path, file)
        problems += unread
        if path.suffix != ".yml":
            problems.append(Problem(file, "", None, f"must be called {path.stem}.yml"))
        if path.stem not in known:
            problems.append(
                Problem(
                    file,
                    "",
                    None,
                    f"no chart has a brick {path.stem}; bricks: {', '.join(sorted(known))}",
                    nearest(path.stem, known),
                )
            )
        if unread and not raw:
            continue
        if any(problem.allowed == KEY and problem.path.startswith("values") for problem in unread):
            raw = {**raw, "values": {}}  # a value that lacks a key is no value to judge
        content, wrong = parse(BrickFile, raw, file)
        problems += wrong
        problems += _two_images(content, file) if content else []
        bricks[path.stem] = Brick(path.stem, file, content or _sound(raw))
    return bricks, problems


def _two_images(content: BrickFile, file: str) -> list[Problem]:
    """Return what `values` says of an image that the file's own block `image` says too, and wins."""
    if content.image is None or "image" not in content.values:
        return []
    other = content.values["image"]
    keys = sorted(other.keys() & Image.model_fields.keys()) if isinstance(other, Mapping) else []
    paths = [f"values.image.{key}" for key in keys] if isinstance(other, Mapping) else ["values.image"]
    allowed = "is what the block image of this file says"
    return [Problem(file, path, None, allowed, "write it there, and remove it from values") for path in paths]


def _linked(folder: Path) -> dict[Path, Problem]:
    """Return links that lead out of a folder, or to a folder: what is behind them is in no commit."""
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        target = path.resolve()
        if path.is_symlink() and (target.is_dir() or not target.is_relative_to(folder.resolve())):
            what = "a folder" if target.is_dir() else "a file elsewhere"
            allowed = f"is a link to {what}: {path.readlink()}"
            name = path.relative_to(folder.parent).as_posix()
            found[path] = Problem(name, "", None, allowed, "put the file itself there")
    return found


def _sound(raw: Mapping[str, Any]) -> BrickFile:
    """The blocks that can be read although another one cannot, so that all is said at once and no topic is missed."""
    found: dict[str, Any] = {}
    for block in BrickFile.model_fields.values():
        key = str(block.alias)
        if key in raw and parse(BrickFile, {key: raw[key]}, "")[0]:
            found[key] = raw[key]
    return BrickFile.model_validate(found, by_alias=True, by_name=False)
