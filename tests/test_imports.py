"""What tests import: no other test, and in the programs that they hold as text, what exists."""

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "tests").rglob("*.py"))
PROGRAMS = [*FILES, *sorted((ROOT / "bench").rglob("*.py"))]
_IMPORT = re.compile(r"^\s*from ((?:bus|components|tests|sandbox)\b[\w.]*) import ([\w, ]+)$", re.MULTILINE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_imported_from_a_test(path: Path) -> None:
    nodes = [node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.ImportFrom)]
    modules = [f"{node.module}.{alias.name}" for node in nodes for alias in node.names]
    tests = [name for name in modules if name.startswith("tests.") and ".test_" in name]
    assert not tests, f"{path.name} imports {tests}; move what both need to tests/support"


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_programs_in_texts_import_what_exists(path: Path) -> None:
    texts = [node.value for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Constant)]
    lines = [match for text in texts if isinstance(text, str) for match in _IMPORT.finditer(text)]
    missing = [
        f"from {line[1]} import {name}"
        for line in lines
        for name in re.findall(r"\w+", line[2])
        if line[1] != "bus.toy" and not exists(line[1], name)
    ]
    assert not missing


def exists(module: str, name: str) -> bool:
    """Tell whether `from module import name` works."""
    try:
        return hasattr(importlib.import_module(module), name) or bool(importlib.import_module(f"{module}.{name}"))
    except ImportError:
        return False
