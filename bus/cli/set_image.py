"""`bus set-image`: a brick's CI names the image that it has built: one commit on a branch of the deployment."""

import re
from pathlib import Path
from typing import Annotated

import typer

from bus import git
from bus.cli.registry import CaFiles, Insecure, Mirror, Repo, TokenHosts, named
from bus.image_reference import is_tag
from bus.images.promotion import branch, pins
from bus.images.promotion.pins import ImagePinError, Pin
from bus.images.registry import trust
from bus.images.registry.client import MissingImage
from bus.images.registry.registries import Access, Registries

_BRICK = re.compile(r"[a-z0-9][a-z0-9-]*")


def set_image(
    brick: Annotated[str, typer.Argument(help="name of the brick: its file is values/BRICK.yml")],
    tag: Annotated[str, typer.Argument(help="the new tag, or TAG@sha256:... if the build knows its digest")],
    digest: Annotated[bool, typer.Option(help="pin the digest that the tag has now")] = True,
    target_branch: Annotated[
        str | None, typer.Option("--target-branch", help="branch to change; default: the branch of this checkout")
    ] = None,
    repo: Repo = None,
    hotfix: Annotated[
        str | None, typer.Option(help="why a promotion must not replace this image; '' removes the mark")
    ] = None,
    mirror: Mirror = "",
    insecure: Insecure = False,
    token_host: TokenHosts = None,
    ca_file: CaFiles = None,
) -> None:
    """Write a tag and its digest into values/BRICK.yml, commit and push. Retry if another push was faster."""
    if repo is None or target_branch is None:
        origin, current = git.here(Path.cwd())
        repo, target_branch = repo or origin, target_branch or current
    if not target_branch:
        raise ImagePinError("no branch is checked out here; give --target-branch")
    if not _BRICK.fullmatch(brick):
        raise ImagePinError(f"{brick!r} is no name of a brick: lower-case letters, digits and '-'")
    said, own = "", named(token_host, ca_file)

    def edit(folder: Path) -> str | None:
        nonlocal said
        before = pins.read(branch.text_of(folder, brick), branch.file_of(brick))
        known = trust.together(trust.of_config(branch.stack_config(folder, target_branch), folder), own)
        after = resolved(before, tag, digest, hotfix, Access(mirror, insecure, trust=known))
        said = after.image.pinned
        if after == before:
            return None
        branch.write(folder, brick, after)
        return pins.describe(brick, before, after)

    pushed = git.change(repo, target_branch, edit)
    if pushed is None:
        print(f"{brick}: {target_branch} has {said} already; no commit")
    else:
        again = f", after {pushed.retries} lost race(s)" if pushed.retries else ""
        print(f"{brick}: {target_branch} is at {pushed.commit[:12]} with {said}{again}")


def resolved(pin: Pin, tag: str, digest: bool, hotfix: str | None, access: Access) -> Pin:
    """The pin for `tag`, once its registry has said that the image is there; raises ImagePinError where it is not."""
    tag, _, built = tag.partition("@")
    if not is_tag(tag):
        raise ImagePinError(f"{tag!r} is no tag: letters, digits, '_', '.' and '-', 128 at most")
    wanted = pins.bump(pin, tag, "", hotfix)
    with Registries(access) as registries:
        place = registries.place(wanted.image)
        try:
            found = place.registry.digest(place.name, tag)
        except MissingImage:
            raise ImagePinError(f"{wanted.image} does not exist in {place.registry.host}; push it first") from None
    if built and built != found:
        raise ImagePinError(
            f"{wanted.image} is {found} in {place.registry.host}, and not {built}: the tag was pushed again"
        )
    return pins.bump(wanted, tag, found if digest else "")
