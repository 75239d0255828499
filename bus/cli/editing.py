"""YAML files that verbs add to: comments, order, quotes and line ends stay."""

import shutil
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from bus.cli.engine import StackError
from bus.config import yaml_limits


def read(file: Path, *, wide: bool = False) -> Any:
    """What a file holds, to be changed and written back; raises StackError where it cannot be read."""
    try:
        text = file.read_bytes().decode()
        if beyond := yaml_limits.refusal(text):
            raise StackError(f"{file.name} {beyond}")
        return _yaml(wide).load(text)
    except UnicodeDecodeError:
        raise StackError(f"{file.name} is not UTF-8; save it as UTF-8") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise StackError(f"{file.name}: line {line}: is not YAML: {error.problem}") from None


def write(file: Path, content: Any, *, wide: bool = False) -> None:
    """Writes a file that was read, with the line ends that it had, in one step: whole, or as it was."""
    ends = "\r\n" if b"\r\n" in file.read_bytes() else "\n"
    target = file.resolve()  # what is behind a link, and not the link
    work = target.with_name(f".{target.name}.part")
    try:
        with work.open("w", encoding="utf-8", newline=ends) as out:
            _yaml(wide).dump(content, out)
        shutil.copymode(target, work)
        work.replace(target)
    finally:
        work.unlink(missing_ok=True)


def text(content: Any) -> str:
    """The same as text, lists indented as in values/."""
    out = StringIO()
    _yaml(wide=True).dump(content, out)
    return out.getvalue()


def _yaml(wide: bool) -> YAML:
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 120
    if wide:  # lists two spaces in, as files below values/ have them
        yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml
