"""docs/cli.md: current, and complete; `python -m bus.cli.reference` renews it."""

from typing import Any

import pytest

from bus.cli.app import VERBS, load
from bus.cli.reference import PAGE, page


def commands(name: str, command: Any) -> list[tuple[str, Any]]:
    """Return a command, or those of a group, by their full names."""
    below = getattr(command, "commands", {})
    return [found for verb in below for found in commands(f"{name} {verb}", below[verb])] or [(name, command)]


ALL = [command for verb in VERBS for command in commands(f"bus {verb}", load(verb))]


def test_the_page_is_current() -> None:
    text = PAGE.read_text()
    assert page(text) == text, "run python3 -m bus.cli.reference"


@pytest.mark.parametrize(("name", "command"), ALL, ids=[name for name, _ in ALL])
def test_the_page_has_each_command_with_each_option(name: str, command: Any) -> None:
    section = PAGE.read_text().partition(f"## {name}\n")[2].partition("\n## ")[0]
    options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
    assert not [option for option in options if option != "--help" and f"`{option}`" not in section]


@pytest.mark.parametrize(("name", "command"), ALL, ids=[name for name, _ in ALL])
def test_each_command_and_parameter_has_a_help_text(name: str, command: Any) -> None:
    assert command.help
    assert not [parameter.name for parameter in command.params if not parameter.help]


@pytest.mark.parametrize("verb", VERBS)
def test_the_list_of_verbs_says_what_the_verb_itself_says(verb: str) -> None:
    """The list is read without importing a verb, so its line is written twice."""
    assert load(verb).help.startswith(VERBS[verb][1])
