"""Which pure tests look at a module: those that import it, then those that import what imports it."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

# Their tests start servers, or need the sandbox's.
_NOT_PURE = ("tests/servers/", "tests/real/")


def imports(root: Path) -> dict[str, set[str]]:
    """Return what each Python file of bus/, components/ and tests/ imports of them, as paths in `root`."""
    files = {
        path.relative_to(root).as_posix(): path
        for folder in ("bus", "components", "tests")
        for path in (root / folder).rglob("*.py")
    }
    return {name: {other for other in _imported(path) if other in files} for name, path in files.items()}


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            place = name.replace(".", "/")
            yield from (f"{place}.py", f"{place}/__init__.py")


def tests_of(module: str, imported: Mapping[str, set[str]], distance: int = 2) -> list[list[str]]:
    """Return the test files at each distance from a module, the nearest first; the one of its own name leads.

    A module that no test reaches within `distance` is looked at by those that do from the next distance on.
    """
    tests: list[list[str]] = []
    seen, reached = {module}, {module}
    for step in range(1, len(imported)):
        reached = {name for name, used in imported.items() if used & reached} - seen
        seen |= reached
        if not reached or (step > distance and tests):
            break
        if found := sorted(name for name in reached if is_pure_test(name)):
            tests.append(sorted(found, key=lambda name: (not _mirrors(name, module), name)))
    return tests


def is_pure_test(name: str) -> bool:
    """Tell whether a file holds tests that need no server."""
    return Path(name).name.startswith("test_") and name.startswith("tests/") and not name.startswith(_NOT_PURE)


def _mirrors(test: str, module: str) -> bool:
    """Tell whether a test is where a module's own tests are: tests/topics/test_plan.py for bus/topics/plan.py."""
    return Path(test).name == f"test_{Path(module).name}"
