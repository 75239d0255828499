"""What was tried and what each site runs, so that a deployment counts for the sites that it reached (docs/adr/0064).

A stack's outputs say nothing of a run that failed at one site, and its history knows runs as a whole.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ResourceProvider, UpdateResult

from bus import git
from bus.images.promotion import records
from components.providers.guarding import guarded


@guarded("record of an attempt")
class AttemptProvider(ResourceProvider):
    """Records, before anything is deployed, which images the run wants at each site."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compares images: the same ones from another commit are the same attempt."""
        return DiffResult(changes=_olds.get("pins") != _news.get("pins"), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Begins the history."""
        return CreateResult("attempts", _attempt({}, props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Adds to the history."""
        return UpdateResult(_attempt(_olds, _news))


@guarded("record of what is deployed")
class DeployedProvider(ResourceProvider):
    """Records, once all of a site stands, which images it runs, and from which attempt on."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compares images: an attempt that changes nothing here is none of this site."""
        return DiffResult(changes=_olds.get("pins") != _news.get("pins"), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Begins the history."""
        return CreateResult(props["unit"], _added({}, props, int(props["serial"])))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Adds to the history."""
        return UpdateResult(_added(_olds, _news, int(_news["serial"])))


def _attempt(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    outs = _added(olds, news, int(olds.get("serial") or 0) + 1)
    return {**outs, "serial": outs["history"][0]["serial"]}


def _added(olds: Mapping[str, Any], news: Mapping[str, Any], serial: int) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    entry = {"serial": serial, "pins": news["pins"], "commit": _commit(), "at": now}
    return {**news, "history": records.added(olds.get("history") or [], entry)}


def _commit() -> str:
    """The commit of the project that is deployed; empty where it is no checkout."""
    return git.head(Path.cwd()) or os.environ.get("CI_COMMIT_SHA", "")


class Attempt(pulumi.dynamic.Resource, module="bus", name="Attempt"):
    """`pins` maps a unit (a site, or `central/mirror`) to brick -> image with tag and digest."""

    serial: pulumi.Output[int]

    def __init__(
        self,
        name: str,
        *,
        pins: pulumi.Input[Mapping[str, Mapping[str, str]]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(AttemptProvider(), name, {"pins": pins, "serial": None, "history": None}, opts)


class Deployed(pulumi.dynamic.Resource, module="bus", name="Deployed"):
    """What one unit runs; it depends on all of it, and on nothing of another site."""

    def __init__(
        self,
        name: str,
        *,
        unit: str,
        pins: pulumi.Input[Mapping[str, str]],
        serial: pulumi.Input[int],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props: dict[str, Any] = {"unit": unit, "pins": pins, "serial": serial, "history": None}
        super().__init__(DeployedProvider(), name, props, opts)
