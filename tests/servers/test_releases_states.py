"""Every named state of a release, made by the real helm with real kills: made ready by bus, Helm goes on from it."""

import base64
import json
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.access import Cluster
from bus.cli.drift import of_release
from bus.deployment import Release
from bus.releases import records
from bus.releases.preview import ReleasePreview, preview, text, warning
from bus.releases.recovery import ForeignRelease, recover
from bus.releases.rendering import NoHelm, record_size
from bus.releases.report import report
from bus.releases.state import MARK, State, Wanted, state_of
from bus.releases.uninstall import uninstall
from tests.servers.kwok import Kwok

pytestmark = pytest.mark.servers
CHART = Path(__file__).parent / "chart"
MINE = f"{MARK}2026-11-24T22:30:00Z"
READY, NEVER = "neverReady=false", "neverReady=true"
QUIET: Callable[[str], None] = lambda text: None  # noqa: E731


@dataclass
class Place:
    """A namespace of a test's own with release `r`; `stamp` makes its chart one that bus staged."""

    kwok: Kwok
    namespace: str
    folder: Path

    @property
    def cluster(self) -> Cluster:
        return self.kwok.cluster(self.namespace)

    def chart(self, stamp: bool = True, name: str = "tiny") -> str:
        copy = self.folder / f"{name}-{stamp}"
        if not copy.exists():
            shutil.copytree(CHART, copy)
            meta = (copy / "Chart.yaml").read_text().replace("name: tiny", f"name: {name}")
            if stamp:
                meta = meta.replace("version: 1.0.0", "version: 1.0.0+0a1b2c3d4e5f")
            (copy / "Chart.yaml").write_text(meta)
        return str(copy)

    def helm(self, *arguments: str, check: bool = True) -> str:
        return self.kwok.command("helm", *arguments, "-n", self.namespace, check=check)

    def install(self, *sets: str, stamp: bool = True, description: str = MINE, check: bool = True) -> None:
        given = [part for one in sets for part in ("--set", one)]
        self.helm("install", "r", self.chart(stamp), "--description", description, *given, check=check)

    def upgrade(self, *sets: str, stamp: bool = True, description: str = MINE) -> None:
        given = [part for one in sets for part in ("--set", one)]
        self.helm("upgrade", "r", self.chart(stamp), "--wait", "--timeout", "20s", "--description", description, *given)

    def fails(self, verb: str, *, stamp: bool = True) -> None:
        given = ["--set", NEVER, "--wait", "--timeout", "1s"]
        self.helm(verb, "r", self.chart(stamp), *given, check=False)
        assert self.newest() == "failed"

    def cut_off(self, status: str, *arguments: str) -> None:
        """helm, killed with SIGKILL once its record has `status` and its objects are there."""
        process = self.kwok.started("helm", *arguments, "-n", self.namespace)
        try:
            wait_for(lambda: self.newest() == status)
            time.sleep(0.5)
        finally:
            process.kill()
            process.wait()
        assert self.newest() == status

    def newest(self) -> str:
        history = self.helm("history", "r", "-o", "json", check=False)
        return str(json.loads(history)[-1]["status"]) if history else ""

    def uids(self, kind: str) -> dict[str, str]:
        return {one["metadata"]["name"]: one["metadata"]["uid"] for one in self.kwok.objects(kind, self.namespace)}


@pytest.fixture
def place(kwok: Kwok, tmp_path: Path) -> Place:
    namespace = f"states-{uuid.uuid4().hex[:8]}"
    kwok.command("kubectl", "create", "namespace", namespace)
    return Place(kwok, namespace, tmp_path)


def wait_for(look: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def wanted(seconds: float = 900) -> Wanted:
    return Wanted("r", "tiny", timedelta(seconds=seconds))


def absent(at: Place) -> None:
    """Nothing was ever deployed."""


def in_sync(at: Place) -> None:
    at.install(READY)


def locked_install(at: Place) -> None:
    at.cut_off("pending-install", "install", "r", at.chart(), "--wait", "--set", NEVER)


def locked_install_by_hand(at: Place) -> None:
    at.cut_off("pending-install", "install", "r", at.chart(stamp=False), "--wait", "--set", NEVER)


def locked_upgrade(at: Place) -> None:
    at.install(READY)
    at.cut_off("pending-upgrade", "upgrade", "r", at.chart(), "--wait", "--set", NEVER)


def locked_rollback(at: Place) -> None:
    at.install(NEVER)
    # Kubernetes never replaces the pod of such a set by itself.
    at.kwok.command("kubectl", "delete", "statefulset", "r-statefulset", "-n", at.namespace)
    at.upgrade(READY)
    at.cut_off("pending-rollback", "rollback", "r", "1", "--wait")


def failed_first_install(at: Place) -> None:
    at.fails("install")


def retries_used_up(at: Place) -> None:
    at.fails("install")
    at.fails("upgrade")
    at.fails("upgrade")


def failed_upgrade(at: Place) -> None:
    at.install(READY)
    at.fails("upgrade")


def superseded(at: Place) -> None:
    at.install(READY)
    at.upgrade(READY, "text=two")
    at.kwok.command("kubectl", "delete", "secret", "-n", at.namespace, "sh.helm.release.v1.r.v2")


def uninstalling(at: Place) -> None:
    at.install(READY, "finalizer=true")
    at.cut_off("uninstalling", "uninstall", "r", "--wait")
    free = '{"metadata": {"finalizers": null}}'
    at.kwok.command("kubectl", "patch", "configmap", "r-config", "-n", at.namespace, "--type=merge", "-p", free)


def uninstalled_with_history(at: Place) -> None:
    at.install(READY)
    at.helm("uninstall", "r", "--keep-history")


def deleted_outside(at: Place) -> None:
    at.install(READY)
    at.helm("uninstall", "r")


def records_deleted(at: Place) -> None:
    at.install(READY)
    at.kwok.command("kubectl", "delete", "secret", "-n", at.namespace, "-l", "owner=helm")


def of_the_old_process(at: Place) -> None:
    at.install(READY, stamp=False, description="Install complete")
    at.upgrade(READY, "text=old", stamp=False, description="Upgrade complete")


def rolled_back_by_hand(at: Place) -> None:
    at.install(READY)
    at.upgrade(READY, "text=two")
    at.helm("rollback", "r", "1")


STATES: list[tuple[Callable[[Place], None], State, bool]] = [
    (absent, State.ABSENT, False),
    (in_sync, State.IN_SYNC, True),
    (in_sync, State.IN_SYNC, False),
    (locked_install, State.LOCKED_INSTALL, True),
    (locked_install, State.LOCKED_INSTALL, False),
    (locked_upgrade, State.LOCKED_UPGRADE, True),
    (locked_rollback, State.LOCKED_ROLLBACK, True),
    (failed_first_install, State.FAILED_INSTALL, True),
    (failed_first_install, State.FAILED_INSTALL, False),
    (retries_used_up, State.RETRIES_USED_UP, True),
    (failed_upgrade, State.FAILED_UPGRADE, True),
    (superseded, State.SUPERSEDED, True),
    (superseded, State.SUPERSEDED, False),
    (uninstalling, State.UNINSTALLING, True),
    (uninstalled_with_history, State.UNINSTALLED, True),
    (uninstalled_with_history, State.UNINSTALLED, False),
    (deleted_outside, State.ABSENT, True),
    (records_deleted, State.ABSENT, True),
    (records_deleted, State.ABSENT, False),
    (of_the_old_process, State.UNMANAGED, False),
    (rolled_back_by_hand, State.CHANGED_OUTSIDE, True),
]
IDS = [f"{make.__name__}-{'upgrade' if known else 'install'}" for make, _, known in STATES]
# What runs stays: the same pods and volumes before and after.
KEPT = (in_sync, of_the_old_process, records_deleted, superseded, rolled_back_by_hand)


@pytest.mark.parametrize(("make", "state", "known"), STATES, ids=IDS)
def test_helm_goes_on_from_every_state(make: Callable[[Place], None], state: State, known: bool, place: Place) -> None:
    make(place)
    claims, pods = place.uids("persistentvolumeclaims"), place.uids("pods")
    said: list[str] = []
    assert recover(place.cluster, wanted(), known=known, say=said.append) is state
    goes_on(place, known)
    assert claims.items() <= place.uids("persistentvolumeclaims").items()
    if make in KEPT:
        assert pods == place.uids("pods")
    assert recover(place.cluster, wanted(), known=True, say=QUIET) is State.IN_SYNC


def goes_on(place: Place, known: bool) -> None:
    """What Pulumi's provider does next: an upgrade where its state has the release, else an install with replace."""
    verb = ["upgrade"] if known else ["install", "--replace"]
    # Values are always given, as Pulumi does: without any, Helm takes those of the revision before.
    flags = ["--wait", "--timeout", "20s", "--description", MINE, "--set", "text=next"]
    place.helm(*verb, "r", place.chart(), *flags)
    assert place.newest() == "deployed"
    ready = [
        one["status"].get("readyReplicas") for one in place.kwok.objects("deployments,statefulsets", place.namespace)
    ]
    assert ready == [1, 1]


def test_an_operation_by_hand_is_waited_for_and_left_alone(place: Place) -> None:
    place.install(READY, stamp=False)
    running = place.kwok.started(
        "helm",
        "upgrade",
        "r",
        place.chart(stamp=False),
        "-n",
        place.namespace,
        "--wait",
        "--timeout",
        "6s",
        "--set",
        NEVER,
    )
    wait_for(lambda: place.newest() == "pending-upgrade")
    said: list[str] = []
    assert recover(place.cluster, wanted(), known=True, say=said.append) is State.FAILED_UPGRADE
    assert running.wait() != 0
    assert "is pending-upgrade, by somebody else than bus" in said[0]
    newest = records.read(place.cluster, ["r"])["r"][-1]
    assert "bus" not in newest.description  # Helm itself said why it failed
    goes_on(place, known=True)


def test_an_operation_by_hand_that_died_is_dead_after_its_timeout(place: Place) -> None:
    locked_install_by_hand(place)
    begun = time.monotonic()
    assert recover(place.cluster, wanted(6), known=False, say=QUIET) is State.LOCKED_INSTALL
    assert time.monotonic() - begun > 2
    assert place.uids("deployments") == {}
    goes_on(place, known=False)


def test_a_release_of_another_product_is_refused_and_left_alone(place: Place) -> None:
    place.helm("install", "r", place.chart(stamp=False, name="nextcloud"))
    before = place.helm("history", "r", "-o", "json")
    with pytest.raises(ForeignRelease) as refused:
        recover(place.cluster, wanted(), known=False, say=QUIET)
    assert "of chart nextcloud and not tiny" in str(refused.value)
    assert "helm uninstall r -n" in str(refused.value)
    assert place.helm("history", "r", "-o", "json") == before


def test_an_install_that_never_finished_is_removed_without_its_volumes(place: Place) -> None:
    locked_install(place)
    claims = place.uids("persistentvolumeclaims")
    assert claims
    said: list[str] = []
    recover(place.cluster, wanted(), known=False, say=said.append)
    assert place.uids("deployments,statefulsets") == {}
    assert place.uids("persistentvolumeclaims") == claims
    assert place.newest() == ""
    assert "its first install was cut off (revision 1); volumes stay" in said[0]


def test_a_record_of_real_helm_is_read(place: Place) -> None:
    place.install(READY)
    found: list[Any] = records.read(place.cluster, ["r", "other"])["r"]
    assert state_of(found, wanted(), datetime.now(UTC)) is State.IN_SYNC
    assert (found[0].chart, found[0].chart_version) == ("tiny", "1.0.0+0a1b2c3d4e5f")
    assert records.read(place.cluster, ["other"]) == {"other": []}


def test_drift_of_live_objects_names_the_field_and_who_wrote_it(place: Place) -> None:
    place.install(READY)
    assert of_release(place.cluster, "r") == []  # nothing that the API server defaults or rewrites
    place.kwok.command("kubectl", "scale", "deployment", "r-deployment", "--replicas=2", "-n", place.namespace)
    place.kwok.command("kubectl", "delete", "configmap", "r-config", "-n", place.namespace)
    gone, scaled = of_release(place.cluster, "r")
    assert str(gone) == "ConfigMap/r-config: is gone"
    assert str(scaled) == "Deployment/r-deployment spec.replicas: 1 -> 2 (by kubectl)"
    place.helm("uninstall", "r")
    assert "is not deployed (no records); run pulumi up" in str(of_release(place.cluster, "r")[0])


def test_a_preview_shows_the_objects_that_change(place: Place) -> None:
    def shown(**values: Any) -> ReleasePreview | None:
        history = records.read(place.cluster, ["r"])["r"]
        return preview(
            "central", Release("r", "tiny", values, 60), place.cluster, history, charts, place.folder / "staged"
        )

    charts = place.folder / "charts"
    shutil.copytree(CHART, charts / "tiny")
    new = shown(text="one")
    assert new and new.new
    assert [one.object for one in new.objects] == [
        "ConfigMap/r-config",
        "Deployment/r-deployment",
        "StatefulSet/r-statefulset",
    ]
    assert new.images == ["(none) -> example.invalid/tiny:1"]
    place.helm("install", "r", str(place.folder / "staged/tiny"), "--set", "text=one")
    assert shown(text="one") is None
    changed = shown(text="two")
    assert changed and text(changed).splitlines() == [
        "central: release r changes: 1 changed",
        "~ ConfigMap/r-config",
        "    data.text: one -> two",
    ]
    template = charts / "tiny/templates/objects.yaml"
    template.write_text(template.read_text().replace("replicas: 1", "replicas: 2"))
    edited = shown(text="one")  # a template edited without a new version in Chart.yaml
    assert edited and edited.count("changed") == 2
    assert [warning(one) for one in (new, changed, edited)] == ["", "", ""]
    whole = template.read_text()
    template.write_text(whole.replace("metadata: {name: data}", "metadata: {name: other}"))
    refused_by_server = shown(text="one")
    assert refused_by_server
    said = warning(refused_by_server)
    assert said.startswith("central: release r:\n  StatefulSet/r-statefulset would be refused by the API server: spec")
    assert f"kubectl delete statefulset r-statefulset -n {place.namespace} --cascade=orphan" in said
    template.write_text(whole)
    template.write_text(template.read_text().replace("{{- range", '{{- fail "no" }}{{- range'))
    with pytest.raises(NoHelm) as refused:
        shown(text="one")
    assert "helm cannot render r" in str(refused.value)


def test_the_size_of_a_record_is_close_to_what_helm_writes(place: Place) -> None:
    place.install(READY)
    (record,) = records.read(place.cluster, ["r"])["r"]
    content = records.content(place.cluster, record)
    (secret,) = [
        one for one in place.kwok.objects("secrets", place.namespace) if one["metadata"]["name"] == record.secret
    ]
    real = len(base64.b64decode(secret["data"]["release"]))
    assert abs(record_size(Path(place.chart()), content["config"], content["manifest"]) - real) < 0.3 * real


def test_a_report_names_quota_and_claims_of_real_objects(place: Place) -> None:
    quota = ["kubectl", "create", "quota", "site", "--hard=pods=0", "-n", place.namespace]
    place.kwok.command(*quota)
    place.install(READY)
    wait_for(lambda: "quota is used up" in report(place.cluster, "r"))
    said = report(place.cluster, "r")
    assert "Deployment/r-deployment: the namespace's quota is used up" in said
    assert "to do: raise the ResourceQuota of the namespace" in said
    place.kwok.command("kubectl", "delete", "quota", "site", "-n", place.namespace)


@pytest.mark.parametrize("make", [locked_upgrade, uninstalling, uninstalled_with_history, deleted_outside])
def test_a_removal_goes_on_from_every_state_and_can_be_done_again(make: Callable[[Place], None], place: Place) -> None:
    make(place)
    claims = place.uids("persistentvolumeclaims")
    said: list[str] = []
    uninstall(place.cluster, wanted(), say=said.append)
    assert place.newest() == ""
    assert place.uids("deployments,statefulsets") == {}
    assert "r-config" not in place.uids("configmaps")
    assert claims.items() <= place.uids("persistentvolumeclaims").items()
    uninstall(place.cluster, wanted(), say=said.append)
    assert f"release r in {place.namespace} has no records any more: it was removed before" in said


def test_a_removal_leaves_a_release_of_another_product_alone(place: Place) -> None:
    place.helm("install", "r", place.chart(stamp=False, name="nextcloud"))
    before = place.helm("history", "r", "-o", "json"), place.uids("deployments,statefulsets,configmaps")
    said: list[str] = []
    uninstall(place.cluster, wanted(), say=said.append)
    assert "stays: it is of chart nextcloud and not tiny" in said[0]
    assert before == (place.helm("history", "r", "-o", "json"), place.uids("deployments,statefulsets,configmaps"))
