"""Helm's records: read as Helm writes them, and which of them a dead deployment left locked."""

import base64
import gzip
import json

import pytest

from bus.releases.records import decode, encode
from bus.releases.state import Record, locked


def record(release: str, revision: int, status: str) -> Record:
    return Record(release, revision, status, f"sh.helm.release.v1.{release}.v{revision}")


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback"])
def test_the_newest_revision_is_unlocked_when_it_is_pending(status: str) -> None:
    newest = record("base", 3, status)
    assert locked([record("base", 2, "deployed"), newest, record("base", 1, "superseded")]) == [newest]


@pytest.mark.parametrize("status", ["deployed", "failed", "superseded", "uninstalling", "uninstalled", "unknown"])
def test_a_finished_revision_is_left_alone(status: str) -> None:
    assert locked([record("base", 1, status)]) == []


def test_an_old_pending_revision_under_a_finished_one_is_history() -> None:
    assert locked([record("base", 1, "pending-install"), record("base", 2, "deployed")]) == []


def test_each_release_is_judged_by_itself() -> None:
    pending = record("central", 1, "pending-install")
    assert locked([record("base", 7, "deployed"), pending]) == [pending]


def test_revisions_compare_as_numbers() -> None:
    assert locked([record("base", 9, "pending-upgrade"), record("base", 10, "deployed")]) == []


def test_a_record_survives_being_written_again() -> None:
    content = {"name": "base", "info": {"status": "pending-install"}, "version": 1}
    helm = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(content).encode()))).decode()
    assert decode(helm) == content == decode(encode(content))
