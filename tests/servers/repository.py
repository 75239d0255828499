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
    """A git command's output."""
    env = {**os.environ, **ENV}
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=env, text=True, stdout=subprocess.PIPE, check=True
    ).stdout
