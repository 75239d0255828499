"""What a rendered release must not hold: kinds that its templates do not make, cluster-wide objects, other namespaces.

Templates encode every value, so that none of this should ever be found. This is the second lock: it looks at what
Helm made of them, whoever wrote the values and the chart (docs/adr/0068).
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from bus.config.parsing import YamlLoader
from bus.errors import Problem, UserError
from bus.releases.render import charts

# What `helm template` writes before each object; text of a value can make no such line before Helm's own.
_SOURCE = re.compile(r"(?m)^---\n# Source: (.+)\n")
# Both as text of the template, in either order; a value can add no such line to a template.
_VERSION_LINE, _KIND_LINE = r"apiVersion: +[\"']?([\w./-]+)[\"']?[ ]*", r"kind: +[\"']?(\w+)[\"']?[ ]*"
_VERSION_FIRST = re.compile(rf"(?m)^[ ]*{_VERSION_LINE}\n[ ]*{_KIND_LINE}$")
_KIND_FIRST = re.compile(rf"(?m)^[ ]*{_KIND_LINE}\n[ ]*{_VERSION_LINE}$")
# `kind: {{ . }}`: one of the words that the template itself has between quotes.
_COMPUTED, _VERSION = re.compile(r"(?m)^[ ]*kind: +[\"']?\{\{"), re.compile(rf"(?m)^[ ]*{_VERSION_LINE}$")
_WORD = re.compile(r'"([A-Z][A-Za-z]+)"')
_INCLUDES = re.compile(r'\b(?:include|template) "([^"]+)"')
_DEFINE = re.compile(r'\{\{-? *define "([^"]+)"')
# Every built-in kind without a namespace, and those of common operators: kubectl api-resources --namespaced=false.
# Kinds whose name begins with Cluster have none either.
_CLUSTER_WIDE_KINDS = (
    "APIService CSIDriver CSINode CertificateSigningRequest ComponentStatus CustomResourceDefinition "
    "DeviceClass FlowSchema GatewayClass IPAddress IngressClass MutatingAdmissionPolicy "
    "MutatingAdmissionPolicyBinding MutatingWebhookConfiguration Namespace Node PersistentVolume "
    "PodSecurityPolicy PriorityClass PriorityLevelConfiguration ResourceSlice RuntimeClass "
    "SelfSubjectAccessReview SelfSubjectReview SelfSubjectRulesReview ServiceCIDR StorageClass "
    "StorageVersion StorageVersionMigration SubjectAccessReview TokenReview ValidatingAdmissionPolicy "
    "ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration VolumeAttachment "
    "VolumeAttributesClass VolumeSnapshotClass VolumeSnapshotContent "
)
_CLUSTER_WIDE = frozenset(_CLUSTER_WIDE_KINDS.split())


class Unexpected(UserError):
    """A release renders to objects that it must not have; `problems` has one for each."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


def check(manifest: str, chart: Path, release: str, namespace: str) -> None:
    """Judge what a staged chart was rendered to; raises Unexpected with every object that must not be there."""
    problems = [*_definitions(chart), *_wrong(manifest, chart, release, namespace)]
    if problems:
        raise Unexpected(problems)


@lru_cache(1024)
def made_by(chart: Path, version: str, source: str) -> frozenset[tuple[str, str]]:
    """Return apiVersion and kind of all objects that a template makes, its includes followed.

    `source` is the template as Helm names it, and `version` that of the staged chart, which changes with its content.
    """
    file = _file(chart, source)
    if file is None or not file.is_file():
        return frozenset()
    defines = _defines(chart, version)
    texts, todo = [file.read_text()], set(_INCLUDES.findall(file.read_text()))
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        seen.add(name)
        texts.append(defines.get(name, ""))
        todo |= set(_INCLUDES.findall(texts[-1])) - seen
    return frozenset(pair for text in texts for pair in _pairs(text))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """apiVersion and kind of each object that stands in a template's own text."""
    yield from _VERSION_FIRST.findall(text)
    yield from ((version, kind) for kind, version in _KIND_FIRST.findall(text))
    if _COMPUTED.search(text):
        yield from product(_VERSION.findall(text), _WORD.findall(text))


