"""The images of one branch of the deployment repository: the pins of its bricks' files, in a checkout or at a time."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bus import git
from bus.config import authored
from bus.config.parsing import nearest
from bus.config.stack_file import NAMESPACE
from bus.images.promotion import pins
from bus.images.promotion.pins import ImagePinError, Pin


def file_of(brick: str) -> str:
    """The file of a brick, from the repository's root."""
    return f"values/{brick}.yml"


def text_of(folder: Path, brick: str) -> str:
    """Return the text of a brick's file, line ends as they are.

    Raises ImagePinError where the branch has none that can be read.
    """
    file = folder / file_of(brick)
    if file.parent.is_symlink():
        raise ImagePinError(f"{file.parent.name} is a link to {file.parent.readlink()}; put the folder itself there")
    if file.is_symlink():
        raise ImagePinError(f"{file_of(brick)} is a link to {file.readlink()}; put the file itself there")
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ImagePinError(
            f"{file_of(brick)} is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}"
        ) from None
    except FileNotFoundError:
        known = sorted(path.stem for path in (folder / "values").glob("*.yml"))
        near = nearest(brick, known)
        said = f"{file_of(brick)} is not on this branch; bricks: {', '.join(known) or 'none'}"
        raise ImagePinError(f"{said}; {near}" if near else said) from None


def write(folder: Path, brick: str, pin: Pin) -> None:
    """Changes the image of a brick in a checkout, and nothing else of its file."""
    text = pins.write(text_of(folder, brick), pin, file_of(brick))
    (folder / file_of(brick)).write_bytes(text.encode())


def read(folder: Path) -> dict[str, Pin]:
    """The pin of every brick of a checkout that has an image."""
    texts = {path.stem: text_of(folder, path.stem) for path in sorted((folder / "values").glob("*.yml"))}
    return {brick: pins.read(text, file_of(brick)) for brick, text in texts.items() if pins.has_image(text, brick)}


def read_at(url: str, branch: str, ref: str = "") -> dict[str, Pin]:
    """The pins at a tag or commit of a repository; at the branch's newest commit where `ref` is empty.

    Raises GitFailed where there is no such one.
    """
    with tempfile.TemporaryDirectory(prefix="bus-git-") as work:
        folder = Path(work) / "checkout"
        git.clone(url, branch, folder, depth=None if ref else 1)
        if ref:
            git.git(folder, "checkout", "--quiet", "--detach", _commit(folder, branch, ref))
        return read(folder)


def _commit(folder: Path, branch: str, ref: str) -> str:
    try:
        return git.git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip()
    except git.GitFailed:
        tags = git.git(folder, "tag", "--list", "--sort=-creatordate").split()
        newest = f"newest tags: {', '.join(tags[:5])}" if tags else "it has no tag at all"
        raise git.GitFailed(
            f"the repository has no tag and no commit {ref}, on branch {branch} or another; {newest}"
        ) from None


def stack_config(folder: Path, stack: str) -> Mapping[str, Any]:
    """Return what a stack's file in a checkout has below `config:`, read as `pulumi up` there reads it.

    Empty where the checkout has no such file. Raise ImagePinError with all that is refused of its keys of bus.
    """
    file = folder / f"Pulumi.{stack}.yaml"
    try:
        text = file.read_bytes().decode()
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ImagePinError(f"{file.name}: line {line}: is not UTF-8; save the file as UTF-8") from None
    config, problems = authored.block(text, file.name, f"{NAMESPACE}:")
    if problems:
        raise ImagePinError("\n".join(map(str, problems)))
    return config
