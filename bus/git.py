"""One change to one branch of a git repository: cloned, committed, pushed, and done again when somebody was faster."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from bus import git_names, git_settings
from bus.errors import UserError

# Who signs where git has no name of its own, as in a fresh CI container.
_IDENTITY = ("-c", "user.name=bus", "-c", "user.email=bus@localhost")
# What a server says of two pushes at the same moment, besides the ordinary "fetch first".
_BUSY = re.compile(
    r"cannot lock ref|failed to update ref|incorrect old value|\.lock': File exists|fetch first|stale info"
)
_PASSWORD = re.compile(r"(://)[^/@\s]+@")
_FAILED_TO_SIGN = re.compile(
    r"failed to sign|unable to sign|gpg failed|signing failed|user\.signingkey|load public key", re.I
)
_ORIGIN = "origin"
# The last word over .gitattributes: what they would change of a file is no part of a change.
_BYTE_FOR_BYTE = "* -text !eol -ident -filter !working-tree-encoding\n"
_SHOWN = 12


class GitFailed(UserError):
    """A git command that failed for good; the message is git's own, without passwords."""


class _LostRace(GitFailed):
    """Another push was faster."""


@dataclass(frozen=True)
class Pushed:
    """What a change became: the commit, and how often it had to be done again."""

    commit: str
    retries: int


class NoBranch(GitFailed):
    """A branch that a repository lacks, or a name that no branch can have."""


def git(folder: Path, *arguments: str, text: str | None = None) -> str:
    """Return a git command's output, run with the settings of docs/adr/0089; `text` is its input.

    Raises GitFailed.
    """
    _refuse_old()
    theirs = git_settings.environment(os.environ, configuration=True)
    content = _kept(folder, tuple(sorted(theirs.items())))
    fixed = [part for setting in git_settings.FIXED for part in ("-c", setting)]
    with tempfile.NamedTemporaryFile("w", prefix="bus-git-", encoding="utf-8", errors="surrogateescape") as file:
        file.write(content)
        file.flush()
        own = {"GIT_CONFIG_GLOBAL": file.name, "GIT_CONFIG_NOSYSTEM": "1"}
        environment = git_settings.environment(os.environ, configuration=False) | own
        return _run(folder, environment, *fixed, *arguments, text=text)


def in_checkout(folder: Path, *arguments: str) -> str:
    """Return the output of a git command that only reads the user's own checkout, with the user's own settings.

    Raises GitFailed.
    """
    return _run(folder, git_settings.environment(os.environ, configuration=True), *arguments)


def _run(folder: Path, environment: Mapping[str, str], *arguments: str, text: str | None = None) -> str:
    if not shutil.which("git"):
        raise GitFailed("git is not on PATH; install it")
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=environment,
        input=text,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )
    if done.returncode:
        answer = f"{done.stdout}\n{done.stderr}".strip().encode(errors="replace").decode()
        said = _PASSWORD.sub(r"\1", answer)
        verb = next((part for part in arguments if not part.startswith("-") and "=" not in part), "")
        raise GitFailed(f"git {verb} failed: {said}")
    return done.stdout


@lru_cache(16)
def _kept(folder: Path, environment: tuple[tuple[str, str], ...]) -> str:
    """Return the file of settings that stay the user's, in `folder`: some hold for certain remotes only.

    Read once for each folder, as a change runs a dozen commands in one.
    """
    answer = _run(folder, dict(environment), "config", "--list", "--null", "--show-scope")
    return git_settings.as_file(git_settings.kept(git_settings.parse(answer)))


@cache
def _refuse_old() -> None:
    """Raise GitFailed for a git that cannot be run with known settings."""
    found = _run(Path.cwd(), git_settings.environment(os.environ, configuration=True), "--version").strip()
    version = git_settings.version_of(found)
    if version and version < git_settings.OLDEST:
        oldest = ".".join(map(str, git_settings.OLDEST))
        raise GitFailed(f"{found} is too old; allowed: {oldest} or newer, which can be run with settings of its own")


def clone(url: str, branch: str, folder: Path, *, depth: int | None = 1) -> None:
    """Make a new clone of one branch in `folder`, byte for byte; `depth` None has its whole history and all tags.

    Raises GitFailed, and NoBranch where the repository has no such branch: a tag of that name is none.
    """
    if fault := git_names.fault_of("branch", branch):
        raise NoBranch(fault)
    shallow = ["--depth", str(depth), "--no-tags", "--single-branch"] if depth else []
    alone = ("--origin", _ORIGIN, "--template=", "--no-checkout")
    source = _absolute(url)
    try:
        git(folder.parent, "clone", "--quiet", *alone, *shallow, "--branch", branch, "--", source, str(folder))
    except GitFailed as error:
        if "Remote branch" not in str(error):
            raise
        raise NoBranch(f"{_shown(url)} has no branch {branch}; {_branches(folder.parent, source)}") from None
    if _checked_out(folder) != branch:  # git clones a tag as well
        why = f"{branch} is a tag of {_shown(url)} and no branch, so that a change of it would be deployed by nobody"
        raise NoBranch(f"{why}; {_branches(folder.parent, source)}")
    attributes = folder / ".git/info/attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text(_BYTE_FOR_BYTE)
    git(folder, "reset", "--quiet", "--hard")


