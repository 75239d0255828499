"""Tests share helpers through tests/support and the like, never through another test's file."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "tests").rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_imported_from_a_test(path: Path) -> None:
    nodes = [node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.ImportFrom)]
    modules = [f"{node.module}.{alias.name}" for node in nodes for alias in node.names]
    tests = [name for name in modules if name.startswith("tests.") and ".test_" in name]
    assert not tests, f"{path.name} imports {tests}; move what both need to tests/support"
