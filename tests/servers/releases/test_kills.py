"""The real engine killed at any moment: the same command again ends what it began, nothing cleaned by hand.

BUS_KILLS is how many random moments of each phase are tried, and above 1 all of the chosen ones: 1 by default, 14 for
the whole matrix (docs/testing.md).
"""

import json
import os
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from tests.support.engine import Engine
from tests.support.kwok import Kwok

pytestmark = pytest.mark.servers
KILLS = int(os.environ.get("BUS_KILLS", "1"))
UP, DESTROY = ("up", "--yes", "--skip-preview"), ("destroy", "--yes", "--skip-preview")
Phase = Literal["install", "upgrade", "destroy"]


@dataclass(frozen=True)
class Kill:
    """A moment of a phase at which a run is killed: where `look` first sees it, or at random."""

    phase: Phase
    name: str
    look: Callable[[Engine], bool] | None = None
    victim: str = ""
    """what of the run is killed; all of it by default"""
    never_ready: bool = False
    """whether the killed run deploys pods that do not get ready"""
    twice: bool = False
    """whether the run that is killed goes on from one that was killed before, while it waited for pods"""
    always: bool = False
    """whether it is tried in every run of the tests, and not in the whole matrix only"""
    held: bool = False
    """whether a finalizer holds the removal until the run is killed, so that its moment lasts"""


def newest(release: str, *statuses: str) -> Callable[[Engine], bool]:
    """The newest record of a release has such a status; none at all for an empty one."""
    return lambda engine: engine.newest(release) in statuses


def told(kind: str, resource: str) -> Callable[[Engine], bool]:
    """The engine has told of a step of a resource: resourcePreEvent, or resOutputsEvent once it is done."""

    def look(engine: Engine) -> bool:
        lines = engine.events.read_text().splitlines() if engine.events.exists() else []
        return any(f'"{kind}"' in line and f'::{resource}"' in line for line in lines)

    return look


def waiting(engine: Engine) -> bool:
    """Helm has made the objects, and waits for pods that do not get ready."""
    if not engine.newest("r").startswith("pending"):
        return False
    pods = engine.kwok.objects("pods", engine.namespace)
    return any(one["spec"].get("nodeSelector") for one in pods)


def writing(engine: Engine) -> bool:
    """A file beside the state's: the next state is being written, in the midst of the run."""
    if not told("resourcePreEvent", "r-release")(engine):
        return False
    ordinary, end = set(engine.stacks.iterdir()), time.monotonic() + 20
    while time.monotonic() < end:
        if set(engine.stacks.iterdir()) - ordinary:
            return True
    return False


def going(engine: Engine) -> bool:
    """The removal has come to the object that holds it."""
    if engine.newest("r") != "uninstalling":
        return False
    configs = engine.kwok.objects("configmaps", engine.namespace)
    return any(one["metadata"].get("deletionTimestamp") for one in configs)


PROVIDER, DYNAMIC = "pulumi-resource-kubernetes", "pulumi-resource-pulumi-python"
CHOSEN = [
    Kill("install", "before-helms-record", told("resourcePreEvent", "r-release")),
    Kill("destroy", "between-two-releases", newest("later", "")),
    Kill("install", "after-helms-record", newest("r", "pending-install"), always=True, never_ready=True),
    Kill("destroy", "in-the-midst-of-a-removal", going, held=True),
    Kill("install", "in-the-wait-for-pods", waiting, never_ready=True),
    Kill("destroy", "after-the-last-record", newest("r", "")),
    Kill("install", "helm-is-done-and-the-state-is-not", newest("r", "deployed")),
    Kill("destroy", "the-engine-alone", newest("r", "uninstalling"), "pulumi destroy ", always=True, held=True),
    Kill("destroy", "the-provider-alone", newest("r", "uninstalling"), DYNAMIC, held=True),
    Kill("install", "between-two-releases", told("resOutputsEvent", "r-release")),
    Kill("destroy", "the-state-is-written", writing),
    Kill("install", "the-provider-alone", waiting, PROVIDER, never_ready=True),
    Kill("destroy", "before-the-first-removal", told("resourcePreEvent", "later-uninstall")),
    Kill("upgrade", "after-helms-record", newest("r", "pending-upgrade"), never_ready=True),
    Kill("upgrade", "in-the-wait-for-pods", waiting, never_ready=True, always=True),
    Kill("upgrade", "our-hook-unlocks", newest("r", "failed"), twice=True),
    Kill("upgrade", "helm-is-done-and-the-state-is-not", newest("r", "deployed"), twice=True),
    Kill("upgrade", "the-state-is-written", writing),
    Kill("upgrade", "the-provider-alone", waiting, PROVIDER, never_ready=True),
    Kill("upgrade", "the-engine-alone", waiting, "pulumi up ", never_ready=True),
]


