"""One change to one branch of a git repository: cloned, committed, pushed, and done again when somebody was faster."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from bus.errors import Mendable

# Who signs where git has no name of its own, as in a fresh CI container.
_IDENTITY = ("-c", "user.name=bus", "-c", "user.email=bus@localhost")
# What a server says of two pushes at the same moment, besides the ordinary "fetch first".
_BUSY = re.compile(
    r"cannot lock ref|failed to update ref|incorrect old value|\.lock': File exists|fetch first|stale info"
)
# Where git, run from a hook or by `git rebase --exec`, would find another repository than that of the folder.
_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")
_PASSWORD = re.compile(r"(://)[^/@\s]+@")


class GitFailed(Mendable):
    """A git command that failed for good; the message is git's own, without passwords."""


class _LostRace(GitFailed):
    """Another push was faster."""


@dataclass(frozen=True)
class Pushed:
    """What a change became: the commit, and how often it had to be done again."""

    commit: str
    retries: int


def git(folder: Path, *arguments: str) -> str:
    """A git command's output; raises GitFailed."""
    # The C locale, because answers of `push` are read; and never a question that nobody answers.
    env = {key: value for key, value in os.environ.items() if key not in _ELSEWHERE}
    env |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    if not shutil.which("git"):
        raise GitFailed("git is not on PATH; install it")
    done = subprocess.run(["git", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        said = _PASSWORD.sub(r"\1", f"{done.stdout}\n{done.stderr}".strip())
        verb = next((part for part in arguments if not part.startswith("-") and "=" not in part), "")
        raise GitFailed(f"git {verb} failed: {said}")
    return done.stdout


def clone(url: str, branch: str, folder: Path, *, depth: int | None = 1) -> None:
    """A new clone of one branch in `folder`, byte for byte; `depth` None has its whole history and all tags."""
    shallow = ["--depth", str(depth), "--no-tags", "--single-branch"] if depth else []
    source = ("--branch", branch, "--", _absolute(url), str(folder))
    git(folder.parent, "clone", "--quiet", "--no-checkout", *shallow, *source)
    # The last word over .gitattributes and core.autocrlf: line ends that they would change are no part of a change.
    attributes = folder / ".git/info/attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("* -text\n")
    git(folder, "reset", "--quiet", "--hard")


def change(
    url: str, branch: str, edit: Callable[[Path], str | None], *, tag: str = "", seconds: float = 300
) -> Pushed | None:
    """Commits and pushes what `edit` does to a fresh checkout of `branch`, with `tag` on the commit where one is given.

    `edit` changes files and returns the commit's message, or None for nothing to do, which is what None means here
    too. Where another push came first it is called again on the new state: nothing is merged, the change is made anew.
    Raises GitFailed, and whatever `edit` raises, with nothing pushed.
    """
    wait = wait_random_exponential(multiplier=0.1, max=4)
    lost = retry_if_exception_type(_LostRace)
    with tempfile.TemporaryDirectory(prefix="bus-git-") as work:
        folder = Path(work) / "checkout"
        clone(url, branch, folder)
        for attempt in Retrying(retry=lost, wait=wait, stop=stop_after_delay(seconds), reraise=True):
            with attempt:
                number = attempt.retry_state.attempt_number
                if number > 1:
                    git(folder, "fetch", "--quiet", "--depth", "1", "origin", branch)
                    git(folder, "reset", "--quiet", "--hard", "FETCH_HEAD")
                message = edit(folder)
                if message is None:
                    return None
                commit = _commit(folder, message, tag)
                _push(folder, branch, tag)
                return Pushed(commit, number - 1)
    raise AssertionError("tenacity ends with a result or an error")


def here(folder: Path) -> tuple[str, str]:
    """URL of `origin` and the current branch of the checkout at `folder`; raises GitFailed."""
    branch = os.environ.get("CI_COMMIT_BRANCH") or git(folder, "branch", "--show-current").strip()
    return git(folder, "remote", "get-url", "origin").strip(), branch


def _absolute(url: str) -> str:
    """A local path as the clone's own folder sees it; every other URL as it is."""
    return str(Path(url).resolve()) if Path(url).exists() else url


def _commit(folder: Path, message: str, tag: str) -> str:
    try:
        git(folder, "var", "GIT_AUTHOR_IDENT")
        identity: tuple[str, ...] = ()
    except GitFailed:
        identity = _IDENTITY
    git(folder, "add", "--all")
    git(folder, *identity, "commit", "--quiet", "--no-verify", "-m", message)
    if tag:
        git(folder, *identity, "tag", "--annotate", "--force", "-m", message, tag)
    return git(folder, "rev-parse", "HEAD").strip()


def _push(folder: Path, branch: str, tag: str) -> None:
    """Branch and tag together or neither; raises _LostRace where the branch has moved."""
    before = git(folder, "rev-parse", "HEAD~1").strip()
    refs = [f"HEAD:refs/heads/{branch}", *([f"refs/tags/{tag}"] if tag else [])]
    try:
        git(folder, "push", "--atomic", "--porcelain", "origin", *refs)
    except GitFailed as error:
        tip = git(folder, "ls-remote", "origin", f"refs/heads/{branch}").split("\t")[0]
        busy = _BUSY.search(str(error)) and "hook declined" not in str(error)
        if tip != before or busy:
            raise _LostRace(f"{branch}: {error}") from None
        raise
