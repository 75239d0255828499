"""`bus topics import` against a real broker: what it writes is what a preview shows no change of."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from bus.cli import stack as stacks
from bus.cli.app import app
from bus.cluster.access import Cluster
from bus.config import settings
from bus.plan import build
from bus.topics.admin import Admin
from bus.topics.plan import Topic, from_props, plan
from tests.support import kafka as brokers
from tests.support.stacks import load_stack
from tests.support.topic_sets import emptied, eventually

pytestmark = pytest.mark.servers
ROOT = Path(__file__).parents[3]
BRICK = "cineges-db2-jobs"


@pytest.fixture(scope="module")
def kafka() -> Iterator[brokers.Cluster]:
    with brokers.cluster(1) as running:
        yield running


@pytest.fixture
def project(kafka: brokers.Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project whose central site has the broker of this test; pulumi's part is its config."""
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    shutil.copytree(ROOT / "values", tmp_path / "values")
    monkeypatch.chdir(ROOT)
    loaded = load_stack("local")
    content = loaded.stack_file.model_dump(by_alias=True, exclude_defaults=True, mode="json")
    content["sites"]["central"]["kafka"] = {"bootstrapServers": kafka.bootstrap}
    secrets = {f"bus:{key}": "secret" for keys in loaded.secret_keys.values() for key in keys.values()}
    config = {f"bus:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in content.items()}
    monkeypatch.setattr(stacks, "read_config", lambda *_: ({**config, **secrets}, set(secrets)))
    # The broker is named, so no cluster is asked for it; that of the stack may not run while these tests do.
    monkeypatch.setattr(stacks.Stack, "reached", lambda _, *sites: {site: Cluster(namespace=site) for site in sites})
    (tmp_path / "Pulumi.yaml").touch()
    monkeypatch.chdir(tmp_path)
    emptied(kafka)
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["topics", "import", BRICK, "--stack", "local", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def wanted() -> dict[str, Topic]:
    """The topics of central as a deployment would have them now."""
    config, encrypted = stacks.read_config(Path.cwd(), "local")
    site = build.plan(Path.cwd(), settings.load("local", config, encrypted)).sites["central"]
    return from_props(site.topics)


def test_what_is_imported_is_no_change(kafka: brokers.Cluster, project: Path) -> None:
    admin = Admin(kafka.bootstrap)
    made = {
        "old.plain": Topic("old.plain", 3, 1),
        "old.compacted": Topic(
            "old.compacted", 1, 1, {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.2"}
        ),
        "old.mixed": Topic("old.mixed", 2, 1, {"retention.ms": "-1", "preallocate": "true"}),
        "heartbeats": Topic("heartbeats", 1, 1),
        "cineges.film.data": Topic("cineges.film.data", 3, 1),
    }
    admin.create(list(made.values()))
    before = (project / f"values/{BRICK}.yml").read_text()
    said = run()
    assert f"values/{BRICK}.yml: 3 topic(s) of central added: old.compacted, old.mixed, old.plain" in said
    assert "left out, made by Kafka, MirrorMaker or Kafka Connect for themselves: heartbeats\n" in said
    declared = wanted()
    for name in ("old.plain", "old.compacted", "old.mixed"):
        assert plan(admin.read([name])[name], declared[name], 1).is_nothing
    after = (project / f"values/{BRICK}.yml").read_text()
    assert all(line in after for line in before.splitlines() if line.startswith("#")), "comments stay"
    assert "0 topic(s) of central added" in run(), "a second import finds nothing"
    assert (project / f"values/{BRICK}.yml").read_text() == after


def test_only_what_matches_is_imported(kafka: brokers.Cluster, project: Path) -> None:
    admin, names = Admin(kafka.bootstrap), ("a.one", "b.two", "films.internal")
    admin.create([Topic(name, 1, 1) for name in names])
    assert eventually(lambda: set(names) <= set(admin.names()))
    assert "films.internal; for one of a brick, name it in full: --match films.internal" in run("--match", "f*")
    assert "1 topic(s) of central added: films.internal" in run("--match", "films.internal")
    before: list[dict[str, Any]] = yaml.safe_load((project / f"values/{BRICK}.yml").read_text())["topics"]
    run("--match", "a.*")
    entries: list[dict[str, Any]] = yaml.safe_load((project / f"values/{BRICK}.yml").read_text())["topics"]
    assert entries[: len(before)] == before
    (imported,) = entries[len(before) :]
    assert (imported["name"], imported["sites"]) == ("a.one", ["central"])


def test_an_unknown_brick_is_said(project: Path) -> None:
    result = CliRunner().invoke(app, ["topics", "import", "nobody", "--stack", "local"])
    assert "values/nobody.yml is not here; bricks:" in str(result.exception)