def matrix() -> list[Kill]:
    """Installs and removals in turn, so that each begins with what the one before has left; then upgrades."""
    turns = [Kill(phase, f"random-{n}") for n in range(KILLS) for phase in ("install", "destroy")]
    chosen = [kill for kill in CHOSEN if kill.always or KILLS > 1]
    upgrades = [Kill("upgrade", f"random-{n}", never_ready=bool(n % 2)) for n in range(KILLS)]
    return [*turns, *chosen, *upgrades]


@pytest.fixture
def engine(kwok: Kwok, tmp_path: Path) -> Iterator[Engine]:
    yield from made(kwok, tmp_path)


@pytest.fixture(scope="module")
def matrix_engine(kwok: Kwok, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One stack for all moments: what one leaves, the next begins with."""
    for engine in made(kwok, tmp_path_factory.mktemp("kills")):
        engine.up()
        engine.pulumi(*DESTROY)  # how much the engine tells of both
        yield engine


def made(kwok: Kwok, folder: Path) -> Iterator[Engine]:
    engine = Engine(kwok, folder, f"kills-{uuid.uuid4().hex[:8]}")
    engine.prepare()
    yield engine
    engine.end()


def is_deployed(engine: Engine, text: str) -> None:
    releases = {one["name"]: one["status"] for one in json.loads(engine.status())}
    assert releases == {"r": "deployed", "later": "deployed"}
    assert text in {one["data"].get("text") for one in engine.kwok.objects("configmaps", engine.namespace)}
    sets = engine.kwok.objects("deployments,statefulsets", engine.namespace)
    assert [one["status"].get("readyReplicas") for one in sets] == [1, 1, 1, 1]


def is_gone(engine: Engine) -> None:
    assert json.loads(engine.status()) == []
    assert engine.kwok.objects("deployments,statefulsets", engine.namespace) == []
    assert "resources" not in json.loads(engine.pulumi("stack", "export"))["deployment"]


@pytest.mark.parametrize("kill", matrix(), ids=lambda kill: f"{kill.phase}-{kill.name}")
def test_a_killed_run_is_ended_by_the_same_command(kill: Kill, matrix_engine: Engine) -> None:
    engine, text = matrix_engine, f"{kill.phase}-{kill.name}"
    command = DESTROY if kill.phase == "destroy" else UP
    assert any(struck(engine, kill, command) for _ in range(3)), "three runs ended before they were killed"
    said = engine.pulumi(*command, TEXT=text)
    if kill.phase == "install":  # of others Pulumi warns once, and drops them by itself
        assert "pending operations" not in said
    print(f"{kill.phase} {kill.name}: the same command took {engine.took[command[0]]:.1f} s, manual steps 0")
    engine.end()
    if kill.phase == "destroy":
        is_gone(engine)
    else:
        is_deployed(engine, text)


def test_nothing_is_left_to_change_after_them(matrix_engine: Engine) -> None:
    assert "pending operations" not in matrix_engine.up(TEXT="last")
    is_deployed(matrix_engine, "last")
    matrix_engine.pulumi("preview", "--expect-no-changes", TEXT="last")


def struck(engine: Engine, kill: Kill, command: Sequence[str]) -> bool:
    """A run of the phase, killed; False where its moment was not seen, or came after its end."""
    begin(engine, kill.phase)
    if kill.twice:
        assert engine.killed_when(lambda: waiting(engine), *UP, TEXT="before", NEVER="yes")
    settings = {"TEXT": "killed", "NEVER": "yes" if kill.never_ready else "no"}
    look = kill.look
    if look is None:
        # Of what the engine tells of a whole run, not of its seconds: those of a busy machine say nothing of the next.
        share = random.Random(f"{kill.phase}-{kill.name}").uniform(0.1, 0.9)
        enough = int(engine.told[command[0]] * share)

        def far_enough() -> bool:
            return engine.events_told() >= enough or (kill.never_ready and waiting(engine))

        return engine.killed_when(far_enough, *command, **settings)
    if not kill.held:
        return engine.killed_when(lambda: look(engine), *command, victim=kill.victim, **settings)
    with engine.held():
        return engine.killed_when(lambda: look(engine), *command, victim=kill.victim, **settings)


def begin(engine: Engine, phase: Phase) -> None:
    """Brings the stack to where a phase begins."""
    there = bool(json.loads(engine.status()))
    if there == (phase == "install"):
        engine.pulumi(*(DESTROY if there else UP))


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
    assert "9 unchanged" in engine.up(TEXT="good")


def test_what_was_removed_behind_its_back_shows_in_preview_and_is_deployed_again(engine: Engine) -> None:
    engine.up()
    engine.kwok.command("helm", "uninstall", "r", "-n", engine.namespace)
    preview = engine.pulumi("preview", "--diff")
    assert "~ description" in preview
    assert engine.newest("r") == ""  # a preview touches nothing
    assert "is absent: its records are gone from the cluster" in engine.up()
    is_deployed(engine, "one")
    assert "9 unchanged" in engine.up()
    engine.kwok.command("helm", "uninstall", "r", "-n", engine.namespace)
    assert "has no records any more: it was removed before" in engine.pulumi(*DESTROY)


def test_a_release_of_the_old_process_is_taken_over_with_its_pods(engine: Engine) -> None:
    old = str(engine.folder / "charts/tiny")
    engine.kwok.command("helm", "install", "r", old, "-n", engine.namespace, "--create-namespace", "--wait")
    pods = {one["metadata"]["uid"] for one in engine.kwok.objects("pods", engine.namespace)}
    claims = {one["metadata"]["uid"] for one in engine.kwok.objects("persistentvolumeclaims", engine.namespace)}
    assert "is there but not in the stack's state; its pods and volumes are kept" in engine.up(TEXT="ours")
    is_deployed(engine, "ours")
    # Beside those of the release that is new.
    assert pods <= {one["metadata"]["uid"] for one in engine.kwok.objects("pods", engine.namespace)}
    assert claims <= {one["metadata"]["uid"] for one in engine.kwok.objects("persistentvolumeclaims", engine.namespace)}
    assert "9 unchanged" in engine.up(TEXT="ours")


def test_only_the_lock_of_a_dead_run_is_broken(engine: Engine) -> None:
    assert "is not locked" in engine.unlock()
    folder = engine.folder / "state/.pulumi/locks/organization/tiny/s"
    folder.mkdir(parents=True, exist_ok=True)
    lock = {"pid": 4711, "username": "anna", "hostname": "laptop", "timestamp": "2026-11-24T22:48:52Z"}
    (folder / "anna.json").write_text(json.dumps(lock))
    with pytest.raises(AssertionError) as left:
        engine.unlock()
    assert "lock of anna@laptop, pid 4711" in str(left.value)
    assert "stack s stays locked" in str(left.value) and "ask who holds it" in str(left.value)
    assert (folder / "anna.json").exists()
    (folder / "anna.json").unlink()
    begun = told("resourcePreEvent", "r-release")
    assert engine.killed_when(lambda: begun(engine), *UP)
    assert "is not locked" in engine.unlock()
