"""The real engine killed at any moment: one `pulumi up` later all is deployed and ready, nothing cleaned by hand.

BUS_KILLS is how many moments of each kind are tried: 2 by default, 14 for the whole matrix (about 10 minutes).
"""

import json
import os
import time
import uuid
from pathlib import Path

import pytest

from tests.servers.engine import Engine, moments
from tests.servers.kwok import Kwok

pytestmark = pytest.mark.servers
KILLS = int(os.environ.get("BUS_KILLS", "2"))


@pytest.fixture
def engine(kwok: Kwok, tmp_path: Path) -> Engine:
    made = Engine(kwok, tmp_path, f"kills-{uuid.uuid4().hex[:8]}")
    made.prepare()
    return made


def is_deployed(engine: Engine, text: str) -> None:
    (release,) = json.loads(engine.status())
    assert release["status"] == "deployed"
    assert text in {one["data"].get("text") for one in engine.kwok.objects("configmaps", engine.namespace)}
    sets = engine.kwok.objects("deployments,statefulsets", engine.namespace)
    assert [one["status"].get("readyReplicas") for one in sets] == [1, 1]


def test_a_killed_run_is_gone_on_from_by_the_next(engine: Engine) -> None:
    """Upgrades, removals and first installs, each killed at moments of its whole length, ready and never-ready pods."""
    begun = time.monotonic()
    engine.up()
    whole = time.monotonic() - begun
    is_deployed(engine, "one")
    killed, ups = [], ("up", "--yes", "--skip-preview")
    for number, moment in enumerate(moments(1, KILLS, whole)):
        never = "yes" if number % 2 else "no"
        killed.append(engine.killed(moment, *ups, TEXT=f"upgrade-{number}", NEVER=never))
        engine.up(TEXT=f"upgraded-{number}")
        is_deployed(engine, f"upgraded-{number}")
    for number, moment in enumerate(moments(2, KILLS, whole / 2)):
        killed.append(engine.killed(moment, "destroy", "--yes", "--skip-preview"))
        engine.up(TEXT=f"kept-{number}")
        is_deployed(engine, f"kept-{number}")
    for number, moment in enumerate(moments(3, KILLS, whole)):
        engine.pulumi("destroy", "--yes", "--skip-preview")
        never = "no" if number % 2 else "yes"
        killed.append(engine.killed(moment, *ups, TEXT=f"first-{number}", NEVER=never))
        engine.up(TEXT=f"installed-{number}")
        is_deployed(engine, f"installed-{number}")
    assert sum(killed) >= len(killed) / 2, "most runs ended before they were killed"
    engine.pulumi("preview", "--expect-no-changes", TEXT=f"installed-{KILLS - 1}")


def test_a_failed_upgrade_says_why_and_is_got_out_of(engine: Engine) -> None:
    engine.up()
    said = engine.pulumi("up", "--yes", "--skip-preview", check=False, TEXT="bad", NEVER="yes", SECONDS_TO_WAIT="8")
    assert f"release r in {engine.namespace}: 1 of its objects are not ready, and why:" in said
    assert "no node takes it: 0/1 nodes are available" in said
    assert "to do: mend its node selector" in said
    assert "event: FailedScheduling" in said
    assert "errored" in said
    mended = engine.up(TEXT="good")
    assert "is failed-upgrade" in mended
    assert "pod r-statefulset-0" in mended
    is_deployed(engine, "good")
    assert "5 unchanged" in engine.up(TEXT="good")


def test_what_was_removed_behind_its_back_shows_in_preview_and_is_deployed_again(engine: Engine) -> None:
    engine.up()
    engine.kwok.command("helm", "uninstall", "r", "-n", engine.namespace)
    preview = engine.pulumi("preview", "--diff")
    assert "~ description" in preview
    assert json.loads(engine.status()) == []  # a preview touches nothing
    assert "is absent: its records are gone from the cluster" in engine.up()
    is_deployed(engine, "one")
    assert "5 unchanged" in engine.up()
    engine.kwok.command("helm", "uninstall", "r", "-n", engine.namespace)
    # The one message of Pulumi's that asks for a flag: docs/operating.md.
    assert "release: not found" in engine.pulumi("destroy", "--yes", "--skip-preview", check=False)
    engine.pulumi("destroy", "--yes", "--skip-preview", "--refresh")


def test_a_release_of_the_old_process_is_taken_over_with_its_pods(engine: Engine) -> None:
    old = str(engine.folder / "charts/tiny")
    engine.kwok.command("helm", "install", "r", old, "-n", engine.namespace, "--create-namespace", "--wait")
    pods = {one["metadata"]["uid"] for one in engine.kwok.objects("pods", engine.namespace)}
    claims = {one["metadata"]["uid"] for one in engine.kwok.objects("persistentvolumeclaims", engine.namespace)}
    assert "is there but not in the stack's state; its pods and volumes are kept" in engine.up(TEXT="ours")
    is_deployed(engine, "ours")
    assert pods == {one["metadata"]["uid"] for one in engine.kwok.objects("pods", engine.namespace)}
    assert claims == {one["metadata"]["uid"] for one in engine.kwok.objects("persistentvolumeclaims", engine.namespace)}
    assert "5 unchanged" in engine.up(TEXT="ours")


def test_only_the_lock_of_a_dead_run_is_broken(engine: Engine) -> None:
    assert "is not locked" in engine.unlock()
    folder = engine.folder / "state/.pulumi/locks/organization/tiny/s"
    folder.mkdir(parents=True, exist_ok=True)
    lock = {"pid": 4711, "username": "anna", "hostname": "laptop", "timestamp": "2026-11-24T22:48:52Z"}
    (folder / "anna.json").write_text(json.dumps(lock))
    with pytest.raises(AssertionError) as left:
        engine.unlock()
    assert "lock of anna@laptop, pid 4711" in str(left.value)
    assert "stays locked: ask who holds it" in str(left.value)
    assert (folder / "anna.json").exists()
    (folder / "anna.json").unlink()
    assert engine.killed(3, "up", "--yes", "--skip-preview")
    assert "is not locked" in engine.unlock()
