"""Changes that `make mutants` makes: which there are, which tests look at them, and what is reported."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.mutation import places, selection
from bench.mutation.__main__ import deciding, is_equal, known_as_equal, sample, shown

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("x = a < b", {"x = (a <= b)", "x = (a >= b)"}),
        ("x = a not in b", {"x = (a in b)"}),
        ("x = a and b", {"x = (a or b)", "x = (a)", "x = (b)"}),
        ("x = not a", {"x = (a)"}),
        ("x = a if b else c", {"x = (a)", "x = (c)", "x = (a if not b else c)"}),
        ("x = a | b", {"x = (a)", "x = (b)"}),
        ("x = a + b", {"x = (a - b)"}),
        ("x = 3", {"x = (4)", "x = (2)"}),
        ("x = True", {"x = False"}),
        ("x = 'é' + a", {"x = '' + a", "x = ('é' - a)"}),
        ("x = min(a)", {"x = (max(a))"}),
        ("x = sorted(a, key=b)", {"x = (list(a))", "x = (sorted(a))"}),
        ("x = [a, *b]", {"x = ([*b])", "x = ([a])"}),
        ("x = {**a, b: c}", {"x = ({b: c})", "x = ({**a})"}),
        ("x = [a for a in b if c]", {"x = ([a for a in b])", "x = ([a for a in b if not c])"}),
        ("x = any(a for a in b if c)", {"x = any(a for a in b)", "x = any(a for a in b if not c)",
                                        "x = (all((a for a in b if c)))"}),
        ("x += a", {"pass"}),
        ("f(a)", {"pass"}),
        ("x: dict[str, int] = f(a)", set()),
    ],
)  # fmt: skip
def test_each_kind_of_change(line: str, changed: set[str]) -> None:
    source = line.encode()
    assert {mutant.applied(source).decode() for mutant in places.mutants(source)} == changed


def test_what_a_branch_asks_and_how_it_ends_is_changed() -> None:
    source = b"def f(a):\n    if a:\n        return g\n    return h\n"
    assert {mutant.applied(source) for mutant in places.mutants(source)} == {
        source.replace(b"if a", b"if True"),
        source.replace(b"if a", b"if False"),
        source.replace(b"if a", b"if (not a)"),
        source.replace(b"return g", b"pass"),
    }


@pytest.mark.parametrize("module", deciding(ROOT, []))
def test_every_change_of_a_deciding_module_is_a_program(module: str) -> None:
    source = (ROOT / module).read_bytes()
    chosen = sample(module, source, "3", 25)
    assert chosen == sample(module, source, "3", 25), "the same seed chooses the same"
    for mutant in chosen:
        compile(mutant.applied(source), module, "exec")
        assert mutant.applied(source) != source


def test_a_module_is_looked_at_by_its_own_tests_first() -> None:
    imported = selection.imports(ROOT)
    first, second = selection.tests_of("bus/topics/placement.py", imported)
    assert first[0] == "tests/topics/test_placement.py"
    assert not set(first) & set(second)
    every = {name for stage in selection.tests_of("bus/errors.py", imported, 99) for name in stage}
    assert not [name for name in every if not selection.is_pure_test(name)]


def test_a_survivor_that_was_read_and_changes_nothing_is_named_by_both_lines() -> None:
    source = b"a = 1\nb = a if a else 1\n"
    (mutant,) = [one for one in places.mutants(source) if one.new == "(a)"]
    text = shown("bus/x.py", source, mutant)
    assert text == "bus/x.py:2: condition\n  -b = a if a else 1\n  +b = (a)"
    assert is_equal(text, [{"line": "b = a if a else 1", "becomes": "b = (a)", "why": "a is 1"}])
    assert not is_equal(text, [{"line": "b = a if a else 1", "becomes": "b = (1)", "why": "a is 1"}])


def test_each_change_that_was_read_is_still_one() -> None:
    """An entry of equal.yaml whose line is gone is taken out."""
    for module, known in known_as_equal().items():
        source = (ROOT / module).read_bytes()
        texts = [shown(module, source, mutant) for mutant in places.mutants(source)]
        for one in known:
            assert one["why"]
            assert any(is_equal(text, [one]) for text in texts), f"{module}: {one['line']} -> {one['becomes']}"


TOY = """
def larger(a: int, b: int) -> int:
    return a if a > b else b


def forever(a: int) -> int:
    while a < 3:
        a += 1
    return a
"""
TESTS = """
from bus.toy import forever, larger


def test_larger() -> None:
    assert larger(2, 1) == 2
    assert forever(0) == 3
"""


def test_survivors_are_reported_and_the_checkout_stays_as_it_is(tmp_path: Path) -> None:
    for name, content in {"bus/toy.py": TOY, "tests/test_toy.py": TESTS, "bus/__init__.py": ""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "tests/__init__.py").touch()
    (tmp_path / "components").mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    real\n    helm\n    servers\n")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    options = ["bus/toy.py", "--root", str(tmp_path), "--number", "0", "--at-least", "90"]
    done = subprocess.run(
        [sys.executable, "-m", "bench.mutation", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert (
        "SURVIVED bus/toy.py:3: comparison\n  -    return a if a > b else b\n  +    return a if (a >= b) else b"
        in done.stdout
    )
    assert "SURVIVED bus/toy.py:3: condition\n  -    return a if a > b else b\n  +    return (a)" in done.stdout
    assert "killed bus/toy.py:8: removed (time-out)" in done.stdout
    assert "% of the changes are noticed, and 90 % are wanted" in done.stdout
    assert (tmp_path / "bus/toy.py").read_text() == TOY
