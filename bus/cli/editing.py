"""Files that verbs add to: every byte that is not added stays as it was (bus.config.yaml_editing)."""

import shutil
from pathlib import Path

from bus.cli.engine import StackError
from bus.config.yaml_files import read_text
from bus.config.yaml_reading import Document


def read(file: Path) -> tuple[str, Document]:
    """Return the text of a file and what it means; raise StackError where it cannot be read."""
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError:
        raise StackError(f"{file.name} is not UTF-8; save it as UTF-8") from None
    document = read_text(text, file.name)
    if document.problems and not document.value:
        raise StackError("\n".join(map(str, document.problems)))
    if not isinstance(document.value, dict):
        raise StackError(f"{file.name} must have keys at its top")
    return text, document


def write(file: Path, text: str) -> None:
    """Write a file in one step: whole, or as it was. Its mode, and a link to it, stay."""
    target = file.resolve()  # what is behind a link, and not the link
    work = target.with_name(f".{target.name}.part")
    try:
        work.write_bytes(text.encode())
        shutil.copymode(target, work)
        work.replace(target)
    finally:
        work.unlink(missing_ok=True)
