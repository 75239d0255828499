"""Every named state of a release, made by the real helm with real kills: made ready by bus, Helm goes on from it."""

import base64
import shutil
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.cli.drift import of_release
from bus.deployment import Release
from bus.releases.compare.preview import ReleasePreview, preview, text, warning
from bus.releases.failure.report import report
from bus.releases.recovery import records
from bus.releases.recovery.prepare import ForeignRelease, recover
from bus.releases.recovery.state import State, state_of
from bus.releases.recovery.uninstall import uninstall
from bus.releases.render.rendering import NoHelm, record_size
from bus.releases.render.values import with_defaults
from tests.support.kwok import Kwok
from tests.support.states import (
    CHART,
    MINE,
    NEVER,
    READY,
    Place,
    absent,
    deleted_outside,
    failed_first_install,
    failed_upgrade,
    in_sync,
    locked_install,
    locked_install_by_hand,
    locked_rollback,
    locked_upgrade,
    of_the_old_process,
    records_deleted,
    retries_used_up,
    rolled_back_by_hand,
    superseded,
    uninstalled_with_history,
    uninstalling,
    wait_for,
    wanted,
)

pytestmark = pytest.mark.servers
QUIET: Callable[[str], None] = lambda text: None  # noqa: E731


@pytest.fixture
def place(kwok: Kwok, tmp_path: Path) -> Iterator[Place]:
    namespace = f"states-{uuid.uuid4().hex[:8]}"
    kwok.command("kubectl", "create", "namespace", namespace)
    yield Place(kwok, namespace, tmp_path)
    # Its pods would take the places of other tests' pods on the one node.
    kwok.command("kubectl", "delete", "namespace", namespace, "--wait=false")


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
    flags = ["--wait", "--timeout", "300s", "--description", MINE, "--set", "text=next"]
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
        "20s",
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
    since = records.read(place.cluster, ["r"])["r"][-1].since
    assert recover(place.cluster, wanted(6), known=False, say=QUIET) is State.LOCKED_INSTALL
    assert since and (datetime.now(UTC) - since).total_seconds() >= 6
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
        release = Release("r", "tiny", with_defaults(charts, "tiny", values), 60)
        return preview("central", release, place.cluster, history, charts, place.folder / "staged")

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
    given = place.folder / "given.yaml"
    given.write_text(yaml.safe_dump(dict(with_defaults(charts, "tiny", {"text": "one"}))))
    place.helm("install", "r", str(place.folder / "staged/tiny"), "--values", str(given))
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
