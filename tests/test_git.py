"""Changes to a branch: what is said when git fails, and in whose name a commit is made."""

from pathlib import Path

import pytest

from bus import git
from bus.git import GitFailed
from bus.images.promotion import branch
from tests.support.repository import ENV, Repository, run


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    for key, value in ENV.items():
        monkeypatch.setenv(key, value)
    return Repository.create(tmp_path, {"a": "1"})


def write(folder: Path) -> str:
    (folder / "a").write_text("2")
    return "two"


def test_a_password_in_a_url_is_not_in_a_message(tmp_path: Path) -> None:
    with pytest.raises(GitFailed) as failed:
        git.clone("https://ci:t0ken-9@127.0.0.1:1/x.git", "main", tmp_path / "x")
    assert "127.0.0.1:1" in str(failed.value)
    assert "t0ken-9" not in str(failed.value)


def test_a_container_without_a_name_commits_as_bus(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    for who in ("AUTHOR", "COMMITTER"):
        for what in ("NAME", "EMAIL"):
            monkeypatch.delenv(f"GIT_{who}_{what}")
    # Git would make a name up from the machine's; this is how a machine without one behaves everywhere.
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.useConfigOnly")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
    pushed = git.change(str(repository.url), "main", write, tag="v1")
    assert pushed and run(repository.url, "log", "-1", "--format=%an %ae", "main").strip() == "bus bus@localhost"
    assert run(repository.url, "rev-parse", "v1^{commit}").strip() == pushed.commit


def test_nothing_to_do_and_an_error_push_nothing(repository: Repository) -> None:
    assert git.change(str(repository.url), "main", lambda folder: None) is None

    def fails(folder: Path) -> str:
        write(folder)
        raise KeyError("no such brick")

    with pytest.raises(KeyError):
        git.change(str(repository.url), "main", fails)
    assert repository.messages() == ["first"]


def test_a_relative_path_is_a_repository_too(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository.url.parent)
    assert git.change(repository.url.name, "main", write)
    assert repository.text("a") == "2"


def test_a_push_of_somebody_else_in_between_is_kept(repository: Repository, tmp_path: Path) -> None:
    seen: list[str] = []

    def edit(folder: Path) -> str:
        seen.append((folder / "a").read_text())
        if len(seen) == 1:
            git.change(str(repository.url), "main", write)
        (folder / "b").write_text("mine")
        return "mine"

    pushed = git.change(str(repository.url), "main", edit)
    assert pushed and pushed.retries == 1
    assert seen == ["1", "2"], "the change is made again on what the other one left"
    assert (repository.text("a"), repository.text("b")) == ("2", "mine")
    assert repository.messages() == ["mine", "two", "first"]


def test_git_run_from_a_hook_of_another_repository_leaves_that_one_alone(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    mine = Repository.create(tmp_path / "mine", {"a": "of mine"})
    monkeypatch.setenv("GIT_DIR", str(mine.url))  # as git itself sets it for its hooks
    assert git.change(str(repository.url), "main", write)
    monkeypatch.delenv("GIT_DIR")
    assert (repository.text("a"), mine.text("a"), mine.messages()) == ("2", "of mine", ["first"])


def test_line_ends_that_attributes_would_change_are_no_part_of_a_change(repository: Repository, tmp_path: Path) -> None:
    work = tmp_path / "work"
    run(tmp_path, "clone", "--quiet", str(repository.url), str(work))
    (work / "b").write_bytes(b"1\r\n2\n")
    run(work, "add", "--all")
    run(work, "commit", "--quiet", "-m", "b")
    (work / ".gitattributes").write_text("* text eol=crlf\n")
    run(work, "add", ".gitattributes")
    run(work, "commit", "--quiet", "-m", "attributes")
    run(work, "push", "--quiet", "origin", "main")
    assert git.change(str(repository.url), "main", write)
    assert run(repository.url, "diff", "--name-only", "main~1", "main").split() == ["a"]


def test_a_hook_that_declines_is_believed_whatever_its_words(repository: Repository) -> None:
    hook = repository.url / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'fetch first, says the board' >&2\nexit 1\n")
    hook.chmod(0o755)
    calls = []

    def edit(folder: Path) -> str:
        calls.append(folder)
        return write(folder)

    with pytest.raises(GitFailed, match="says the board"):
        git.change(str(repository.url), "main", edit, seconds=5)
    assert len(calls) == 1


def test_a_tag_that_is_not_there_is_said_with_those_that_are(repository: Repository, tmp_path: Path) -> None:
    url = str(repository.url)
    (tmp_path / "work").mkdir()
    run(tmp_path / "work", "clone", "--quiet", url, ".")
    run(tmp_path / "work", "tag", "prod.v1")
    run(tmp_path / "work", "push", "--quiet", "origin", "prod.v1")
    assert branch.read_at(url, "main", "prod.v1") == {}
    assert branch.read_at(url, "main", repository.commits()[0]) == {}
    for unknown in ("prod.v2", "0" * 40, "--all"):
        with pytest.raises(GitFailed, match=f"no tag and no commit {unknown}, .* newest tags: prod.v1$"):
            branch.read_at(url, "main", unknown)


def test_no_git_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitFailed, match="git is not on PATH"):
        git.git(tmp_path, "status")
