"""A bare git repository on this machine, as a deployment repository that many push to."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Nothing of the machine's own git configuration, and a name for every commit.
ENV = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "test",
    "GIT_AUTHOR_EMAIL": "test@localhost",
    "GIT_COMMITTER_NAME": "test",
    "GIT_COMMITTER_EMAIL": "test@localhost",
}


_HOSTILE = """
[clone]
    defaultRemoteName = upstream
[core]
    autocrlf = true
    safecrlf = true
    hooksPath = {hooks}
    excludesFile = {hooks}/all
    quotePath = true
    fsmonitor = {hooks}/pre-commit
[color]
    ui = always
[push]
    default = nothing
    followTags = true
    gpgSign = true
[init]
    defaultBranch = trunk
    templateDir = {hooks}
[i18n]
    commitEncoding = ISO-8859-1
[column]
    ui = always
[tag]
    sort = nonsense
[remote "origin"]
    pushurl = /nowhere
"""


def hostile(folder: Path) -> Path:
    """A user's git configuration under which plain git would fail or push something else."""
    hooks = folder / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "commit-msg", "prepare-commit-msg", "pre-push", "post-checkout"):
        (hooks / name).write_text("#!/bin/sh\necho evil >>values/a.yml\nexit 1\n")
        (hooks / name).chmod(0o755)
    (hooks / "all").write_text("*\n")
    (folder / "gitconfig").write_text(_HOSTILE.format(hooks=hooks))
    return folder / "gitconfig"


@dataclass(frozen=True)
class Repository:
    """The bare repository at `url`."""

    url: Path

    @classmethod
    def create(cls, folder: Path, files: dict[str, str], branches: tuple[str, ...] = ("main",)) -> "Repository":
        """A repository whose branches all begin with one commit of `files`."""
        made, work = cls(folder / "deployment.git"), folder / "first"
        work.mkdir(parents=True)
        run(work, "-c", "init.defaultBranch=main", "init", "--quiet")
        for name, text in files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(text)
        run(work, "add", "--all")
        run(work, "commit", "--quiet", "-m", "first")
        run(folder, "-c", "init.defaultBranch=main", "init", "--quiet", "--bare", str(made.url))
        for branch in branches:
            run(work, "push", "--quiet", str(made.url), f"HEAD:refs/heads/{branch}")
        return made

    def text(self, file: str, ref: str = "main") -> str:
        """A file as it stands on a branch."""
        return run(self.url, "show", f"{ref}:{file}")

    def messages(self, branch: str = "main") -> list[str]:
        """Subjects of a branch's commits, newest first."""
        return run(self.url, "log", "--format=%s", branch).splitlines()

    def commits(self, branch: str = "main") -> list[str]:
        """A branch's commits, newest first."""
        return run(self.url, "log", "--format=%H", branch).splitlines()

    def tags(self) -> list[str]:
        """Every tag."""
        return run(self.url, "tag", "--list").split()


def run(folder: Path, *arguments: str) -> str:
    """A git command's output, whatever repository the variables around it lead to."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | ENV
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=env, text=True, stdout=subprocess.PIPE, check=True
    ).stdout
