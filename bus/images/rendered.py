"""Images that rendered manifests name, wherever they name them, and why. Pure.

Listing tools look at containers and miss the rest (zarf#1246, #1625): here every string of every object is looked at.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# host.with.dots[:port]/path then a tag or a digest; what follows a scheme is a URL and no image.
_LIKE_AN_IMAGE = re.compile(
    r"(?<![\w/.:@-])(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?|localhost(?::\d+)?|[a-z0-9-]+:\d+)"
    r"/[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?:@sha256:[0-9a-f]{64}|:\w[\w.-]*)(?![\w/])"
)
# An image whose tag stands elsewhere: nothing but host.with.dots/path, where programs are configured.
_WITHOUT_TAG = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+")
# https://kubernetes.io/docs/concepts/workloads/ and https://helm.sh/docs/topics/charts_hooks/
_WORKLOADS = frozenset({"Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "PodTemplate"})
_HOOK = "helm.sh/hook"
_DEFINITION = "CustomResourceDefinition"
_CONFIGURATION = frozenset({"env", "args", "command", "data", "stringData"})


@dataclass(frozen=True)
class Named:
    """An image in a rendered object; `certain` where the object runs it, else its text only looks like one."""

    image: str
    why: str
    certain: bool
    role: str
    """container, init container, hook, CronJob, custom resource; text where it only looks like an image"""

    def names(self, image: str) -> bool:
        """Whether this is `image`, or its beginning where the tag stands elsewhere."""
        return image == self.image or image.startswith((f"{self.image}:", f"{self.image}@"))


def named(documents: Iterable[Mapping[str, Any]]) -> Iterator[Named]:
    """Every image that the objects name: of containers and custom resources, in env, args and config."""
    for document in documents:
        owner = f"{document.get('kind')} {(document.get('metadata') or {}).get('name')}"
        for path, text in _strings(document):
            if document.get("kind") == _DEFINITION and path[-1] == "description":
                continue  # prose for readers of a custom resource's schema, which names examples
            if path[-1] == "image":
                yield Named(text, f"{owner}: {_place(path)}", certain=True, role=_role(document, path))
            else:
                alone = [text] if _CONFIGURATION & set(path) and _WITHOUT_TAG.fullmatch(text) else []
                for found in [*_LIKE_AN_IMAGE.findall(text), *alone]:
                    yield Named(found, f"{owner}: {_place(path)}", certain=False, role="text")


def mentions(documents: Iterable[Mapping[str, Any]], hosts: Iterable[str], registry: str) -> Iterator[str]:
    """Places that name one of the source registries' `hosts`, unless as a part of the target's own address."""
    wanted = [re.compile(rf"(?<![\w.-]){re.escape(host)}(?![\w.-])") for host in hosts]
    for document in documents:
        owner = f"{document.get('kind')} {(document.get('metadata') or {}).get('name')}"
        for path, text in _strings(document):
            for pattern in wanted:
                if any(not text.startswith(registry, match.start()) for match in pattern.finditer(text)):
                    yield f"{owner}: {_place(path)} = {text[:120]!r}"


def _strings(value: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield above, value
    elif isinstance(value, Mapping):
        for key, below in value.items():
            yield from _strings(below, (*above, str(key)))
    elif isinstance(value, list):
        for number, below in enumerate(value):
            label = below.get("name") if isinstance(below, Mapping) else None
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
