"""No test lets an error pass for another reason: `match` of pytest.raises names one message, and not this or that."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


def alternatives(source: str) -> Iterator[int]:
    """Yield the lines of calls of `raises` or `warns` whose `match` has a | that is no plain character."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("raises", "warns"):
            for keyword in node.keywords:
                texts = [part.value for part in ast.walk(keyword.value) if isinstance(part, ast.Constant)]
                plain = [str(text).replace(r"\|", "") for text in texts]
                if keyword.arg == "match" and any("|" in text for text in plain):
                    yield node.lineno


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ('pytest.raises(E, match="a|b")', 1),
        ('raises(E, match=rf"x {y} (a|b)")', 1),
        ('pytest.warns(E, match="a" "|b")', 1),
        (r'pytest.raises(E, match=r"a\|b")', 0),
        ('pytest.raises(E, match="a")', 0),
        ('other(match="a|b")', 0),
    ],
)
def test_alternatives_are_found(call: str, found: int) -> None:
    assert len(list(alternatives(call))) == found


def test_each_error_is_expected_with_its_own_message() -> None:
    files = {file.relative_to(FOLDER).as_posix(): file.read_text() for file in sorted(FOLDER.rglob("*.py"))}
    lines = [f"tests/{name}:{line}" for name, text in files.items() for line in alternatives(text)]
    assert lines == [], "split the case, so that each has one message"
