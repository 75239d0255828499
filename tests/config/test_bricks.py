"""Brick files: what is read, and what is said of a bad one."""

from pathlib import Path

import pytest

from bus.config import bricks

KNOWN = frozenset({"kafka", "cineges-ui"})


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "kafka.yml",
            "image: {repository: r, name: n, tag: 1.0}",
            ["values", "kafka.yml: image.tag = 1.0", "must be text", "quote"],
        ),
        ("kafka.yml", "image: {repository: r, name: n}", ["image.tag", "is required"]),
        (
            "kafka.yml",
            "image: {repository: r, name: n, tag: x, digest: abc}",
            ["image.digest = 'abc'", "sha256:<64 hex digits>"],
        ),
        ("kafka.yml", "image: {repository: '', name: n, tag: x}", ["image.repository = ''", "must not be empty"]),
        (
            "kafka.yml",
            "imags: {}",
            [
                "imags: unknown key; allowed: componentTemplates, image, indexTemplates, indices, pipelines, ",
                "did you mean image?",
            ],
        ),
        ("kafka.yml", "values: 3", ["kafka.yml: values = 3", "must be a map"]),
        ("kafka.yml", "topics: {}", ["kafka.yml: topics", "must be a list, and is a map"]),
        ("kafka.yml", "- a", ["must be a map with image, values, topics, indices, and is a list"]),
        ("kafka.yml", "image: [", ["line 1: is not YAML"]),
        ("kafka.yml", "indices: " + "[" * 2000 + "]" * 2000, ["kafka.yml: is nested too deep"]),
        ("kafka.yml", "values: {}\nvalues: {}", ["key 'values' stands here twice"]),
        ("kafka.yaml", "", ["must be called kafka.yml"]),
        ("kafaka.yml", "", ["no chart has a brick kafaka; bricks: cineges-ui, kafka"]),
    ],
)
def test_a_bad_file_is_named_with_what_is_allowed(tmp_path: Path, name: str, text: str, said: list[str]) -> None:
    folder = tmp_path / "values"
    folder.mkdir()
    (folder / name).write_text(text)
    _, problems = bricks.load(folder, KNOWN)
    assert len(problems) == 1, problems
    for part in said:
        assert part in str(problems[0])


@pytest.mark.parametrize(
    ("image", "paths"),
    [
        ("{tag: '2'}", ["values.image.tag"]),
        ("{digest: '', name: m}", ["values.image.digest", "values.image.name"]),
        ("null", ["values.image"]),
        ("{pullPolicy: Always}", []),
    ],
)
def test_what_values_say_of_an_image_is_deployed_or_refused(tmp_path: Path, image: str, paths: list[str]) -> None:
    """The block wins, so that a tag below values would do nothing, without a word."""
    text = f"image: {{repository: r, name: n, tag: '1'}}\nvalues: {{image: {image}}}\n"
    (tmp_path / "kafka.yml").write_text(text)
    found, problems = bricks.load(tmp_path, KNOWN)
    assert [problem.path for problem in problems] == paths
    if not paths:
        own = {"repository": "r", "name": "n", "tag": "1", "pullPolicy": "Always"}
        assert found["kafka"].values == {"image": own}


def test_all_files_are_read_whatever_is_wrong_with_one(tmp_path: Path) -> None:
    (tmp_path / "kafka.yml").write_text("imags: {}")
    (tmp_path / "cineges-ui.yml").write_text("image: {repository: r, name: n, tag: '1.0'}\nvalues: {replicaCount: 2}")
    found, problems = bricks.load(tmp_path, KNOWN)
    assert [problem.file.rsplit("/", 1)[1] for problem in problems] == ["kafka.yml"]
    assert found["cineges-ui"].values == {"replicaCount": 2, "image": {"repository": "r", "name": "n", "tag": "1.0"}}
