"""Names of branches: judged as git itself judges them, and with the remedy."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.git_names import fault_of


@pytest.mark.parametrize("name", ["main", "feature/x-1", "prod.v1", "é", "a_b", "refs", "heads/x", "1", "a@b", "x-"])
def test_names_that_git_takes(name: str) -> None:
    assert fault_of("branch", name) == ""


@pytest.mark.parametrize(
    "name",
    ["", "-x", "--force", "a b", "a..b", "a~1", "a^", "a:b", "a*", "a?", "a[b", "a\\b", "a.lock", "a.lock/b", ".a"],
)
def test_names_that_git_does_not_take(name: str) -> None:
    assert fault_of("branch", name).startswith(f"{name!r} is no name of a branch: ")


@pytest.mark.parametrize("name", ["a/.b", "a//b", "/a", "a/", "a.", "a@{1}", "a\n", "a\x7f", "a\tb"])
def test_names_that_are_no_path_either(name: str) -> None:
    assert fault_of("tag", name).startswith(f"{name!r} is no name of a tag: ")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("refs/heads/x", "give the name of the branch alone: x"),
        ("refs/tags/prod.v1", "give the name of the branch alone: prod.v1"),
        ("refs/remotes/origin/a/b", "give the name of the branch alone: a/b"),
        ("HEAD", "git's own name for a commit and no branch"),
        ("@", "git's own name for a commit and no branch"),
    ],
)
def test_names_of_something_else_come_with_the_remedy(name: str, remedy: str) -> None:
    assert remedy in fault_of("branch", name)


@settings(max_examples=60, deadline=None)
@given(st.text("ab./-@{~^:?*[\\ \x01", min_size=1, max_size=6))
def test_nothing_passes_that_git_refuses(name: str) -> None:
    judged = subprocess.run(["git", "check-ref-format", "--branch", name], capture_output=True, check=False)
    plain = subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], capture_output=True, check=False)
    if not fault_of("branch", name):
        assert judged.returncode == plain.returncode == 0
