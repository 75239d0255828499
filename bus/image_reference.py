"""Image references: one model for the bricks' files, the charts and the registries."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bus.image_digest import PATTERN

# https://github.com/distribution/reference/blob/main/regexp.go, with the registry always named and digests of SHA-256.
_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"(?:{_WORD}(?:\.{_WORD})*|\[[A-Fa-f0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_REFERENCE = re.compile(
    rf"(?P<host>{_HOST})/(?P<path>{_PART}(?:/{_PART})*)(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{PATTERN}))?"
)
_LONGEST_PATH = 255
HUB = "docker.io"


@dataclass(frozen=True)
class Reference:
    """repository/name:tag@digest, as imagehelper writes it; `repository` is a registry, maybe with a path."""

    repository: str
    name: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        """As a pod names it: by digest where there is one, else by tag."""
        place = f"{self.repository}/{self.name}"
        return f"{place}@{self.digest}" if self.digest else f"{place}:{self.tag}"

    @property
    def pinned(self) -> str:
        """Tag and digest together, for outputs and tables; parse() reads it back."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}/{self.name}{tag}{digest}"

    @property
    def host(self) -> str:
        """host[:port] of the registry."""
        return self.repository.split("/", 1)[0]

    @property
    def path(self) -> str:
        """The image's path within the registry, which its API calls name."""
        path = "/".join([*self.repository.split("/")[1:], self.name])
        return f"library/{path}" if self.host == HUB and "/" not in path else path

    @property
    def version(self) -> str:
        """What a manifest is asked by: the digest wins over the tag."""
        return self.digest or self.tag

    def relocated(self, repository: str) -> "Reference":
        """The same image where `global.repository` puts it; unchanged where that is empty."""
        return replace(self, repository=repository) if repository else self


def from_values(image: Mapping[str, str]) -> Reference:
    """The reference of a chart's `image:` block."""
    return Reference(image.get("repository", ""), image.get("name", ""), image.get("tag", ""), image.get("digest", ""))


def parse(text: str) -> Reference:
    """The reverse of str() and of `pinned`: host/path:tag, host/path@digest or both; raises ValueError."""
    found = _REFERENCE.fullmatch(text)
    if found is None or not (found["tag"] or found["digest"]) or len(found["path"]) > _LONGEST_PATH:
        raise ValueError(f"{text!r} is no image reference: host/path:tag, host/path@sha256:... or both")
    if not _is_registry(found["host"]):
        raise ValueError(f"{text!r} names no registry, so that nodes would ask Docker Hub: write {HUB}/{text} if so")
    return Reference(found["host"], found["path"], found["tag"] or "", found["digest"] or "")


def pulled(text: str) -> Reference:
    """What nodes pull for the image of a pod: Docker's where no registry is named, `latest` without a tag.

    Raises ValueError.
    """
    first, _, rest = text.partition("/")
    host, path = (first, rest) if rest and _is_registry(first) else (HUB, text)
    versioned = path if ":" in path or "@" in path else f"{path}:latest"
    return parse(f"{HUB if host == f'index.{HUB}' else host}/{versioned}")


def is_tag(text: str) -> bool:
    """Whether a registry would take `text` as a tag."""
    return re.fullmatch(_TAG, text) is not None


def _is_registry(first: str) -> bool:
    """Whether the first part of a reference is a host and not a user of Docker Hub, as container runtimes tell them."""
    return "." in first or ":" in first or first == "localhost" or first != first.lower()
