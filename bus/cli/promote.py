"""`bus promote`: the images tested in one environment become those of the next, or those of an earlier time again."""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bus import git
from bus.cli.engine import StackError, pulumi, reason
from bus.cli.registry import CaFiles, Insecure, Mirror, Repo, TokenHosts, named
from bus.errors import UserError
from bus.image_reference import Reference, parse
from bus.images.promotion import branch, deployed, plan, records
from bus.images.promotion.pins import Pin
from bus.images.promotion.plan import Row
from bus.images.registry import trust
from bus.images.registry.lookup import look_up
from bus.images.registry.registries import Access, Registries
from bus.images.signatures import verifying
from bus.images.signatures.cosign import BadKey, Policy

_COMMIT = re.compile(r"[0-9a-f]{40}")
_TAG = re.compile(r"[A-Za-z0-9][\w./-]*", re.ASCII)


class NotPromoted(UserError):
    """A promotion that cannot be, or that ended otherwise than it should; the message lists every reason."""

    def __init__(self, head: str, problems: Sequence[str]) -> None:
        super().__init__("\n".join([head, *(f"  {number}. {problem}" for number, problem in enumerate(problems, 1))]))


@dataclass(frozen=True)
class _Wanted:
    """What a branch's pins are to become: decided anew for each state of the branch that is found."""

    head: str
    decide: Callable[[Mapping[str, Pin]], tuple[list[Row], list[str]]]
    details: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """what is said beside the table"""


