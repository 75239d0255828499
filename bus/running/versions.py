"""Which version of a product runs and which is wanted, and whether the wanted one can read what the other wrote."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bus.image_reference import Reference
from bus.running.live import Workload
from bus.running.sizes import Finding

PRODUCTS = {"kafka": "Kafka", "es": "Elasticsearch", "postgres": "PostgreSQL"}
"""brick -> what a message calls its product"""
# What makers of images write into the environment: docker-library, Strimzi, Bitnami (beside its own name), Elastic.
_VARIABLES = {
    "kafka": ("KAFKA_VERSION",),
    "es": ("ELASTICSEARCH_VERSION", "ELASTIC_VERSION", "ES_VERSION"),
    "postgres": ("PG_VERSION", "PG_MAJOR"),
}
_WORDS = {"kafka": "kafka", "es": "elasticsearch", "postgres": "postgres"}
_APP, _APP_VERSION = "BITNAMI_APP_NAME", "APP_VERSION"
_LABELS = ("org.opencontainers.image.version", "org.label-schema.version")
# What else an image says of itself. Base images hand their own down: ubuntu's label is its 22.04.
_TITLES = (
    "org.opencontainers.image.title",
    "org.opencontainers.image.ref.name",
    "org.label-schema.name",
    "name",
)
_NUMBERS = re.compile(r"v?(\d{1,4}(?:\.\d{1,4}){0,3})")
# A tag that is a version and the system below it. With anything else behind, numbers are somebody's own: 1.0.0_isi.1.
_SYSTEM = (
    r"(?:alpine|bookworm|bullseye|trixie|buster|slim|debian|ubuntu|jammy|noble|focal|ubi|ol|rhel|amd64|arm64|jre|jdk|r)"
)
_TAG = re.compile(rf"v?(\d{{1,4}}(?:\.\d{{1,4}}){{0,3}})(?:-{_SYSTEM}?[\d.]*)*")
_HIGHEST_MAJOR = 99
# PostgreSQL had two numbers in its major version before 10.
_ONE_NUMBER = 10
# The last minor version of each major one: the only one that the next major version starts on.
_LAST = {6: (6, 8), 7: (7, 17), 8: (8, 18)}


@dataclass(frozen=True)
class Version:
    """The numbers of a version, as many as are known, and where they come from."""

    numbers: tuple[int, ...]
    source: str
    weak: bool = False
    """whether it may be somebody's own numbering: a tag, or a label that anybody may write"""

    def __str__(self) -> str:
        return ".".join(map(str, self.numbers))

    def is_older(self, other: "Version") -> bool:
        """Whether it is older as far as the numbers of both go: 4.3 is not older than 4.3.1."""
        shared = min(len(self.numbers), len(other.numbers))
        return self.numbers[:shared] < other.numbers[:shared]

    def agrees(self, other: "Version") -> bool:
        """Whether both can be one version."""
        return not self.is_older(other) and not other.is_older(self)


def parse(text: str, source: str, *, weak: bool = False) -> Version | None:
    """The version that begins a text as servers write it: 17.10 (Debian 17.10-0), 17.2-1.pgdg120+1, 9.4.3."""
    found = _NUMBERS.match(text.strip())
    return _version(found[1], source, weak) if found else None


def of_tag(tag: str) -> Version | None:
    """The version that a tag is, where it looks like nothing else."""
    found = _TAG.fullmatch(tag)
    return _version(found[1], f"tag {tag}", True) if found else None


def of_config(brick: str, config: Mapping[str, Any]) -> Version | None:
    """What the configuration of an image says (image-spec: config.Env, config.Labels); None where it says nothing."""
    inner = config.get("config") or {}
    given: Sequence[str] = inner.get("Env") or []
    env = dict(entry.split("=", 1) for entry in given if "=" in entry)
    names = [name for name in _VARIABLES[brick] if env.get(name)]
    if _WORDS[brick] in env.get(_APP, "").lower() and env.get(_APP_VERSION):
        names.append(_APP_VERSION)
    for name in names:
        if version := parse(env[name], f"{name} of the image"):
            return version
    labels: Mapping[str, str] = inner.get("Labels") or {}
    titles = " ".join(str(labels[key]) for key in _TITLES if labels.get(key)).lower()
    if titles and _WORDS[brick] not in titles:
        return None
    for label in _LABELS:
        found = _TAG.fullmatch(str(labels.get(label, "")))
        if found:
            return _version(found[1], f"label {label} of the image", True)
    return None


def named(versions: Mapping[str, str], image: Reference) -> Version | None:
    """What bus:images.versions says of an image, by its name and tag, or by its digest."""
    for key in (f"{image.name}:{image.tag}", f"{image.path}:{image.tag}", image.digest):
        if key in versions:
            return parse(versions[key], "bus:images.versions")
    return None


