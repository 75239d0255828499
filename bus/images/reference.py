"""Image references: one model for the bricks' files, the charts and the registries."""

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Reference:
    """repository/name:tag@digest, as imagehelper writes it; `repository` is a registry, maybe with a path."""

    repository: str
    name: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        place = f"{self.repository}/{self.name}"
        return f"{place}@{self.digest}" if self.digest else f"{place}:{self.tag}"

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
    """The reverse of str(): host/path:tag or host/path@digest."""
    host, path = text.split("/", 1)
    if "@" in path:
        name, digest = path.split("@", 1)
        return Reference(host, name, digest=digest)
    name, tag = path.rsplit(":", 1)
    return Reference(host, name, tag)
