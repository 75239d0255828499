"""`bus promote` against a real registry and repository: one commit of exactly what was tested, and back again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from bus.cli.app import app
from bus.cli.engine import StackError
from bus.cli.promote import NotPromoted
from bus.git import GitFailed
from bus.images.promotion.deployed import NotDeployed
from tests.support.registry import Maker, Running, registry
from tests.support.repository import ENV, Repository, hostile, run

pytestmark = pytest.mark.servers
BRICKS = ("a", "b", "c")
FILE = "# of {0}\nimage:\n  repository: dkr.isi.nc\n  name: isi/{0}\n  tag: '1'  # kept\ntopics: []\n"
STACK = "config:\n  bus:customer: hickson\n"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with registry(tmp_path_factory.mktemp("registry")) as running:
        client = running.client()
        maker = Maker(client)
        for brick in BRICKS:
            for tag in ("1", "2", "3"):
                maker.image(f"isi/{brick}", tag, [maker.blob(f"isi/{brick}", 1000, brick + tag)])
        client.close()
        yield running


class Environments:
    """Branches recette and prod, and what recette's stack says of itself."""

    def __init__(self, images: Running, repository: Repository, folder: Path) -> None:
        self.images, self.repository, self._folder = images, repository, folder
        self._client = images.client()

    def pinned(self, brick: str, tag: str) -> str:
        return f"dkr.isi.nc/isi/{brick}:{tag}@{self._client.digest(f'isi/{brick}', tag)}"

    def runs(self, **tags: str) -> dict[str, Any]:
        """The outputs of a stack that runs these tags."""
        return {"pins": {"central": {brick: self.pinned(brick, tag) for brick, tag in tags.items()}}}

    def bus(self, *arguments: str) -> str:
        fixed = ["--repo", str(self.repository.url), "--mirror", self.images.host, "--insecure"]
        result = CliRunner().invoke(app, [*arguments, *fixed], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    def promote(self, outputs: dict[str, Any], *arguments: str, result: str = "succeeded") -> str:
        entry = {"kind": "update", "result": result, "endTime": "then", "environment": {"git.head": "c0ffee"}}
        file = self._folder / "deployed.json"
        file.write_text(json.dumps({"history": [entry], "outputs": outputs}))
        return self.bus("promote", "recette", "prod", "--deployed", str(file), *arguments)

    def prod(self, brick: str) -> dict[str, str]:
        image: dict[str, str] = yaml.safe_load(self.repository.text(f"values/{brick}.yml", "prod"))["image"]
        return image

    def head(self, branch: str) -> str:
        return run(self.repository.url, "rev-parse", branch).strip()


@pytest.fixture
def environments(images: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environments:
    for key, value in ENV.items():
        monkeypatch.setenv(key, value)
    files = {f"values/{brick}.yml": FILE.format(brick) for brick in BRICKS} | {"Pulumi.prod.yaml": STACK}
    return Environments(images, Repository.create(tmp_path, files, ("recette", "prod")), tmp_path)


def test_exactly_what_runs_is_moved_in_one_commit_with_its_tag(environments: Environments) -> None:
    said = environments.promote(environments.runs(a="2", b="1", c="3"), "--tag", "prod.v5")
    digest = environments.pinned("a", "2").split("@")[1]
    expected = FILE.format("a").replace("tag: '1'  # kept", f"tag: '2'  # kept\n  digest: {digest}")
    assert environments.repository.text("values/a.yml", "prod") == expected
    assert [environments.prod(brick)["tag"] for brick in BRICKS] == ["2", "1", "3"]
    assert environments.repository.messages("prod") == ["promote recette to prod: 3 of 3 images", "first"]
    assert environments.repository.messages("recette") == ["first"], "FROM is only read"
    assert run(environments.repository.url, "rev-parse", "prod.v5^{commit}").strip() == environments.head("prod")
    assert "each image that moved is in its registry" in said and "tagged prod.v5" in said
    body = run(environments.repository.url, "log", "-1", "--format=%b", "prod")
    assert "c: 1 (no digest) -> 3 (" in body and "recette was deployed from c0ffee" in body


def test_settings_of_the_user_change_nothing(
    environments: Environments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(hostile(tmp_path)))
    environments.promote(environments.runs(a="2", b="1", c="3"), "--tag", "prod.v5")
    assert [environments.prod(brick)["tag"] for brick in BRICKS] == ["2", "1", "3"]
    assert environments.repository.messages("prod") == ["promote recette to prod: 3 of 3 images", "first"]
    assert environments.repository.tags() == ["prod.v5"]
    environments.bus("promote", "prod", "--rollback", "--to", "prod.v5", "--dry-run")


def test_a_target_is_a_branch_and_its_tag_is_none(environments: Environments) -> None:
    with pytest.raises(GitFailed, match="has a branch of that name"):
        environments.promote(environments.runs(a="2"), "--tag", "recette")
    run(environments.repository.url, "tag", "prod.v1", "prod")
    run(environments.repository.url, "branch", "--delete", "--force", "prod")
    with pytest.raises(GitFailed, match="has no branch prod; give one of its branches: recette"):
        environments.promote(environments.runs(a="2"))


def test_promoted_twice_is_pushed_once(environments: Environments) -> None:
    environments.promote(environments.runs(a="2"))
    assert "nothing was pushed" in environments.promote(environments.runs(a="2"))
    assert len(environments.repository.messages("prod")) == 2


def test_a_tag_that_is_taken_stops_the_whole_promotion(environments: Environments) -> None:
    environments.promote(environments.runs(a="2"), "--tag", "prod.v5")
    before = environments.head("prod")
    with pytest.raises(GitFailed, match="already exists"):
        environments.promote(environments.runs(a="3"), "--tag", "prod.v5")
    assert environments.head("prod") == before, "branch and tag go together or not at all"


def test_a_hotfix_is_kept_until_it_is_told_or_has_arrived(environments: Environments) -> None:
    environments.bus("set-image", "a", "2", "--target-branch", "prod", "--hotfix", "till #7 is tested")
    said = environments.promote(environments.runs(a="1", b="2"))
    assert "hotfix kept: till #7 is tested" in said
    assert (environments.prod("a")["tag"], environments.prod("b")["tag"]) == ("2", "2")
    assert environments.prod("a")["hotfix"] == "till #7 is tested"
    environments.promote(environments.runs(a="3", b="2"), "--replace-hotfix", "a")
    assert environments.prod("a")["tag"] == "3" and "hotfix" not in environments.prod("a")
    environments.bus("set-image", "a", "2", "--target-branch", "prod", "--hotfix", "again")
    environments.promote(environments.runs(a="2", b="2"))
    assert environments.prod("a")["tag"] == "2" and "hotfix" not in environments.prod("a"), "the fix has arrived"


def test_a_dry_run_shows_and_pushes_nothing(environments: Environments) -> None:
    said = environments.promote(environments.runs(a="2"), "--dry-run")
    assert "dry run" in said and "moves" in said
    assert environments.repository.messages("prod") == ["first"]


def test_a_deployment_that_failed_was_not_tested(environments: Environments) -> None:
    with pytest.raises(NotDeployed, match="the last deployment of recette failed"):
        environments.promote(environments.runs(a="2"), result="failed")
    assert environments.repository.messages("prod") == ["first"]


@pytest.mark.parametrize(
    ("text", "said"), [(None, "cannot be read"), ("{", "cannot be read"), ('{"history": []}', "a map `outputs`")]
)
def test_a_file_that_tells_nothing_is_refused(
    environments: Environments, tmp_path: Path, text: str | None, said: str
) -> None:
    if text:
        (tmp_path / "told.json").write_text(text)
    with pytest.raises(StackError, match=said):
        environments.bus("promote", "recette", "prod", "--deployed", str(tmp_path / "told.json"))
    assert environments.repository.messages("prod") == ["first"]


def test_an_image_that_is_gone_stops_all_of_it_and_every_problem_is_said(environments: Environments) -> None:
    outputs = environments.runs(a="2", b="2")
    outputs["pins"]["central"]["b"] = f"dkr.isi.nc/isi/b:2@sha256:{'0' * 64}"
    outputs["pins"]["central"]["c"] = "dkr.isi.nc/isi/c:2"
    with pytest.raises(NotPromoted, match="2 problem") as refused:
        environments.promote(outputs)
    assert "b: dkr.isi.nc/isi/b@sha256:0000" in str(refused.value) and "not in its registry" in str(refused.value)
    assert "c: recette runs dkr.isi.nc/isi/c:2 by a tag alone" in str(refused.value)
    assert environments.repository.messages("prod") == ["first"]


def test_a_push_in_between_is_kept_and_the_promotion_is_made_on_top(
    environments: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bus import git

    pushing, bumped = git._push, list[bool]()

    def late(*arguments: Any) -> None:
        if not bumped:
            bumped.append(True)
            environments.bus("set-image", "c", "3", "--target-branch", "prod")
        pushing(*arguments)

    monkeypatch.setattr(git, "_push", late)
    environments.promote(environments.runs(a="2"))
    assert (environments.prod("a")["tag"], environments.prod("c")["tag"]) == ("2", "3")
    assert environments.repository.messages("prod")[0] == "promote recette to prod: 1 of 3 images"


def test_going_back_to_a_tag_and_to_the_deployment_before(environments: Environments, tmp_path: Path) -> None:
    environments.promote(environments.runs(a="2", b="2", c="2"), "--tag", "prod.v1")
    first = environments.head("prod")
    environments.promote(environments.runs(a="3", b="3", c="2"), "--tag", "prod.v2")
    second = environments.head("prod")
    environments.bus("promote", "prod", "--rollback", "--to", "prod.v1", "--tag", "prod.v3")
    assert [environments.prod(brick)["tag"] for brick in BRICKS] == ["2", "2", "2"]
    assert environments.repository.messages("prod")[0] == "rollback prod to prod.v1: 2 of 3 images"
    assert environments.repository.tags() == ["prod.v1", "prod.v2", "prod.v3"]
    environments.promote(environments.runs(a="3", b="3", c="2"))
    history = [
        {"kind": "update", "result": result, "environment": {"git.head": commit}}
        for result, commit in (("failed", environments.head("prod")), ("succeeded", second), ("succeeded", first))
    ]
    (tmp_path / "prod.json").write_text(json.dumps({"history": history, "outputs": {}}))
    said = environments.bus("promote", "prod", "--rollback", "--deployed", str(tmp_path / "prod.json"))
    assert "already" in said, "the commit before the failed one has these very images"
    history[0]["result"] = "succeeded"
    (tmp_path / "prod.json").write_text(json.dumps({"history": [history[1], history[2]], "outputs": {}}))
    environments.bus("promote", "prod", "--rollback", "--deployed", str(tmp_path / "prod.json"))
    assert [environments.prod(brick)["tag"] for brick in BRICKS] == ["2", "2", "2"]


def test_a_stack_file_that_has_the_last_word_is_named(environments: Environments, tmp_path: Path) -> None:
    work = tmp_path / "work"
    run(tmp_path, "clone", "--quiet", "--branch", "prod", str(environments.repository.url), str(work))
    (work / "Pulumi.prod.yaml").write_text(STACK + "  bus:values:\n    a: {image: {tag: '1'}}\n")
    run(work, "commit", "--quiet", "-am", "pin")
    run(work, "push", "--quiet", "origin", "prod")
    with pytest.raises(NotPromoted, match=r"a: Pulumi.prod.yaml: bus:values.a.image has the last word"):
        environments.promote(environments.runs(a="2"))
