"""What `make check` and `make test` prove, as steps."""

from collections.abc import Callable
from pathlib import Path

from sandbox import places, venv
from sandbox.beside import side_by_side
from sandbox.deploying import CLUSTER
from sandbox.places import environment
from sandbox.steps import Step, shown

FAST = {
    "format": (("ruff", "format", "--check", "-q"), "ruff format"),
    "lint": (("ruff", "check", "-q"), "ruff check --fix"),
    "layers": (("lint-imports", "--no-cache"), "components may import bus, bus no Pulumi"),
    "types": (("mypy",), "see the lines above"),
    "pure tests": (
        ("pytest", "-q", "-m", "not real and not helm and not servers", "-n", "2"),
        "pytest TEST runs one",
    ),
}
"""name -> a program of the venv with its arguments, and the remedy; .pre-commit-config.yaml has the same"""
CHARTS = ("pytest", "-q", "-m", "helm", "-n", "2")


def fast() -> list[Step]:
    """Format, lint, types, layers and pure tests; needs nothing but the venv."""
    bin_ = places.venv() / "bin"

    def runs(*command: str) -> Callable[[], None]:
        return lambda: shown([bin_ / command[0], *command[1:]], env=environment())

    steps = [Step(name, runs(*command), remedy=remedy) for name, (command, remedy) in FAST.items()]
    return [*steps[:3], Step("shell syntax", shell_syntax), *steps[3:]]


def shell_syntax() -> None:
    """Parse each script of the cluster; `bash -n` takes further files as arguments of the first."""
    for script in sorted(CLUSTER.glob("*.sh")):
        shown(["bash", "-n", script])


def charts() -> Step:
    """Charts under the real helm."""
    return Step("charts", _pytest(*CHARTS[1:]))


def brick() -> Step:
    """The demo brick's own tests."""
    return Step("demo brick", lambda: shown(["go", "test", "./..."], cwd=places.ROOT / "sandbox/images/demo-brick"))


def servers_and_real() -> Step:
    """Tests that start their servers themselves, beside those on the sandbox, which mostly wait for pods.

    Of the first, a file's tests share its servers, and long files come first.
    """
    spread = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
    commands = {
        "servers": _pytest_command("-v", "-m", "servers", "--durations=15", *spread),
        "real": _pytest_command("-v", "-m", "real", "--durations=15"),
    }
    names = "tests on servers of their own, beside tests on the sandbox"
    remedy = "pytest TEST runs one of those named above (first: . sandbox/env.sh)"
    return Step(names, lambda: side_by_side(commands, env=environment()), remedy=remedy)


def _pytest(*arguments: str) -> Callable[[], None]:
    return lambda: shown(_pytest_command(*arguments), env=environment())


def _pytest_command(*arguments: str) -> list[str | Path]:
    return [venv.python(), "-m", "pytest", *arguments]
