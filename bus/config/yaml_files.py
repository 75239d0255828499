"""A YAML file that people write: read with every fault in their words, and how a value stands in it."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bus.config import messages, yaml_limits, yaml_reading, yaml_scalars
from bus.config.yaml_reading import Bare, Document
from bus.errors import Problem

_CONFLICT = re.compile(r"^(<{7}|>{7}) .*$", re.MULTILINE)


def read_map(path: Path, file: str) -> tuple[Mapping[str, Any], list[Problem]]:
    """Return the map that a YAML file holds, and its problems. `file` is how messages call it.

    Empty files are empty maps. Of a file that is no YAML, or has a key twice, the map is empty.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(4 * yaml_limits.BYTES).decode()
    except OSError as error:
        return {}, [Problem(file, "", None, f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return {}, [Problem(file, f"line {line}", None, "is not UTF-8", "save the file as UTF-8")]
    document = read_text(text, file)
    if not isinstance(document.value, dict):
        allowed = f"must be a map with image, values, topics, indices, and is {messages.kind(document.value)}"
        return {}, document.problems or [Problem(file, "", None, allowed)]
    return document.value, document.problems


def read_text(text: str, file: str) -> Document:
    """Return a YAML text as it is read, an empty map where it holds nothing, or its fault as the only problem."""
    if beyond := yaml_limits.refusal(text):
        return Document({}, [Problem(file, "", None, beyond)])
    try:
        document = yaml_reading.read(text, file)
    except yaml.reader.ReaderError as error:
        allowed = f"is not YAML: character {error.position + 1} is U+{error.character:04X}"
        return Document({}, [Problem(file, "", None, allowed, "take it away")])
    except yaml.MarkedYAMLError as error:
        return Document({}, [_fault(error, text, file)])
    if twice := [problem for problem in document.problems if problem.allowed.endswith(yaml_reading.TWICE)]:
        return Document({}, twice)
    document.value = {} if document.value is None else document.value
    return document


def as_written(problems: Iterable[Problem], root: Path) -> list[Problem]:
    """Return the same problems with numbers as their file below `root` has them."""

    @cache
    def written(file: str) -> Mapping[str, str]:
        path = root / file
        is_yaml = path.suffix in (".yml", ".yaml") and path.is_file()
        return numbers(path.read_bytes().decode(errors="replace")) if is_yaml else {}

    return with_written(problems, written)


def with_written(problems: Iterable[Problem], written: Callable[[str], Mapping[str, str]]) -> list[Problem]:
    """Return the same problems with numbers as their file has them: 1.10 and not 1.1, which would be put in quotes.

    `written` maps a file to what `numbers` has of it. What follows from a scalar that was refused is left out.
    """
    given, shown = list(problems), []
    told = {(one.file, one.path) for one in given if isinstance(one.value, Bare)}
    for problem in given:
        if not isinstance(problem.value, Bare):
            how = written(problem.file).get(problem.path)
            if how is not None and yaml_scalars.read(how).refusal and (problem.file, problem.path) in told:
                continue
            if how is not None and isinstance(problem.value, int | float):
                problem = replace(problem, value=Bare(how))
        shown.append(problem)
    return shown


def numbers(text: str) -> dict[str, str]:
    """Return path -> how it is written, of all in a YAML text that some reader takes for something else than text.

    What stands below `config` of a stack file has the path that messages give it: bus:sites.central.cinemaCode.
    """
    try:
        written = yaml_reading.read(text, "").written
    except yaml.YAMLError:
        return {}
    return written | {path.removeprefix("config."): how for path, how in written.items()}


def _fault(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    line = error.problem_mark.line + 1 if error.problem_mark else 0
    if conflict := _CONFLICT.search(text):
        line = text.count("\n", 0, conflict.start()) + 1
        return Problem(file, f"line {line}", conflict[0], "is a merge conflict", "resolve it, and git add the file")
    said = str(error.problem)
    if said.startswith("but "):
        said = f"{error.context}, {said}"
    remedy = "indent with spaces" if "'\\t'" in said else ""
    return Problem(file, f"line {line}", None, f"is not YAML: {said}", remedy)
