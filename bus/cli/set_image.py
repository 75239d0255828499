"""`bus set-image`: a brick's CI names the image that it has built: one commit on a branch of the deployment."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bus import git
from bus.cli.registry import Insecure, Mirror, Repo
from bus.images import pins
from bus.images.pins import NoPin, Pin
from bus.images.reference import is_tag
from bus.images.registries import Access, Registries
from bus.images.registry import MissingImage

_BRICK = re.compile(r"[a-z0-9][a-z0-9-]*")


def set_image(
    brick: Annotated[str, typer.Argument(help="name of the brick: its file is values/BRICK.yml")],
    tag: Annotated[str, typer.Argument(help="the new tag; TAG@sha256:... where the build knows its digest")],
    digest: Annotated[bool, typer.Option(help="pin the digest that the tag stands for now")] = True,
    target_branch: Annotated[
        str | None, typer.Option("--target-branch", help="branch to change; default: that of this checkout")
    ] = None,
    repo: Repo = None,
    hotfix: Annotated[
        str | None, typer.Option(help="why a promotion must leave this image alone; '' takes the mark away")
    ] = None,
    mirror: Mirror = "",
    insecure: Insecure = False,
) -> None:
    """Writes a tag and its digest into values/BRICK.yml, commits and pushes; again where another push was faster."""
    if repo is None or target_branch is None:
        origin, branch = git.here(Path.cwd())
        repo, target_branch = repo or origin, target_branch or branch
    if not target_branch:
        raise NoPin("no branch is checked out here; give --target-branch")
    said = ""

    def edit(folder: Path) -> str | None:
        nonlocal said
        before, after, text = _changed(folder, brick, lambda pin: resolved(pin, tag, digest, hotfix, mirror, insecure))
        said = f"{after.image.pinned}"
        if text is None:
            return None
        (folder / "values" / f"{brick}.yml").write_bytes(text.encode())
        return pins.describe(brick, before, after)

    pushed = git.change(repo, target_branch, edit)
    if pushed is None:
        print(f"{brick}: {target_branch} has {said} already; no commit")
    else:
        again = f", after {pushed.retries} lost race(s)" if pushed.retries else ""
        print(f"{brick}: {target_branch} is at {pushed.commit[:12]} with {said}{again}")


def resolved(pin: Pin, tag: str, digest: bool, hotfix: str | None, mirror: str, insecure: bool) -> Pin:
    """The pin for `tag`, once its registry has said that the image is there; raises NoPin where it is not."""
    tag, _, built = tag.partition("@")
    if not is_tag(tag):
        raise NoPin(f"{tag!r} is no tag: letters, digits, '_', '.' and '-', 128 at most")
    wanted = pins.bump(pin, tag, "", hotfix)
    with Registries(Access(mirror, insecure)) as registries:
        place = registries.place(wanted.image)
        try:
            found = place.registry.digest(place.name, tag)
        except MissingImage:
            raise NoPin(f"{wanted.image} does not exist in {place.registry.host}; push it first") from None
    if built and built != found:
        raise NoPin(f"{wanted.image} is {found} in {place.registry.host}, and not {built}: the tag was pushed again")
    return pins.bump(wanted, tag, found if digest else "")


def _changed(folder: Path, brick: str, change: Callable[[Pin], Pin]) -> tuple[Pin, Pin, str | None]:
    """The pin of a brick before and after, and the file's new text; None where nothing changes."""
    file = f"values/{brick}.yml"
    if not _BRICK.fullmatch(brick):
        raise NoPin(f"{brick!r} is no name of a brick: lower-case letters, digits and '-'")
    try:
        text = (folder / file).read_bytes().decode()
    except FileNotFoundError:
        known = ", ".join(sorted(path.stem for path in (folder / "values").glob("*.yml")))
        raise NoPin(f"{file} is not on this branch; bricks: {known or 'none'}") from None
    before = pins.read(text, file)
    after = change(before)
    return before, after, pins.write(text, after, file) if after != before else None