def trusted(wanted: Version | None, running: Version | None, of_running_image: Version | None) -> Version | None:
    """`wanted`, unless it is a numbering that what runs shows to be another than the product's.

    An image sys-isi/kafka:1.0.1 in which Kafka 4.3.1 runs says that 1.0.2 is no version of Kafka either.
    """
    if not (wanted and wanted.weak and running and of_running_image and of_running_image.weak):
        return wanted
    return wanted if of_running_image.agrees(running) else None


@dataclass(frozen=True)
class Known:
    """What is known of the versions of one product of a site; None where nothing says it."""

    running: Version | None
    """of the servers, or of the image that they run from"""
    deployed: Version | None
    """of the image that they run from"""
    wanted: Version | None


def judged(brick: str, image: Reference, workload: Workload, known: Known) -> Finding | None:
    """What must be known of a wanted image beside the data of `workload`; refused where it would not start on it."""
    product, running = PRODUCTS[brick], known.running
    wanted = trusted(known.wanted, running, known.deployed)
    if running is None:
        said = f"{product}: {_unknown(workload)}; whether {image.pinned} starts on its data is not judged"
        return Finding("image", image.pinned, said, "make sure that it does", refused=False)
    if wanted is None:
        said = f"{product} {running} runs ({running.source}); which version this image has cannot be told: not judged"
        name = f"{image.name}:{image.tag}" if image.tag else image.digest
        remedy = f'to say it: bus:images.versions: {{"{name}": "<the version of {product} in it>"}}'
        return Finding("image", image.pinned, said, remedy, refused=False)
    if refused := refusal(brick, running, wanted):
        said, remedy = refused
        doubt = (
            f"; if {wanted} is not its version of {product}, say which is: bus:images.versions" if wanted.weak else ""
        )
        allowed = f"{said} (running: {running.source}; wanted: {wanted.source})"
        return Finding("image", image.pinned, allowed, f"{remedy}{doubt}")
    return None


def _unknown(workload: Workload) -> str:
    """Why nobody can say what runs."""
    if workload.replicas is None:
        return "volumes are left of one that is gone, and nothing says which version wrote them"
    if workload.replicas and not workload.pods:
        return "no pod of it is ready, so that nothing says which version wrote its data"
    return f"neither its pods nor its image {workload.image} say which version it is"


def is_same(deployed: Reference | None, wanted: Reference) -> bool:
    """Whether both are the same image: by digest where both have one, by name and tag otherwise."""
    if deployed is None:
        return False
    if deployed.digest and wanted.digest:
        return deployed.digest == wanted.digest
    return str(deployed) == str(wanted)


def refusal(brick: str, running: Version, wanted: Version) -> tuple[str, str] | None:
    """Why `wanted` would not start on the data of `running`, and the remedy; None where it would."""
    judge = {"kafka": _kafka, "es": _elasticsearch, "postgres": _postgres}[brick]
    return judge(running, wanted)


def _postgres(running: Version, wanted: Version) -> tuple[str, str] | None:
    before, after = _major(running), _major(wanted)
    if before == after or (0 in (len(before), len(after))):
        return None
    said = f"PostgreSQL {wanted} does not start on the files of {running}: each major version has its own format"
    remedy = (
        f"keep an image of {'.'.join(map(str, before))}; to change it: dump with pg_dumpall, delete set and volume, "
        f"restore (docs/operating.md)"
    )
    return said, remedy


def _kafka(running: Version, wanted: Version) -> tuple[str, str] | None:
    if not wanted.is_older(running):
        return None
    said = f"Kafka {wanted} is older than what runs, {running}: it may not start on what that wrote"
    return said, f"keep an image of {running} or newer (docs/operating.md, for a way back that Kafka has)"


def _elasticsearch(running: Version, wanted: Version) -> tuple[str, str] | None:
    if wanted.is_older(running):
        said = f"Elasticsearch {wanted} does not start on the data of {running}, which is newer"
        return said, f"keep an image of {running} or newer; an older one takes a snapshot into an empty cluster"
    before, after = running.numbers[0], wanted.numbers[0]
    if after == before:
        return None
    last = _LAST.get(after - 1)
    if after > before + 1 or (last and running.numbers[: len(last)] < last):
        step = ".".join(map(str, last)) if last else f"the last {after - 1}"
        said = f"Elasticsearch {wanted} does not start on the data of {running}: one major version after the other"
        return said, f"go to {step} or newer of {after - 1} first, then to {wanted}"
    return None


def _major(version: Version) -> tuple[int, ...]:
    if version.numbers[0] >= _ONE_NUMBER:
        return version.numbers[:1]
    return version.numbers[:2] if len(version.numbers) > 1 else ()


def _version(text: str, source: str, weak: bool) -> Version | None:
    numbers = tuple(int(part) for part in text.split("."))
    return Version(numbers, source, weak) if numbers[0] <= _HIGHEST_MAJOR else None
