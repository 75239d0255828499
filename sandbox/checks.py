"""What `make check` and `make test` prove, as steps."""

from collections.abc import Callable
from pathlib import Path

from sandbox import places, venv
from sandbox.beside import side_by_side
from sandbox.deploying import CLUSTER
from sandbox.places import environment
from sandbox.steps import Step, shown


def fast() -> list[Step]:
    """Format, lint, types, layers and pure tests; needs nothing but the venv."""
    bin_ = places.venv() / "bin"

    def runs(*command: str) -> Callable[[], None]:
        return lambda: shown([bin_ / command[0], *command[1:]], env=environment())

    def shell() -> None:
        shown(["bash", "-n", *sorted(CLUSTER.glob("*.sh"))])

    return [
        Step("format", runs("ruff", "format", "--check", "-q"), remedy="ruff format"),
        Step("lint", runs("ruff", "check", "-q"), remedy="ruff check --fix"),
        Step("layers", runs("lint-imports", "--no-cache"), remedy="components may import bus, bus no Pulumi"),
        Step("shell syntax", shell),
        Step("types", runs("mypy"), remedy="see the lines above"),
        Step(
            "pure tests",
            runs("pytest", "-q", "-m", "not real and not helm and not servers", "-n", "2"),
            remedy="pytest TEST runs one",
        ),
    ]


def charts() -> Step:
    """Charts under the real helm."""
    return Step("charts", _pytest("-q", "-m", "helm", "-n", "2"))


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
