"""Each `bus` and `pulumi` command that the docs name is one: its verbs and options are there."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bus.cli.app import VERBS, load

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:bus|pulumi) [a-z][^`]*)`")


def commands(program: str) -> list[tuple[str, str, bool]]:
    """File, command line, and whether it is one to be typed as it stands; one amid a sentence may be a verb alone."""
    found = []
    for path in DOCS:
        text, name = path.read_text(), str(path.relative_to(ROOT))
        lines = "".join(_FENCED.findall(text)).splitlines()
        found += [(name, line, True) for line in lines if line.startswith(f"{program} ")]
        found += [(name, " ".join(line.split()), False) for line in _INLINE.findall(_FENCED.sub("", text))]
    return [(name, line, whole) for name, line, whole in found if line.split()[0] == program]


def options(words: list[str]) -> list[str]:
    return [word.partition("=")[0] for word in words if word.startswith("-")]


@pytest.mark.parametrize(("name", "line", "whole"), commands("bus"))
def test_each_bus_command_is_one(name: str, line: str, whole: bool) -> None:
    words = shlex.split(line, comments=True)[1:]
    assert words[0] in VERBS
    command: Any = load(words[0])
    if whole:
        command.make_context(words[0], words[1:])  # refuses an option that it does not have, and a lack of one
        return
    rest = words[1:]
    while rest and rest[0] in getattr(command, "commands", {}):
        command, rest = command.commands[rest[0]], rest[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert set(options(rest)) <= known


@pytest.mark.servers
def test_each_pulumi_command_is_one() -> None:
    """Needs the engine's CLI, but no server."""
    wrong, helps = [], dict[str, str]()
    for name, line, _ in commands("pulumi"):
        for one in line.split(";"):
            words = shlex.split(one.split(" < ")[0])[1:]
            verbs = words[: 2 if words[0] in {"config", "stack", "plugin"} else 1]
            verb = " ".join(word for word in verbs if re.fullmatch(r"[a-z]+", word))
            if verb not in helps:
                done = subprocess.run(["pulumi", *verb.split(), "--help"], capture_output=True, text=True, check=False)
                helps[verb] = done.stdout if f"pulumi {verb}" in done.stdout else ""
            missing = [option for option in options(words) if not re.search(rf"{option}\b", helps[verb])]
            wrong += [f"{name}: {one}: {verb} {missing}"] if missing or not helps[verb] else []
    assert not wrong
