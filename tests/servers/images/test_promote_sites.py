"""Promotion and rollback judged per site: a real engine whose runs fail at one site, a git repository, a registry."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from tests.support.registry import Maker, Running, registry
from tests.support.repository import ENV, Repository, run

pytestmark = pytest.mark.servers
ROOT = Path(__file__).parents[3]
SITES = ("central", "cinecity", "kone")
FILE = "image:\n  repository: dkr.isi.nc\n  name: isi/{0}\n  tag: '1'\ntopics: []\n"
PROVIDER = """
from pulumi import ResourceOptions
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

class Provider(ResourceProvider):
    serialize_as_secret_always = False
    def create(self, props):
        return CreateResult("id", self._done(props))
    def diff(self, id, old, new):
        return DiffResult(changes=old["text"] != new["text"])
    def update(self, id, old, new):
        return UpdateResult(self._done(new))
    def _done(self, props):
        if props["fails"]:
            raise ValueError("the site does not answer")
        return dict(props)

class Release(Resource):
    def __init__(self, name, text, fails):
        super().__init__(Provider(), name, {"text": text, "fails": fails})
"""
PROGRAM = """
import json, os
import pulumi
from components import continue_on_error
from components.providers.deployments import Attempt, Deployed
from provider import Release

continue_on_error.without_traceback()
pins, away = json.loads(os.environ["PINS"]), os.environ["AWAY"].split(",")
attempt = Attempt("deployment", pins=pins)
for site, bricks in pins.items():
    release = Release(f"{site}-release", json.dumps(bricks), site in away)
    after = pulumi.ResourceOptions(depends_on=[release])
    Deployed(f"{site}-deployed", unit=site, pins=bricks, serial=attempt.serial, opts=after)
