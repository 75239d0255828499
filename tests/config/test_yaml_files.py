"""YAML as people write it: what is taken, and what is said of what cannot be."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from bus.config.yaml_files import as_written, read_map
from bus.errors import Problem


def read(folder: Path, content: bytes) -> tuple[Any, list[str]]:
    (folder / "f.yml").write_bytes(content)
    raw, problems = read_map(folder / "f.yml", "f.yml")
    return raw, [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"a: 1\n\tb: 2\n",
            "f.yml: line 2: is not YAML: found character '\\t' that cannot start any token; indent",
        ),
        (b"a: 1\n# \xe9t\xe9\n", "f.yml: line 2: is not UTF-8; save the file as UTF-8"),
        ("a: 1".encode("utf-16"), "f.yml: line 1: is not UTF-8"),
        (b"a: \x00", "f.yml: is not YAML: character 4 is U+0000; take it away"),
        (
            b"a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n",
            "f.yml: line 2 = '<<<<<<< HEAD': is a merge",
        ),
        (b"a: 1\n---\na: 2\n", "line 2: is not YAML: expected a single document in the stream, but found another"),
        (b"a: *b\n", "line 1: is not YAML: found undefined alias 'b'"),
        (b"a: {b: 1, c: 2,\n  b: 3}\n", "line 2: is not YAML: key 'b' stands here twice"),
    ],
    ids=lambda given: given[:20].decode("latin1") if isinstance(given, bytes) else "",
)
def test_what_cannot_be_read_is_said_with_its_place(tmp_path: Path, content: bytes, said: str) -> None:
    raw, problems = read(tmp_path, content)
    assert raw == {}
    assert len(problems) == 1 and said in problems[0], problems


def test_a_file_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "link.yml").symlink_to("nowhere")
    assert [str(one) for one in read_map(tmp_path, "f.yml")[1]] == ["f.yml: cannot be read: Is a directory"]
    said = [str(one) for one in read_map(tmp_path / "link.yml", "f.yml")[1]]
    assert said == ["f.yml: cannot be read: No such file or directory"]


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfa: x\n", b"a: x\r\n", b"# only\r\na: x", b"---\na: x\n...\n"])
def test_what_editors_and_other_systems_write_is_taken(tmp_path: Path, content: bytes) -> None:
    assert read(tmp_path, content) == ({"a": "x"}, [])


def test_of_a_list_of_merged_maps_the_first_wins(tmp_path: Path) -> None:
    """As YAML has it; PyYAML 6.0.4 lets the last one win."""
    text = b"small: &small {memory: 512Mi}\nbig: &big {memory: 2Gi, cpu: 2}\nlimits:\n  <<: [*small, *big]\n"
    assert read(tmp_path, text)[0]["limits"] == {"memory": "512Mi", "cpu": 2}


def test_no_install_takes_a_pyyaml_that_merges_in_another_order() -> None:
    """A brick's CI installs the package without the lock."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    (pyyaml,) = (
        requirement for requirement in map(Requirement, project["dependencies"]) if requirement.name == "pyyaml"
    )
    assert not pyyaml.specifier.contains("6.0.4")
    assert pyyaml.specifier.contains("6.0.3")


def test_a_merge_key_brings_what_is_not_there_yet(tmp_path: Path) -> None:
    text = b"x: &x {a: 1, b: 1}\ny: &y\n  <<: *x\n  b: 2\nz:\n  <<: *y\n  c: 3\n"
    raw, problems = read(tmp_path, text)
    assert (raw["y"], raw["z"], problems) == ({"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3}, [])


def test_a_date_is_text_as_it_is_to_helm(tmp_path: Path) -> None:
    assert read(tmp_path, b"tag: 2026-11-24\n") == ({"tag": "2026-11-24"}, [])


def test_a_number_is_shown_as_the_file_has_it(tmp_path: Path) -> None:
    (tmp_path / "f.yml").write_text(
        "a: {tag: 1.10}\nb: [x, 012]\nc: on\nd: &d 1_0\ne: *d\nf: &f\n  g: 1.0e+3\n  h: *f\n"
    )
    values = {"a.tag": 1.1, "b[1]": 10, "c": True, "e": 10, "f.g": 1000.0, "not.there": 1.5}
    problems = [Problem("f.yml", path, value, "must be text") for path, value in values.items()]
    shown = [str(problem) for problem in as_written([*problems, Problem("gone.yml", "a", 1.1, "x")], tmp_path)]
    written = ["a.tag = 1.10", "b[1] = 012", "c = on", "e = 1_0", "f.g = 1.0e+3", "not.there = 1.5"]
    assert shown == [*(f"f.yml: {one}: must be text" for one in written), "gone.yml: a = 1.1: x"]