def _wrong(manifest: str, chart: Path, release: str, namespace: str) -> Iterator[Problem]:
    parts = _SOURCE.split(manifest)
    version = charts.read(chart).version if len(parts) > 1 else ""
    if parts[0].strip():
        yield Problem(
            f"charts/{chart.name}", "", None, f"release {release}: helm names no template of its first object"
        )
    known: set[tuple[object, ...]] = set()
    for source, text in zip(parts[1::2], parts[2::2], strict=True):
        makes = made_by(chart, version, source)
        for document in yaml.load_all(text, Loader=YamlLoader):
            if doubled := _doubled(document, known):
                remedy = "write each name once"
                yield Problem(brought_by(chart, source), "", None, f"release {release}: {doubled}", remedy)
            if document is not None and (said := _refusal(document, makes, namespace)):
                template = _file(chart, source)
                where = f"charts/{_chart_of(chart, source)}/templates/{template.name}" if template else source
                allowed = f"release {release}: {where} renders to {said}"
                remedy = "a value of the brick breaks out of its place in the template, or the template itself is wrong"
                yield Problem(brought_by(chart, source), "", None, allowed, remedy)


def _doubled(document: Any, known: set[tuple[object, ...]]) -> str:
    """Return which name an object gives twice, or whether its own is in `known` already; empty where neither.

    Kubernetes merges variables by their name: removing one of two takes both away (helm/helm#12438).
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("metadata"), Mapping):
        return ""
    kind, name = document.get("kind"), document["metadata"].get("name")
    own = (document.get("apiVersion"), kind, name)
    if own in known:
        return f"{kind}/{name} is rendered twice"
    known.add(own)
    for container in _containers(document):
        names = [one.get("name") for one in container.get("env") or [] if isinstance(one, Mapping)]
        for variable in dict.fromkeys(names):
            if names.count(variable) > 1:
                return f"{kind}/{name}: variable {variable} of container {container.get('name')} has two sources"
    return ""


def _containers(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every container of a pod, wherever the object has its pod."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            if key in ("containers", "initContainers") and isinstance(below, list):
                yield from (one for one in below if isinstance(one, Mapping))
            elif key in ("spec", "template", "jobTemplate"):
                yield from _containers(below)


def _refusal(document: Any, makes: frozenset[tuple[str, str]], namespace: str) -> str:
    """Return what is wrong with one object; empty where it may be there."""
    if not isinstance(document, Mapping) or not isinstance(document.get("metadata"), Mapping):
        return "something that is no object of Kubernetes"
    kind, meta = str(document.get("kind")), document["metadata"]
    name = f"{kind}/{meta.get('name')}"
    if kind.startswith("Cluster") or kind in _CLUSTER_WIDE:
        return f"{name}, which belongs to the whole cluster; a site has one namespace"
    if (str(document.get("apiVersion")), kind) not in makes:
        kinds = ", ".join(sorted(kind for _, kind in makes)) or "nothing"
        return f"{name} of {document.get('apiVersion')}; it makes {kinds} only"
    if meta.get("namespace") not in (None, namespace):
        return f"{name} in namespace {meta['namespace']}; the site's is {namespace}"
    return ""


def _definitions(chart: Path) -> Iterator[Problem]:
    """Custom resource definitions: Helm installs a folder crds/ as it is, and renders none of it."""
    for file in sorted(chart.rglob("crds/*")):
        place = file.relative_to(chart).as_posix()
        allowed = f"{place}: a definition belongs to the whole cluster; a site has one namespace"
        yield Problem(f"charts/{chart.name}", "", None, allowed, "let who runs the cluster install it")


@lru_cache(64)
def _defines(chart: Path, version: str) -> Mapping[str, str]:
    """Return every named template of a staged chart: Helm knows all of them everywhere."""
    found: dict[str, str] = {}
    for file in sorted(chart.rglob("templates/*.tpl")):
        parts = _DEFINE.split(file.read_text())
        found.update(zip(parts[1::2], parts[2::2], strict=True))
    return found


def brought_by(chart: Path, source: str) -> str:
    """Return the file of the brick whose sub-chart a template is; the chart where it is the release's own."""
    parts = source.split("/")
    aliases = [parts[place + 1] for place, part in enumerate(parts[:-1]) if part == "charts"]
    return f"values/{aliases[-1]}.yml" if aliases else f"charts/{chart.name}"


def _chart_of(chart: Path, source: str) -> str:
    file = _file(chart, source)
    return file.parent.parent.name if file else chart.name


def _file(chart: Path, source: str) -> Path | None:
    """Return the template in the staged chart: Helm's name of it has aliases in the place of charts."""
    folder, parts = chart, source.split("/")[1:]
    while len(parts) > 2 and parts[0] == "charts":
        charts_below = {one.alias: one.chart for one in charts.read(folder).dependencies}
        if parts[1] not in charts_below:
            return None
        folder, parts = folder / "charts" / charts_below[parts[1]], parts[2:]
    return folder.joinpath(*parts) if parts and parts[0] == "templates" and ".." not in parts else None