"""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with registry(tmp_path_factory.mktemp("registry")) as running:
        client = running.client()
        maker = Maker(client)
        for brick in ("a", "b"):
            for tag in ("1", "2", "3"):
                maker.image(f"isi/{brick}", tag, [maker.blob(f"isi/{brick}", 1000, brick + tag)])
        client.close()
        yield running


class Stack:
    """Stack `environment` of a project in a checkout of its branch."""

    def __init__(self, images: Running, repository: Repository, folder: Path, environment: str) -> None:
        self.images, self.repository, self.environment = images, repository, environment
        self.project = folder / environment
        run(folder, "clone", "--quiet", "--branch", environment, str(repository.url), str(self.project))
        (self.project / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
        (self.project / "provider.py").write_text(PROVIDER)
        (self.project / "__main__.py").write_text(PROGRAM)
        self.around = {
            **os.environ,
            **ENV,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{folder}/state?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHONPATH": f"{ROOT}:{self.project}",
        }
        assert self._run("pulumi", "stack", "init", environment)[0] == 0

    def deploy(self, tags: dict[str, dict[str, str]], away: Sequence[str] = ()) -> bool:
        """`pulumi up` of the branch as it stands; whether it reached all sites."""
        run(self.project, "pull", "--quiet")
        client = self.images.client()
        pins = {
            site: {
                brick: f"dkr.isi.nc/isi/{brick}:{tag}@{client.digest(f'isi/{brick}', tag)}"
                for brick, tag in bricks.items()
            }
            for site, bricks in tags.items()
        }
        client.close()
        settings = {"PINS": json.dumps(pins), "AWAY": ",".join(away)}
        up = ("pulumi", "up", "--yes", "--skip-preview", "--continue-on-error", "--stack", self.environment)
        code, said = self._run(*up, **settings)
        print(said)  # pytest shows it where a test fails
        return code == 0

    def bus(self, *arguments: str) -> tuple[int, str]:
        fixed = ("--repo", str(self.repository.url), "--mirror", self.images.host, "--insecure")
        return self._run(sys.executable, "-m", "bus", *arguments, *fixed)

    def set_image(self, brick: str, tag: str) -> None:
        code, said = self.bus("set-image", brick, tag, "--target-branch", self.environment)
        assert code == 0, said

    def tag(self, brick: str, branch: str) -> str:
        return str(yaml.safe_load(self.repository.text(f"values/{brick}.yml", branch))["image"]["tag"])

    def _run(self, *command: str, **settings: str) -> tuple[int, str]:
        env = {**self.around, **settings}
        done = subprocess.run(command, cwd=self.project, env=env, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    if "PULUMI_HOME" not in os.environ:
        raise RuntimeError("PULUMI_HOME is not set: run `make test`, or . sandbox/env.sh")
    (tmp_path / "state").mkdir()
    files = {f"values/{brick}.yml": FILE.format(brick) for brick in ("a", "b")}
    return Repository.create(tmp_path, {**files, "Pulumi.prod.yaml": "config: {}\n"}, ("recette", "prod"))


def test_a_site_that_was_away_blocks_no_promotion_and_is_named(
    images: Running, repository: Repository, tmp_path: Path
) -> None:
    recette = Stack(images, repository, tmp_path, "recette")
    assert recette.deploy({site: {"a": "1", "b": "1"} for site in SITES})
    assert not recette.deploy({site: {"a": "2", "b": "1"} for site in SITES}, away=["kone"])
    code, said = recette.bus("promote", "recette", "prod")
    assert code == 0, said
    assert (recette.tag("a", "prod"), recette.tag("b", "prod")) == ("2", "1")
    assert "note: kone is behind and does not count: it runs what was deployed at " in said
    assert not recette.deploy({site: {"a": "3", "b": "1"} for site in SITES}, away=SITES)
    code, said = recette.bus("promote", "recette", "prod")
    assert code == 1 and "reached none of its sites" in said and "Traceback" not in said


def test_a_canary_is_chosen_and_does_not_spoil_the_rest(
    images: Running, repository: Repository, tmp_path: Path
) -> None:
    recette = Stack(images, repository, tmp_path, "recette")
    assert recette.deploy({"central": {"a": "2"}, "cinecity": {"a": "2", "b": "2"}, "kone": {"a": "2", "b": "3"}})
    code, said = recette.bus("promote", "recette", "prod")
    assert code == 1 and "on cinecity; " in said and "on kone; " in said
    assert "--from-site cinecity or --from-site kone" in said and "a: " not in said
    assert re.search(r"; cinecity since 20\S+, kone since 20\S+; choose the site", said), said
    assert recette.tag("a", "prod") == "1", "all or nothing"
    code, said = recette.bus("promote", "recette", "prod", "--from-site", "cinecity")
    assert code == 0, said
    assert "note: b is taken from cinecity, which runs dkr.isi.nc/isi/b:2@sha256:" in said and ":3@" in said, said
    assert "b is taken from cinecity" in run(repository.url, "log", "-1", "--format=%b", "prod")
    assert (recette.tag("a", "prod"), recette.tag("b", "prod")) == ("2", "2")


def test_a_rollback_goes_back_one_deployment_though_each_missed_a_site(
    images: Running, repository: Repository, tmp_path: Path
) -> None:
    prod = Stack(images, repository, tmp_path, "prod")
    for tag, away in (("1", ()), ("2", ("kone",)), ("3", ("kone",))):
        if tag != "1":
            prod.set_image("a", tag)
        assert prod.deploy({site: {"a": tag, "b": "1"} for site in SITES}, away) is not bool(away)
    code, said = prod.bus("promote", "prod", "--rollback")
    assert code == 0, said
    assert (prod.tag("a", "prod"), prod.tag("b", "prod")) == ("2", "1"), "not 1, the last that reached all"
    assert not prod.deploy({site: {"a": "2", "b": "1"} for site in SITES}, away=["kone"])
    code, said = prod.bus("promote", "prod", "--rollback")
    assert code == 0 and prod.tag("a", "prod") == "3", "a second one undoes the first"


def test_a_rollback_where_sites_ran_different_things_says_what_and_how_to_choose(
    images: Running, repository: Repository, tmp_path: Path
) -> None:
    prod = Stack(images, repository, tmp_path, "prod")
    for tag, away in (("1", ()), ("2", ("kone",)), ("3", ())):
        if tag != "1":
            prod.set_image("a", tag)
        assert prod.deploy({site: {"a": tag} for site in SITES}, away) is not bool(away)
    code, said = prod.bus("promote", "prod", "--rollback")
    assert code == 1 and "--from-site central or --from-site kone, or name a tag or commit: --to REF" in said
    assert prod.bus("promote", "prod", "--rollback", "--from-site", "kone")[0] == 0
    assert prod.tag("a", "prod") == "1"
