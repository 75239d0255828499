"""Images that rendered manifests name, wherever they name them, and why.

Listing tools look at containers and miss the rest (zarf#1246, #1625): here every string of every object is looked at.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_PATH = r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
# A tag, a digest of any kind, or both.
_DIGEST = r"@sha\d+:[0-9a-f]{32,}"
_VERSION = rf"(?:{_DIGEST}|:\w[\w.-]*(?:{_DIGEST})?)"
# As hosts are written: in upper case too, and an address of IPv6.
_HOST = (
    r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?|localhost(?::\d+)?|[A-Za-z0-9-]+:\d+|\[[0-9A-Fa-f:.]+\](?::\d+)?)"
)
# host.with.dots[:port]/path then a tag, a digest or both; what follows a scheme is a URL and no image.
_LIKE_AN_IMAGE = re.compile(rf"(?<![\w/.:@-]){_HOST}/{_PATH}{_VERSION}(?![\w/])")
# An image whose tag stands elsewhere: nothing but host.with.dots/path, where programs are configured.
_WITHOUT_TAG = re.compile(
    r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?|\[[0-9A-Fa-f:.]+\](?::\d+)?)(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+"
)
# What has that form and is none: a network, and a Service, which nodes do not resolve.
_NO_IMAGE = re.compile(r"[\d.]+/\d+|[a-z0-9.-]+\.svc(?:\.cluster\.local)?(?::\d+)?/.*")
# Where an image of Docker Hub needs no host to be known as one: baseImage, WORKER_IMAGE, --collector-image, imageName,
# and an annotation such as vault.hashicorp.com/agent-image.
_IMAGE = r"(?i:image(?:[_-]?(?:name|ref))?)"
_IMAGE_KEY = re.compile(rf"(?:[\w.-]+/)?[\w.-]*{_IMAGE}")
_BELOW_A_KEY = re.compile(rf"(?:{_HOST}/)?{_PATH}{_VERSION}|(?:{_HOST}/)?{_PATH}/{_PATH}|{_HOST}/{_PATH}")
# Several of them: IMAGES, x.io/sidecar-images.
_LIST_KEY = re.compile(r"(?:[\w.-]+/)?[\w.-]*(?i:images)")
_WITH_VERSION = re.compile(rf"(?:{_HOST}/)?{_PATH}{_VERSION}")
_BETWEEN = re.compile(r"[,;\s]+")
_IN_TEXT = re.compile(rf"""{_IMAGE}["']?[ \t]*[:=][ \t]*["']?({_PATH}{_VERSION})(?![\w/])""")
# https://kubernetes.io/docs/concepts/workloads/ and https://helm.sh/docs/topics/charts_hooks/
_WORKLOADS = frozenset({"Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "PodTemplate"})
_TEXTS = frozenset({"ConfigMap", "Secret"})
_HOOK = "helm.sh/hook"
_DEFINITION = "CustomResourceDefinition"
_CONFIGURATION = frozenset({"env", "args", "command", "data", "stringData"})
_ANNOTATIONS = "annotations"


@dataclass(frozen=True)
class Named:
    """An image in a rendered object; `certain` where the object runs it, else its text only looks like one."""

    image: str
    why: str
    certain: bool
    role: str
    """container, init container, hook, CronJob, custom resource; text where it only looks like an image"""

    @property
    def versioned(self) -> bool:
        """Whether it has a tag or a digest, and so is more than a place that one may be put to."""
        return "@" in self.image or ":" in self.image.rpartition("/")[2]

    def names(self, image: str) -> bool:
        """Whether this is `image`, or its beginning where the tag stands elsewhere.

        Tag and digest together are the image of the digest, as nodes and `Reference` read it.
        """
        mine, other = _as_pulled(self.image), _as_pulled(image)
        return other == mine or other.startswith((f"{mine}:", f"{mine}@"))


def named(documents: Iterable[Mapping[str, Any]], others: Collection[str] = ()) -> Iterator[Named]:
    """Every image that the objects name: of containers and custom resources, in env, args and config.

    `others` are texts that only look like one; what a pod runs is one whatever they say.
    """
    for document in _objects(documents):
        owner = f"{document.get('kind')} {(document.get('metadata') or {}).get('name')}"
        for path, text in _strings(document):
            if document.get("kind") == _DEFINITION and path[-1] == "description":
                continue  # prose for readers of a custom resource's schema, which names examples
            why = f"{owner}: {_place(path)}"
            if path[-1] == "image" and document.get("kind") not in _TEXTS:
                if text not in others or document.get("kind") in _WORKLOADS:
                    yield Named(text, why, certain=True, role=_role(document, path))
            else:
                for found in (image for image in _in_text(path, text) if image not in others):
                    yield Named(found, why, certain=False, role="text")
        for path, image in ((path, _joined(block)) for path, block in _blocks(document)):
            if image not in others:
                yield Named(image, f"{owner}: {_place(path)}", certain=False, role="custom resource")


def mentions(documents: Iterable[Mapping[str, Any]], hosts: Iterable[str], registry: str) -> Iterator[str]:
    """Places that name one of the source registries' `hosts`, unless as a part of the target's own address."""
    # A host is the same in upper case.
    wanted = [re.compile(rf"(?i)(?<![\w.-]){re.escape(host)}(?![\w.-])") for host in hosts]
    for document in _objects(documents):
        owner = f"{document.get('kind')} {(document.get('metadata') or {}).get('name')}"
        for path, text in _strings(document):
            for pattern in wanted:
                if any(not _begins(text, registry, match.start()) for match in pattern.finditer(text)):
                    yield f"{owner}: {_place(path)} = {text[:120]!r}"


def _begins(text: str, registry: str, at: int) -> bool:
    """Whether `registry` stands in `text` at a place, its host in whatever case."""
    return text[at : at + len(registry)].lower() == registry.lower()


def _as_pulled(image: str) -> str:
    """An image as nodes pull it: by its digest where it has one, its host in lower case."""
    place, _, digest = image.partition("@")
    host, slash, path = place.partition("/")
    if digest:
        path = path.partition(":")[0]
        host = host if slash else host.partition(":")[0]
        return f"{host.lower()}{slash}{path}@{digest}"
    return f"{host.lower()}{slash}{path}" if slash else place


def _objects(documents: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """Each object by itself, those of a `kind: List` too; nothing for an empty document."""
    for document in documents:
        if isinstance(document, list):
            yield from _objects(document)
        elif isinstance(document, Mapping):
            if str(document.get("kind")).endswith("List") and isinstance(document.get("items"), list):
                yield from _objects(document["items"])
            else:
                yield document


def _in_text(path: tuple[str | int, ...], text: str) -> list[str]:
    """What looks like an image in a text that stands at `path`, each once."""
    found = _LIKE_AN_IMAGE.findall(text)
    key = path[-2] if path[-1] == "value" and len(path) > 1 else path[-1]  # env: the variable's name
    if _LIST_KEY.fullmatch(str(key)):
        found += [part for part in _BETWEEN.split(text) if _WITH_VERSION.fullmatch(part)]
    if _IMAGE_KEY.fullmatch(str(key)) and _BELOW_A_KEY.fullmatch(text):
        found.append(text)
    elif _CONFIGURATION & set(path):
        found += _IN_TEXT.findall(text)
        if _WITHOUT_TAG.fullmatch(text) and not _NO_IMAGE.fullmatch(text):
            found.append(text)
    elif _ANNOTATIONS in path:
        found += _IN_TEXT.findall(text)  # JSON or YAML of an injector
    return list(dict.fromkeys(found))


def _blocks(value: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """Images that a custom resource has in parts: image: {registry, repository, tag}."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            path = (*above, str(key))
            if (
                _IMAGE_KEY.fullmatch(str(key))
                and isinstance(below, Mapping)
                and isinstance(below.get("repository"), str)
            ):
                yield path, below
            else:
                yield from _blocks(below, path)
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from _blocks(below, (*above, number))


def _joined(block: Mapping[str, Any]) -> str:
    """An image in parts as one reference."""
    place = "/".join(str(block[key]) for key in ("registry", "repository", "name") if block.get(key))
    version = block.get("tag") or block.get("version")
    digest = block.get("digest") or block.get("sha256")
    return f"{place}{f':{version}' if version else ''}{f'@{digest}' if digest else ''}"


def _strings(value: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text with its path; an item of a list goes by its name, or by the option before it."""
    if isinstance(value, str):
        yield above, value
    elif isinstance(value, Mapping):
        for key, below in value.items():
            yield from _strings(below, (*above, str(key)))
    elif isinstance(value, list):
        for number, below in enumerate(value):
            before = value[number - 1] if number else None
            option = isinstance(before, str) and before.startswith("-") and _IMAGE_KEY.fullmatch(before)
            label = below.get("name") if isinstance(below, Mapping) else before if option else None
            yield from _strings(below, (*above, label if isinstance(label, str) else number))


def _role(document: Mapping[str, Any], path: tuple[str | int, ...]) -> str:
    """What an object does with the image that stands at `path`."""
    if document.get("kind") not in _WORKLOADS:
        return "custom resource"
    if _HOOK in ((document.get("metadata") or {}).get("annotations") or {}):
        return "hook"
    if "initContainers" in path:
        return "init container"
    return "CronJob" if document["kind"] == "CronJob" else "container"


def _place(path: tuple[str | int, ...]) -> str:
    """The part of a path that a reader needs: of a pod's template what is below it."""
    parts = [str(part) for part in path]
    if "template" in parts:
        last = len(parts) - 1 - parts[::-1].index("template")
        parts = parts[last + 2 :] or parts
    return ".".join(parts)
