"""Releases in every state that there is, made by the real helm with real kills."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bus.cluster.access import Cluster
from bus.releases.recovery.state import MARK, WantedRelease
from tests.support.kwok import Kwok

CHART = Path(__file__).parent / "chart"
MINE = f"{MARK}2026-11-24T22:30:00Z"
READY, NEVER = "neverReady=false", "neverReady=true"


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
        self.helm(
            "upgrade", "r", self.chart(stamp), "--wait", "--timeout", "300s", "--description", description, *given
        )

    def fails(self, verb: str, *, stamp: bool = True) -> None:
        given = ["--set", NEVER, "--wait", "--timeout", "1s"]
        self.helm(verb, "r", self.chart(stamp), *given, check=False)
        assert self.newest() == "failed"

    def cut_off(self, status: str, *arguments: str) -> None:
        """helm, killed with SIGKILL once its record has `status` and it waits for the last object that it touches."""
        before = self._last_touched(status)
        process = self.kwok.started("helm", *arguments, "-n", self.namespace)
        try:
            wait_for(lambda: self.newest() == status and self._last_touched(status) != before)
        finally:
            process.kill()
            process.wait()
        assert self.newest() == status

    def newest(self) -> str:
        history = self.helm("history", "r", "-o", "json", check=False)
        return str(json.loads(history)[-1]["status"]) if history else ""

    def _last_touched(self, status: str) -> list[object]:
        """What helm changes last: the StatefulSet, or in a removal, which goes the other way, the ConfigMap."""
        kind, key = ("configmaps", "deletionTimestamp") if status == "uninstalling" else ("statefulsets", "generation")
        return [(one["metadata"]["uid"], one["metadata"].get(key)) for one in self.kwok.objects(kind, self.namespace)]

    def uids(self, kind: str) -> dict[str, str]:
        return {one["metadata"]["name"]: one["metadata"]["uid"] for one in self.kwok.objects(kind, self.namespace)}


def wait_for(look: Callable[[], object], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def wanted(seconds: float = 900) -> WantedRelease:
    return WantedRelease("r", "tiny", timedelta(seconds=seconds))


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