def promote(
    source: Annotated[str, typer.Argument(metavar="FROM", help="environment (branch and stack) that was tested")],
    target: Annotated[str | None, typer.Argument(metavar="TO", help="environment that gets its images")] = None,
    tag: Annotated[str, typer.Option(help="also tag the commit; prod.v12 deploys production")] = "",
    rollback: Annotated[
        bool, typer.Option("--rollback", help="return FROM to its previous deployment; without TO")
    ] = False,
    to: Annotated[str, typer.Option(help="with --rollback: the tag or commit to return to")] = "",
    replace_hotfix: Annotated[
        list[str] | None, typer.Option(help="brick whose hotfix mark and image are replaced; repeatable")
    ] = None,
    from_site: Annotated[
        list[str] | None,
        typer.Option(help="site whose images count if sites differ; repeatable, the first that runs a brick decides"),
    ] = None,
    told: Annotated[
        Path | None,
        typer.Option(
            "--deployed",
            help="JSON with `history`, `outputs` and `records` of FROM's stack, read instead of asking pulumi",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show the table and push nothing")] = False,
    repo: Repo = None,
    mirror: Mirror = "",
    insecure: Insecure = False,
    token_host: TokenHosts = None,
    ca_file: CaFiles = None,
) -> None:
    """Give the images that FROM runs to TO, by digest. With --rollback, return FROM to an earlier deployment."""
    if rollback == (target is not None):
        raise typer.BadParameter("either FROM TO, or --rollback FROM")
    if tag and not _TAG.fullmatch(tag):
        raise typer.BadParameter(f"{tag!r} is no name of a tag")
    url, access = repo or git.here(Path.cwd())[0], Access(mirror, insecure, trust=named(token_host, ca_file))
    to_branch = target or source
    if rollback and to:
        wanted = _back(url, source, to)
    elif rollback:
        wanted = _back_per_site(url, source, _told(source, told), from_site or ())
    else:
        wanted = _forward(source, to_branch, _told(source, told), replace_hotfix or (), from_site or ())
    shown: list[Row] = []

    def edit(folder: Path) -> str | None:
        nonlocal access
        rows, problems = wanted.decide(branch.read(folder))
        moving = [row for row in rows if row.changes]
        config = branch.stack_config(folder, to_branch)
        access = replace(access, trust=trust.together(trust.of_config(config, folder), access.trust))
        problems += plan.overridden(rows, config, f"Pulumi.{to_branch}.yaml")
        try:
            wanted_signatures = verifying.of_config(config, folder)
        except BadKey as error:
            raise NotPromoted(wanted.head, [f"Pulumi.{to_branch}.yaml: {error}"]) from None
        problems += _wrong(moving, access, wanted_signatures)
        shown[:] = rows
        if problems:
            raise NotPromoted(f"{wanted.head}: {len(problems)} problem(s), nothing was pushed:", problems)
        for row in moving:
            branch.write(folder, row.brick, row.after)
        return plan.message(rows, wanted.head, wanted.details) if moving and not dry_run else None

    pushed = git.change(url, to_branch, edit, tag=tag)
    _show(wanted.head, shown)
    for said in wanted.notes:
        print(f"note: {said}")
    if pushed is None:
        print("dry run: nothing was pushed" if dry_run else f"{to_branch} has these images already; nothing was pushed")
        return
    _verify(url, to_branch, [row for row in shown if row.changes], access)
    tagged = f", tagged {tag}" if tag else ""
    print(f"{to_branch} is at {pushed.commit[:12]}{tagged}; each image that moved is in its registry")


def _forward(
    source: str, target: str, told: Mapping[str, Any], replaced: Collection[str], from_sites: Sequence[str]
) -> _Wanted:
    ran = deployed.read(source, told["history"], told["outputs"], records.read(told["records"]))
    images, untested = deployed.tested(ran, from_sites)
    notes = [*deployed.taken_from(ran, from_sites), *deployed.left_out(ran, from_sites)]

    def decide(now: Mapping[str, Pin]) -> tuple[list[Row], list[str]]:
        rows, problems = plan.promote(images, now, replaced)
        return rows, [*untested, *problems]

    details = [f"{source} was deployed from {commit}" for commit in ran.commits[:1]]
    return _Wanted(f"promote {source} to {target}", decide, (*details, *notes), tuple(notes))


def _back_per_site(url: str, environment: str, told: Mapping[str, Any], from_sites: Sequence[str]) -> _Wanted:
    """Back to what the sites ran before the last deployment; to its commit where an older program recorded nothing."""
    known = records.read(told["records"])
    if known is None:
        return _back(url, environment, deployed.before_the_last(environment, told["history"]))
    choice = deployed.gone_back(environment, known, from_sites)
    files = _files(url, environment, {known.commit_of(unit) for unit in choice.units.values()} - {""})

    def decide(now: Mapping[str, Pin]) -> tuple[list[Row], list[str]]:
        then = {
            brick: _pin_of(image, files.get(known.commit_of(choice.units.get(brick, "")), {}).get(brick))
            for brick, image in choice.images.items()
        }
        return plan.go_back(then, now), list(choice.problems)

    return _Wanted(f"rollback {environment} to what ran before", decide)


def _files(url: str, environment: str, commits: Collection[str]) -> dict[str, Mapping[str, Pin]]:
    """commit -> the pins of the files then; a commit that the repository lacks says nothing."""
    found: dict[str, Mapping[str, Pin]] = {}
    for commit in commits:
        with suppress(git.GitFailed):
            found[commit] = branch.read_at(url, environment, commit)
    return found


def _pin_of(image: Reference, then: Pin | None) -> Pin:
    """What a site ran as its file had it then, hotfix mark and all; the image itself where the file said another."""
    if then and plan.is_same(then.image, image):
        return then
    return Pin(image)


def _back(url: str, environment: str, ref: str) -> _Wanted:
    then = branch.read_at(url, environment, ref)
    shown = ref[:12] if _COMMIT.fullmatch(ref) else ref
    return _Wanted(f"rollback {environment} to {shown}", lambda now: (plan.go_back(then, now), []))


def _told(stack: str, file: Path | None) -> dict[str, Any]:
    """History, outputs and records of a stack, from pulumi or from a file that somebody who can ask it has made."""
    if file:
        return _read(file)
    state = json.loads(_said("stack", "export", "--stack", stack) or "{}").get("deployment") or {}
    return {
        "history": json.loads(_said("stack", "history", "--json", "--stack", stack) or "[]"),
        "outputs": json.loads(_said("stack", "output", "--json", "--stack", stack) or "{}"),
        "records": state.get("resources") or [],
    }


def _read(file: Path) -> dict[str, Any]:
    """What --deployed names; raises StackError."""
    remedy = "make it as docs/promotion.md says"
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise StackError(f"--deployed {file} cannot be read: {error}; {remedy}") from None
    shape = {"history": list, "outputs": dict}
    if not isinstance(found, dict) or not all(isinstance(found.get(key), kind) for key, kind in shape.items()):
        raise StackError(f"--deployed {file} must have a list `history` and a map `outputs`; {remedy}")
    return {"records": [], **found}


def _said(*arguments: str) -> str:
    done = pulumi(Path.cwd(), *arguments, otherwise="; or give --deployed FILE")
    if done.returncode:
        raise StackError(f"pulumi {' '.join(arguments[:2])} failed: {reason(done.stderr)}")
    return done.stdout


def _wrong(rows: Sequence[Row], access: Access, policy: Policy | None = None) -> list[str]:
    """Why the images of `rows` cannot be had by the digest that they are pinned to, or are not signed as wanted."""
    wanted = {str(row.after.image): row.brick for row in rows}
    with Registries(access) as registries:
        found = look_up(wanted, registries)
        unsigned = {
            image: why for image, why in verifying.unsigned(found, registries, policy).items() if image in found.digests
        }
    problems = [f"{wanted[image]}: {image} is not in its registry any more" for image in found.missing]
    problems += [f"{wanted[image]}: {image}: {why}" for image, why in found.unknown.items()]
    lines = [f"{wanted[image]}: {image} {why}" for image, why in unsigned.items()]
    if policy and policy.require:
        problems += lines
    else:
        for line in lines:
            typer.echo(f"warning: {line}", err=True)
    return problems + [
        f"{wanted[image]}: {image}: the registry answers {digest}"
        for image, digest in found.digests.items()
        if (pinned := parse(image).digest) and pinned != digest
    ]


def _verify(url: str, to_branch: str, moved: Sequence[Row], access: Access) -> None:
    """Reads the branch again and asks the registry for each image that moved; raises NotPromoted where one differs."""
    now = branch.read_at(url, to_branch)
    problems = [
        f"{row.brick}: {to_branch} has {now[row.brick].image.pinned}" for row in moved if now[row.brick] != row.after
    ]
    if problems := [*problems, *_wrong(moved, access)]:
        raise NotPromoted(f"pushed to {to_branch}, but {len(problems)} image(s) are not what was promoted:", problems)


def _show(head: str, rows: Sequence[Row]) -> None:
    shown = Table("brick", "now", "becomes", "what")
    for line in plan.table(rows):
        shown.add_row(*line)
    print(head)
    Console(width=140, highlight=False).print(shown)
