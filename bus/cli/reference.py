"""docs/cli.md, made from the commands themselves: `python3 -m bus.cli.reference` writes it."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bus.cli.app import VERBS, load
from bus.docgen import markers

PAGE = Path(__file__).parents[2] / "docs/cli.md"


def page(text: str) -> str:
    """Return docs/cli.md with its generated part renewed. Raise LookupError if the part's marks are missing."""
    return markers.renew(text, {"verbs": verbs()}, PAGE)


def verbs() -> str:
    """Return a section for each command of `bus`, in the order of `bus --help`."""
    sections = [section for verb in VERBS for section in _sections(f"bus {verb}", load(verb))]
    return "\n".join(sections)


def _sections(name: str, command: Any) -> Iterator[str]:
    """Yield the section of a command, or the sections of a group's commands."""
    below = getattr(command, "commands", {})
    for verb, inner in below.items():
        yield from _sections(f"{name} {verb}", inner)
    if not below:
        yield _section(name, command)


def _section(name: str, command: Any) -> str:
    parameters = [parameter for parameter in command.params if parameter.name != "help"]
    usage = " ".join([name, *(_in_usage(parameter) for parameter in parameters if _is_given(parameter))])
    rows = [_row(parameter) for parameter in parameters]
    table = ["| argument or option | default | |", "|---|---|---|", *rows]
    return "\n".join([f"## {name}", *_wrapped(command.help), "", "```", usage, "```", *table, ""])


def _wrapped(text: str) -> list[str]:
    """Return the paragraphs of a help text, wrapped as pages are."""
    paragraphs = _plain(text).strip().split("\n\n")
    return "\n\n".join(textwrap.fill(paragraph, 100) for paragraph in paragraphs).splitlines()


def _plain(text: str) -> str:
    """Return text that Markdown takes for neither a tag nor a column."""
    return text.replace("<", "&lt;").replace("|", "\\|")


def _is_given(parameter: Any) -> bool:
    """Return whether a parameter stands in the usage: arguments and required options do."""
    return bool(parameter.param_type_name == "argument" or parameter.required)


def _in_usage(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return _word(parameter) if parameter.required else f"[{_word(parameter)}]"
    return f"{parameter.opts[0]} {_word(parameter)}"


def _row(parameter: Any) -> str:
    names = [_word(parameter)] if parameter.param_type_name == "argument" else parameter.opts + parameter.secondary_opts
    cell = ", ".join(f"`{name}`" for name in names)
    variable = f" (`{parameter.envvar}`)" if parameter.envvar else ""
    return f"| {cell}{variable} | {_default(parameter)} | {_plain(parameter.help)} |"


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    return "" if parameter.default in (None, "", False) else f"`{str(parameter.default).lower()}`"


def _word(parameter: Any) -> str:
    """Return what stands for a parameter's value: FROM, STACK."""
    return str(parameter.metavar or parameter.name.upper())


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
