"""The objects that a deployment would change, by release: gathered, and written for a terminal."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bus.cluster.access import Cluster
from bus.deployment import Release
from bus.merge import merge
from bus.releases.compare import dryrun
from bus.releases.compare.changes import ObjectChange, changes
from bus.releases.compare.refusals import Verdicts
from bus.releases.objects import parse
from bus.releases.recovery import records
from bus.releases.recovery.state import Revision
from bus.releases.render import charts
from bus.releases.render.rendering import record_size, render, too_large

_MARKS = {"added": "+", "changed": "~", "removed": "-", "restarted": "r"}


@dataclass(frozen=True)
class ReleasePreview:
    """One release that would be installed or upgraded."""

    site: str
    release: str
    new: bool
    objects: Sequence[ObjectChange] = field(default=())
    refused: str = ""
    """why Helm could not even keep its record"""
    verdicts: Verdicts = field(default_factory=Verdicts)
    """what the cluster would refuse of it"""

    def count(self, *ops: str) -> int:
        """How many objects see one of `ops`."""
        return sum(one.op in ops for one in self.objects)

    @property
    def restarts(self) -> int:
        """How many workloads restart their pods, those among them that also change in other ways."""
        return sum(one.restarts for one in self.objects)

    @property
    def images(self) -> list[str]:
        """Every image that changes, `old -> new`."""
        pairs = {pair for one in self.objects for pair in one.images}
        return sorted(f"{old or '(none)'} -> {new or '(none)'}" for old, new in pairs)


def preview(
    site: str, release: Release, cluster: Cluster, history: Sequence[Revision], folder: Path, staged: Path
) -> ReleasePreview | None:
    """What deploying `release` would change; None where chart and values are those of the newest deployed record."""
    deployed = _newest([one for one in history if one.status == "deployed"])
    # Where nothing is deployed, the newest record has what may have been left.
    base = deployed or _newest(history)
    before = records.content(cluster, base) if base else {}
    config: Mapping[str, Any] = before.get("config") or {}
    values = with_revisions_of(config, release.values, release.reads.secret)
    chart = charts.stage(folder, release.chart, staged, bare=True)
    if deployed and deployed.chart_version == charts.read(chart).version and config == values:
        return None
    manifest = render(chart, release.name, cluster.namespace, values)
    old = parse(before.get("manifest") or "", cluster.namespace)
    new = parse(manifest, cluster.namespace)
    refused = too_large(release.name, record_size(chart, values, manifest))
    found = tuple(changes(old, new))
    named = {one.object for one in found}
    verdicts = dryrun.ask(cluster, old, {key: spec for key, spec in new.items() if str(key) in named})
    return ReleasePreview(site, release.name, base is None, found, refused, verdicts)


def _newest(history: Sequence[Revision]) -> Revision | None:
    return max(history, key=lambda record: record.revision, default=None)


def with_revisions_of(config: Mapping[str, Any], values: Mapping[str, Any], read: Collection[str]) -> dict[str, Any]:
    """Return `values` with the deployed revisions of the secrets in `read`: the engine alone knows others."""
    deployed = (config.get("global") or {}).get("secretRevisions") or {}
    known = {key: revision for key, revision in deployed.items() if key in read}
    return merge(values, {"global": {"secretRevisions": known}}) if known else dict(values)


def text(found: ReleasePreview) -> str:
    """For a terminal: a line per object, its fields below it."""
    head = f"{found.site}: release {found.release} {'is new' if found.new else 'changes'}: {counts(found)}"
    return "\n".join([head, *object_lines(found)])


def warning(found: ReleasePreview) -> str:
    """What the cluster would refuse of a release, or why that is not known; empty where all is well."""
    if not found.verdicts.lines:
        return ""
    return "\n".join([f"{found.site}: release {found.release}:", *(f"  {line}" for line in found.verdicts.lines)])


def counts(found: ReleasePreview) -> str:
    """How many objects see which change, in words."""
    number = {**{op: found.count(op) for op in ("added", "changed", "removed")}, "restarted": found.restarts}
    said = [f"{count} {op}" for op, count in number.items() if count]
    return ", ".join(said) or "none of its objects, only files or values of its chart"


def object_lines(found: ReleasePreview) -> list[str]:
    """A line per object, the fields that change below it."""
    lines = []
    for one in found.objects:
        also = " (its pods restart)" if one.restarts and one.op == "changed" else ""
        lines.append(f"{_MARKS[one.op]} {one.object}{also}")
        if one.op == "changed":
            lines += [f"    {change.path}: {_shown(change.old)} -> {_shown(change.new)}" for change in one.fields]
    return lines


def _shown(value: str | None) -> str:
    if value is None:
        return "(none)"
    line = value.replace("\n", "\\n")
    return line if len(line) <= 160 else f"{line[:157]}..."