def change(
    url: str, branch: str, edit: Callable[[Path], str | None], *, tag: str = "", seconds: float = 300
) -> Pushed | None:
    """Commits and pushes what `edit` does to a fresh checkout of `branch`, with `tag` on the commit where one is given.

    `edit` changes files and returns the commit's message, or None for nothing to do, which is what None means here
    too. Where another push came first it is called again on the new state: nothing is merged, the change is made anew.
    Raises GitFailed, and whatever `edit` raises, with nothing pushed.
    """
    if tag and (fault := git_names.fault_of("tag", tag)):
        raise GitFailed(fault)
    wait = wait_random_exponential(multiplier=0.1, max=4)
    lost = retry_if_exception_type(_LostRace)
    with tempfile.TemporaryDirectory(prefix="bus-git-") as work:
        folder = Path(work) / "checkout"
        clone(url, branch, folder)
        if tag:
            _refuse_branch(folder, tag)
        for attempt in Retrying(retry=lost, wait=wait, stop=stop_after_delay(seconds), reraise=True):
            with attempt:
                number = attempt.retry_state.attempt_number
                if number > 1:
                    git(folder, "fetch", "--quiet", "--depth", "1", "--no-tags", _ORIGIN, f"refs/heads/{branch}")
                    git(folder, "reset", "--quiet", "--hard", "FETCH_HEAD")
                message = edit(folder)
                if message is None:
                    return None
                commit = _commit(folder, message, tag)
                _push(folder, branch, tag)
                return Pushed(commit, number - 1)
    raise AssertionError("tenacity ends with a result or an error")


def here(folder: Path) -> tuple[str, str]:
    """Return the deployment repository's URL and the current branch of the checkout at `folder`; raises GitFailed.

    The URL is as the checkout has it, which git itself rewrites by `url.*.insteadOf` when it is used.
    """
    branch = os.environ.get("CI_COMMIT_BRANCH") or in_checkout(folder, "branch", "--show-current").strip()
    settings = git_settings.parse(in_checkout(folder, "config", "--list", "--null", "--show-scope"))
    urls = git_settings.remotes(settings)
    name = git_settings.remote_of(branch, settings)
    if not name:
        which = f"has the remotes {', '.join(sorted(urls))}, none of which is origin" if urls else "has no remote"
        raise GitFailed(f"the checkout {folder} {which}; give the URL of the deployment repository: --repo URL")
    top = Path(in_checkout(folder, "rev-parse", "--show-toplevel").strip())
    return str((top / urls[name]).resolve()) if (top / urls[name]).exists() else urls[name], branch


def head(folder: Path) -> str:
    """Return the commit of the user's own checkout; empty where there is none, or no git."""
    return _or_nothing(folder, "rev-parse", "HEAD")


def described(folder: Path) -> str:
    """Return the commit of the user's own checkout, shortened, with `-dirty` where files differ; empty without one."""
    return _or_nothing(folder, "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*")


def _or_nothing(folder: Path, *arguments: str) -> str:
    try:
        return in_checkout(folder, *arguments).strip()
    except GitFailed:
        return ""


def _absolute(url: str) -> str:
    """A local path as the clone's own folder sees it; every other URL as it is."""
    return str(Path(url).resolve()) if Path(url).exists() else url


def _shown(url: str) -> str:
    return _PASSWORD.sub(r"\1", url)


def _checked_out(folder: Path) -> str:
    """Return the branch of a clone; empty where it is of a tag."""
    return git(folder, "branch", "--show-current").strip()


def _branches(folder: Path, source: str) -> str:
    """Return the remedy for a branch that is missing: those that the repository has."""
    lines = git(folder, "ls-remote", "--heads", "--", source).splitlines()
    names = [line.partition("refs/heads/")[2] for line in lines]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"give one of its branches: {', '.join(names[:_SHOWN]) or 'it has none'}{more}"


def _refuse_branch(folder: Path, tag: str) -> None:
    """Raise GitFailed for a tag that a branch has the name of: whoever asks for that name gets one of the two."""
    full = f"refs/heads/{tag}"
    if any(line.endswith(f"\t{full}") for line in git(folder, "ls-remote", _ORIGIN, full).splitlines()):
        raise GitFailed(f"--tag {tag}: the repository has a branch of that name; choose another name for the tag")


def _commit(folder: Path, message: str, tag: str) -> str:
    try:
        git(folder, "var", "GIT_AUTHOR_IDENT")
        git(folder, "var", "GIT_COMMITTER_IDENT")
        identity: tuple[str, ...] = ()
    except GitFailed:
        identity = _IDENTITY
    git(folder, "add", "--all")
    try:
        # By its input: in the language of the machine an argument may have no é.
        git(folder, *identity, "commit", "--quiet", "--no-verify", "--file=-", text=message)
        if tag:
            git(folder, *identity, "tag", "--annotate", "--force", "--file=-", "--", tag, text=message)
    except GitFailed as error:
        if not _FAILED_TO_SIGN.search(str(error)):
            raise
        remedy = "have it sign without a question, or run with GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=commit.gpgSign"
        raise GitFailed(
            f"{error}; git is set to sign (commit.gpgSign, tag.gpgSign): {remedy} GIT_CONFIG_VALUE_0=false"
        ) from None
    return git(folder, "rev-parse", "HEAD").strip()


def _push(folder: Path, branch: str, tag: str) -> None:
    """Branch and tag together or neither; raises _LostRace where the branch has moved."""
    before = git(folder, "rev-parse", "HEAD~1").strip()
    refs = [f"HEAD:refs/heads/{branch}", *([f"refs/tags/{tag}:refs/tags/{tag}"] if tag else [])]
    try:
        git(folder, "push", "--atomic", "--porcelain", _ORIGIN, *refs)
    except GitFailed as error:
        tip = git(folder, "ls-remote", _ORIGIN, f"refs/heads/{branch}").split("\t")[0]
        busy = _BUSY.search(str(error)) and "hook declined" not in str(error)
        if tip != before or busy:
            raise _LostRace(f"{branch}: {error}") from None
        raise
