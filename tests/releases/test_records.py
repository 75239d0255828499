"""Helm's records: read as Helm writes them, and written again."""

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bus.releases.recovery.records import decode, encode, to_record

CONTENT: dict[str, Any] = {
    "name": "base",
    "version": 3,
    "info": {
        "first_deployed": "2026-11-24T21:00:00.123456789Z",
        "last_deployed": "2026-11-24T22:30:05.987654321+01:00",
        "deleted": "",
        "description": "Preparing upgrade",
        "status": "pending-upgrade",
    },
    "chart": {"metadata": {"name": "hickson-base", "version": "1.0.0+0a1b2c3d4e5f"}},
}


def secret(status: str, content: dict[str, Any]) -> dict[str, Any]:
    labels = {"owner": "helm", "name": "base", "version": "3", "status": status}
    return {
        "metadata": {"name": "sh.helm.release.v1.base.v3", "labels": labels},
        "data": {"release": encode(content)},
    }


def test_a_record_survives_being_written_again() -> None:
    helm = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(CONTENT).encode()))).decode()
    assert decode(helm) == CONTENT == decode(encode(CONTENT))


def test_what_the_state_function_goes_by_is_read_from_label_and_content() -> None:
    record = to_record(secret("pending-upgrade", CONTENT))
    assert (record.release, record.revision, record.status) == ("base", 3, "pending-upgrade")
    assert (record.chart, record.chart_version) == ("hickson-base", "1.0.0+0a1b2c3d4e5f")
    assert record.made_by_bus
    assert record.since == datetime(2026, 11, 24, 21, 30, 5, 987654, UTC)


@pytest.mark.parametrize("never", ["", "0001-01-01T00:00:00Z", None])
def test_a_time_that_helm_has_not_written_is_none(never: str | None) -> None:
    info = {**CONTENT["info"], "last_deployed": never}
    assert to_record(secret("pending-install", {**CONTENT, "info": info})).since is None


def test_a_removal_counts_from_when_it_began() -> None:
    info = {**CONTENT["info"], "deleted": "2026-11-24T23:00:00Z"}
    assert to_record(secret("uninstalling", {**CONTENT, "info": info})).since == datetime(2026, 11, 24, 23, tzinfo=UTC)


def test_a_record_without_a_chart_has_none() -> None:
    record = to_record(secret("failed", {"name": "base", "info": {}, "chart": None}))
    assert (record.chart, record.chart_version, record.made_by_bus) == ("", "", False)
