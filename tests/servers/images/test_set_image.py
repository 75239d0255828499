"""`bus set-image` against a real registry and a real repository: what is pushed, and what thirty at once make of it."""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bus.cli.app import app
from bus.git import GitFailed
from bus.images.promotion.pins import ImagePinError
from bus.images.registry.client import NoAnswer
from tests.support.processes import free_port
from tests.support.registry import Maker, Running, registry
from tests.support.repository import ENV, Repository, hostile, run

pytestmark = pytest.mark.servers
ROOT = Path(__file__).parents[3]
BRICKS = [f"brick-{number:02}" for number in range(28)]
FILE = """# Edited by a CI
image:
  repository: dkr.isi.nc  # the integrator's
  name: isi/{0}
  tag: 'old'
values: {{a: [1,  2]}}
"""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A registry that stands for dkr.isi.nc, with a build `new` of every brick."""
    with registry(tmp_path_factory.mktemp("registry")) as running:
        client = running.client()
        maker = Maker(client)
        for brick in BRICKS:
            maker.image(f"isi/{brick}", "new", [maker.blob(f"isi/{brick}", 1000, brick)])
        maker.image("isi/brick-00", "newer", [maker.blob("isi/brick-00", 1000, "newer")])
        client.close()
        yield running


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    for key, value in ENV.items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("CI_COMMIT_BRANCH", raising=False)
    files = {f"values/{brick}.yml": FILE.format(brick) for brick in BRICKS}
    return Repository.create(tmp_path, files, ("main", "recette"))


def set_image(images: Running, repository: Repository, *arguments: str) -> str:
    fixed = ["--repo", str(repository.url), "--mirror", images.host, "--insecure"]
    branch = [] if "--target-branch" in arguments else ["--target-branch", "main"]
    result = CliRunner().invoke(app, ["set-image", *arguments, *fixed, *branch], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def digest(images: Running, brick: str, tag: str = "new") -> str:
    client = images.client()
    try:
        return client.digest(f"isi/{brick}", tag)
    finally:
        client.close()


def test_one_block_is_changed_in_one_commit_on_one_branch(images: Running, repository: Repository) -> None:
    found = digest(images, "brick-00")
    said = set_image(images, repository, "brick-00", "new", "--target-branch", "recette")
    changed = FILE.format("brick-00").replace("tag: 'old'", f"tag: 'new'\n  digest: {found}")
    assert repository.text("values/brick-00.yml", "recette") == changed
    assert repository.messages("recette") == ["brick-00: old -> new", "first"]
    assert repository.messages("main") == ["first"]
    assert f"dkr.isi.nc/isi/brick-00:new@{found}" in said


def test_settings_of_the_user_change_nothing(
    images: Running, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(hostile(tmp_path)))
    found = digest(images, "brick-00")
    said = set_image(images, repository, "brick-00", "new")
    assert repository.text("values/brick-00.yml") == FILE.format("brick-00").replace(
        "tag: 'old'", f"tag: 'new'\n  digest: {found}"
    )
    assert repository.messages() == ["brick-00: old -> new", "first"]
    assert "no commit" in set_image(images, repository, "brick-00", "new") and found in said


def test_a_tag_is_no_target(images: Running, repository: Repository, tmp_path: Path) -> None:
    run(repository.url, "tag", "prod.v1", "main")
    with pytest.raises(GitFailed, match=r"prod\.v1 is a tag of .* and no branch, .* branches: main, recette"):
        set_image(images, repository, "brick-00", "new", "--target-branch", "prod.v1")
    assert run(repository.url, "for-each-ref", "--format=%(refname)", "refs/heads").split() == [
        "refs/heads/main",
        "refs/heads/recette",
    ]


def test_the_same_tag_again_makes_no_commit(images: Running, repository: Repository) -> None:
    set_image(images, repository, "brick-00", "new")
    assert "no commit" in set_image(images, repository, "brick-00", "new")
    assert repository.messages() == ["brick-00: old -> new", "first"]


def test_a_tag_that_was_pushed_again_is_a_new_digest(images: Running, repository: Repository) -> None:
    client = images.client()
    maker = Maker(client)
    maker.image("isi/brick-01", "moving", [maker.blob("isi/brick-01", 100, "one")])
    first = digest(images, "brick-01", "moving")
    set_image(images, repository, "brick-01", "moving")
    maker.image("isi/brick-01", "moving", [maker.blob("isi/brick-01", 100, "two")])
    client.close()
    set_image(images, repository, "brick-01", "moving")
    assert first not in repository.text("values/brick-01.yml")
    assert digest(images, "brick-01", "moving") in repository.text("values/brick-01.yml")
    assert repository.messages()[0].startswith("brick-01: moving ")
    with pytest.raises(ImagePinError, match="the tag was pushed again"):
        set_image(images, repository, "brick-01", f"moving@{first}")


def test_without_digest_the_tag_alone_stands(images: Running, repository: Repository) -> None:
    set_image(images, repository, "brick-00", "new")
    set_image(images, repository, "brick-00", "newer", "--no-digest", "--hotfix", "till #7 is in recette")
    image = yaml.safe_load(repository.text("values/brick-00.yml"))["image"]
    assert (image["tag"], image.get("digest"), image["hotfix"]) == ("newer", None, "till #7 is in recette")


@pytest.mark.parametrize(
    ("brick", "tag", "said"),
    [
        ("brick-99", "new", "values/brick-99.yml is not on this branch; bricks: brick-00, brick-01"),
        ("brick-00", "nowhere", "dkr.isi.nc/isi/brick-00:nowhere does not exist in .*; push it first"),
        ("brick-00", "a b", "'a b' is no tag"),
        ("../first", "new", "is no name of a brick"),
    ],
)
def test_what_does_not_exist_is_an_error_and_nothing_is_pushed(
    images: Running, repository: Repository, brick: str, tag: str, said: str
) -> None:
    with pytest.raises(ImagePinError, match=said):
        set_image(images, repository, brick, tag)
    assert repository.messages() == ["first"]


def test_a_registry_that_does_not_answer_is_an_error_and_nothing_is_pushed(repository: Repository) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    command = ["set-image", "brick-00", "new", "--repo", str(repository.url), "--target-branch", "main"]
    with pytest.raises(NoAnswer, match=f"{nobody} does not answer"):
        CliRunner().invoke(app, [*command, "--mirror", nobody, "--insecure"], catch_exceptions=False)
    assert repository.messages() == ["first"]


def test_a_push_that_the_server_declines_is_not_tried_for_ever(images: Running, repository: Repository) -> None:
    hook = repository.url / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(GitFailed, match="main is protected"):
        set_image(images, repository, "brick-00", "new")
    with pytest.raises(GitFailed, match="has no branch nowhere; give one of its branches: main, recette"):
        set_image(images, repository, "brick-00", "new", "--target-branch", "nowhere")


def test_thirty_at_once_lose_nothing_and_mix_nothing(images: Running, repository: Repository, tmp_path: Path) -> None:
    """Thirty processes of the real command: one brick each, and three of them on the same brick."""
    jobs = [(brick, "new") for brick in BRICKS] + [("brick-00", "newer"), ("brick-00", "newer")]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    fixed = ["--repo", str(repository.url), "--target-branch", "main", "--mirror", images.host, "--insecure"]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "bus", "set-image", brick, tag, *fixed],
            cwd=tmp_path,
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for brick, tag in jobs
    ]
    said = [process.communicate(timeout=900)[0] for process in running]
    assert [process.returncode for process in running] == [0] * 30, "\n".join(said)
    for brick in BRICKS[1:]:
        expected = FILE.format(brick).replace("tag: 'old'", f"tag: 'new'\n  digest: {digest(images, brick)}")
        assert repository.text(f"values/{brick}.yml") == expected
    last = yaml.safe_load(repository.text("values/brick-00.yml"))["image"]
    assert last["digest"] == digest(images, "brick-00", last["tag"])
    messages = repository.messages()
    assert {f"{brick}: old -> new" for brick in BRICKS[1:]} <= set(messages)
    # Two who do the same on the same commit in the same second make one commit, which both report.
    reported = {commit for line in said for commit in re.findall(r" is at ([0-9a-f]{12})", line)}
    assert {commit[:12] for commit in repository.commits()[:-1]} == reported
    assert any("lost race" in line for line in said), "nobody met anybody: this proves nothing"
