"""Four changes give four different notes: the real engine's preview, with topics on a real broker."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bus.notes import note
from bus.notes.diagnostics import messages
from bus.notes.steps import is_change, lines
from tests.support.kafka import Cluster, cluster
from tests.support.topic_sets import produce

pytestmark = pytest.mark.servers
ROOT = Path(__file__).parents[3]
PROGRAM = """
import json, os
import pulumi
from components.providers.connection import SiteEndpoint
from components.providers.topics import TopicSet
from components.providers.uninstall import Uninstall

given = json.loads(os.environ["GIVEN"])
TopicSet("central-topics", place=SiteEndpoint("central", "n", "", "direct"), admin_port=0,
         bootstrap_servers=os.environ["KAFKA"],
         brokers=1, topics={name: {"partitions": 1, "replicationFactor": 1, "configs": {}} for name in given["topics"]},
         elsewhere=[], confirm_delete=given["confirm"])
Uninstall("central-bricks-uninstall", release="central", chart="tiny", namespace="n", context="c",
          kubeconfig=pulumi.Output.secret(given["secret"]), timeout_seconds=given["timeout"])
"""
BASE: dict[str, Any] = {"topics": ["a.one", "a.two"], "confirm": [], "secret": "s3cret-one", "timeout": 600}


@pytest.fixture(scope="module")
def kafka() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@contextmanager
def project(folder: Path, kafka: Cluster) -> Iterator[Any]:
    """A deployed stack, and what makes a note of a change to it."""
    if "PULUMI_HOME" not in os.environ:
        raise RuntimeError("PULUMI_HOME is not set: run `make test`, or . sandbox/env.sh")
    (folder / "state").mkdir()
    (folder / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    env = {
        **{key: value for key, value in os.environ.items() if key != "BUS_CONFIG_FILE"},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PULUMI_BACKEND_URL": f"file://{folder}/state?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PYTHONPATH": f"{ROOT}:{folder}",
        "KAFKA": kafka.bootstrap,
    }

    def pulumi(*arguments: str, **changed: Any) -> str:
        done = subprocess.run(
            ["pulumi", *arguments, "--stack", "s", "--non-interactive"],
            cwd=folder,
            env={**env, "GIVEN": json.dumps({**BASE, **changed})},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def noted(**changed: Any) -> str:
        """As `bus preview --markdown` composes it, of a stack without releases."""
        document = json.loads(pulumi("preview", "--json", **changed))
        steps = [one for one in document["steps"] if is_change(one)]
        warnings, said = messages(document.get("diagnostics") or [])
        sets, others = lines(steps, ["central"], [], warnings)
        return note.markdown(note.Preview("s", "", "", ["central"], (), warnings, said, sets, others, len(steps)))

    pulumi("stack", "init")
    pulumi("up", "--yes", "--skip-preview")
    yield noted


def test_a_secret_a_timeout_a_kept_and_a_deleted_topic_differ(tmp_path: Path, kafka: Cluster) -> None:
    with project(tmp_path, kafka) as noted:
        produce(kafka, "a.two", 5)
        assert "Nothing changes." in noted()
        secret, timeout = noted(secret="s3cret-two"), noted(timeout=601)
        kept = noted(topics=["a.one"])
        deleted = noted(topics=["a.one"], confirm=["a.two"])
    assert len({secret, timeout, kept, deleted}) == 4
    assert not [one for one in (secret, timeout, kept, deleted) if "Nothing changes" in one or "s3cret" in one]
    assert "kubeconfig (hidden)" in secret
    assert "timeoutSeconds 600 -> 601" in timeout
    assert "topic a.two is kept, not deleted" in kept and "DELETED" not in kept
    assert "topic a.two is DELETED WITH ITS DATA: 5 messages" in deleted and "is kept" not in deleted
    for warned in (kept, deleted):
        assert warned.index("warning(s)") < warned.index("Topics, indices, Kafka users")
