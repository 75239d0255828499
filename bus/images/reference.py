"""Image references: one model for the bricks' files, the charts and the registries."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

# https://github.com/distribution/reference/blob/main/regexp.go, with the registry always named.
_REFERENCE = re.compile(
    r"(?P<host>[A-Za-z0-9.-]+(?::\d+)?)/(?P<path>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)


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
        return "/".join([*self.repository.split("/")[1:], self.name])

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
    if found is None or not (found["tag"] or found["digest"]):
        raise ValueError(f"{text!r} is no image reference: host/path:tag, host/path@sha256:... or both")
    return Reference(found["host"], found["path"], found["tag"] or "", found["digest"] or "")


def is_tag(text: str) -> bool:
    """Whether a registry would take `text` as a tag."""
    return _TAG.fullmatch(text) is not None
