"""YAML that would fill memory or never end is refused before it is read."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from bus.cli import editing
from bus.cli.engine import StackError
from bus.config import bricks, settings, yaml_limits
from bus.errors import InvalidInput
from bus.image_reference import parse
from bus.images.promotion import branch, pins
from bus.images.promotion.pins import ImagePinError, Pin
from bus.releases.render import charts
from tests.support.stacks import config_of, flat

LETTERS = "abcdefghij"
LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in pairwise(LETTERS)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{new}: &{new} {{<<: [{','.join([f'*{old}'] * 9)}]}}\n" for old, new in pairwise(LETTERS)
)
CHAIN = "a0: &a0 {x: y}\n" + "".join(f"a{n}: &a{n} {{x: *a{n - 1}}}\n" for n in range(1, 80))
BOMBS = [
    (LAUGHS, "has more than 50000 values"),
    (MERGES, "has more than 50000 values"),
    (LAUGHS + "z: [", "has more than 50000 values"),
    ("a: &a {x: *a}", "*a stands within &a: it would hold itself without end (line 1)"),
    ("a: 1\nb: &b\n- c\n- [*b]", "*b stands within &b: it would hold itself without end (line 4)"),
    ("a: " + "[" * 4000 + "]" * 4000, "is nested too deep: more than 64"),
    ("a: " + "{x: " * 4000 + "}" * 4000, "is nested too deep: more than 64"),
    ("a: " + "[" * 100_000, "is nested too deep: more than 64"),
    ("- " * 500, "is nested too deep: more than 64"),
    ("".join(" " * n + "a:\n" for n in range(200)), "is nested too deep: more than 64"),
    ("? " * 4000, "is nested too deep: more than 64"),
    (CHAIN, "is nested too deep: more than 64"),
    ("a: x\n" * 250_000, "has more than 1024 KiB"),
    ("a: [" + "{}," * 200_000 + "]", "has more than 50000 values"),
    ('a: "\\ud83c"', "has half of a pair of \\u escapes, which is no character (line 1)"),
]
IDS = list(range(len(BOMBS)))


@pytest.mark.parametrize(("text", "said"), BOMBS, ids=IDS)
def test_a_bomb_is_refused_in_every_file_that_people_write(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "values").mkdir()
    (tmp_path / "ui").mkdir()
    for name in ("values/kafka.yml", "Pulumi.x.yaml", "ui/values.yaml"):
        (tmp_path / name).write_text(text)
    _, problems = bricks.load(tmp_path / "values", frozenset({"kafka"}))
    assert [str(problem)[: len(said) + 18] for problem in problems] == [f"values/kafka.yml: {said}"]
    with pytest.raises(ImagePinError) as pin:
        pins.read(text, "values/kafka.yml")
    with pytest.raises(ImagePinError) as config:
        branch.stack_config(tmp_path, "x")
    with pytest.raises(StackError) as edited:
        editing.read(tmp_path / "Pulumi.x.yaml")
    with pytest.raises(charts.BadChart) as chart:
        charts.default_values(tmp_path, "ui")
    assert all(said in str(error.value) for error in (pin, config, edited, chart))


@pytest.mark.parametrize("number", [0, 1, 5, 12, 13])
def test_it_takes_neither_time_nor_memory(number: int, tmp_path: Path) -> None:
    (tmp_path / "kafka.yml").write_text(BOMBS[number][0])
    program = (
        "import resource, sys, time\nfrom pathlib import Path\nfrom bus.config.yaml_files import read_map\n"
        "before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()\n"
        "problems = read_map(Path(sys.argv[1]), 'f')[1]\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(len(problems), time.process_time() - start, (after - before) / 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "kafka.yml")], capture_output=True, text=True, check=True
    )
    count, seconds, mebibytes = map(float, done.stdout.split())
    assert count == 1
    assert seconds < 1
    assert mebibytes < 100


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: &a {x: 1}\nb: *a\nc: [*a, *a]\nd: {<<: *a, y: 2}\n",
        "a: " + "[" * 60 + "]" * 60,
        "a: " + "[" * 60,  # no YAML, and the reader's to say
        "a:\n" + "- x: y\n" * 12_000,
        'a: "\\U0001f3ac"',
    ],
    ids=range(6),
)
def test_ordinary_files_are_within_the_limits(text: str) -> None:
    assert yaml_limits.refusal(text) == ""


def test_a_stack_file_that_is_nested_too_deep_is_refused() -> None:
    for depth in (200, 100_000):
        config = flat(config_of("local"))
        config["bus:values"] = '{"kafka": ' + '{"a": ' * depth + "1" + "}" * depth + "}"
        with pytest.raises(InvalidInput, match=r"Pulumi.local.yaml: bus:values: is nested too deep: more than 64"):
            settings.load("local", config, set())


@pytest.mark.parametrize(
    ("values", "paths"),
    [
        ("{env: {NO: x}}", ["values.env.NO"]),
        ("{1: x}", ["values.1"]),
        ("{service: {on: 1}}", ["values.service.on"]),
        ("{resources: {on: {cpu: 1}, requests: {1.5: x}}}", ["values.resources.on", "values.resources.requests.1.5"]),
        ("{tolerations: [{~: x}]}", ["values.tolerations[0].~"]),
        ("{affinity: &a {yes: x}, nodeSelector: {<<: *a}}", ["values.affinity.yes", "values.nodeSelector.yes"]),
    ],
)
def test_a_key_of_values_that_is_no_text_is_refused_as_the_file_has_it(
    values: str, paths: list[str], tmp_path: Path
) -> None:
    (tmp_path / "kafka.yml").write_text(f"values: {values}")
    found, problems = bricks.load(tmp_path, frozenset({"kafka"}))
    file = f"{tmp_path.name}/kafka.yml"
    said = "this key must be text: put it between quotes, as the file has it"
    assert [str(problem) for problem in problems] == [f"{file}: {path}: {said}" for path in paths]
    assert found["kafka"].content.values == {}


@pytest.mark.parametrize("quoted", ["'NO'", '"1"', "'on'"])
def test_one_between_quotes_is_taken(quoted: str, tmp_path: Path) -> None:
    (tmp_path / "kafka.yml").write_text(f"values: {{env: {{{quoted}: x}}}}")
    assert bricks.load(tmp_path, frozenset({"kafka"}))[1] == []


def test_links_that_lead_elsewhere_are_refused(tmp_path: Path) -> None:
    values, outside = tmp_path / "values", tmp_path / "outside"
    outside.mkdir()
    values.mkdir()
    (outside / "secret.yml").write_text("secret: s3cret")
    (values / "kafka.yml").symlink_to(outside / "secret.yml")
    (values / "more").symlink_to(outside)
    (values / "es.yml").symlink_to("own.yml")
    (values / "own.yml").write_text("")
    found, problems = bricks.load(values, frozenset({"kafka", "es", "own"}))
    assert [str(problem).partition(": /")[0] for problem in problems] == [
        "values/kafka.yml: is a link to a file elsewhere",
        "values/more: is a link to a folder",
    ]
    assert sorted(found) == ["es", "own"]
    assert "s3cret" not in str(problems)


def test_set_image_does_not_write_through_a_linked_folder(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/kafka.yml").write_text("image: {repository: r, name: n, tag: '1'}\n")
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout/values").symlink_to(tmp_path / "outside")
    with pytest.raises(ImagePinError, match=r"values is a link to .+; put the folder itself there"):
        branch.text_of(tmp_path / "checkout", "kafka")
    with pytest.raises(ImagePinError, match="values is a link to"):
        branch.write(tmp_path / "checkout", "kafka", Pin(parse("r.nc/n:2")))
