"""What is special about single registries: who issues their tokens, and which certificates they are verified with."""

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bus.config.parsing import parse
from bus.config.stack_file import NAMESPACE, Images, StackFile
from bus.errors import Problem
from bus.images.registry import private
from bus.images.registry.session import verified_with

_KEY = f"{NAMESPACE}:images.registries"


@dataclass(frozen=True)
class Trust:
    """Of one registry: hosts (host[:port]) that may get its login for a token, and certificates as PEM text."""

    token_hosts: tuple[str, ...] = ()
    ca: str = ""

    def and_also(self, other: "Trust") -> "Trust":
        """Return both together; the certificates of `other` win."""
        return Trust((*self.token_hosts, *other.token_hosts), other.ca or self.ca)


def read(images: Images, root: Path) -> dict[str, Trust]:
    """Return the trust of each registry by its host, lower-case; a file that cannot be read counts as none."""
    return {
        host.lower(): Trust(entry.token_hosts, _text(root / entry.ca_file) if entry.ca_file else "")
        for host, entry in images.registries.items()
    }


def to_props(trust: Mapping[str, Trust]) -> dict[str, Any] | None:
    """Return the trust of all registries as a resource keeps it: certificates are no secret, and a path means nothing
    on another machine.
    """
    return {host: {"tokenHosts": list(one.token_hosts), "ca": one.ca} for host, one in trust.items()} or None


def from_props(props: Mapping[str, Any] | None) -> dict[str, Trust]:
    """Read what `to_props` has written; a state of before has nothing."""
    return {host: Trust(tuple(one["tokenHosts"]), one["ca"]) for host, one in (props or {}).items()}


def of_config(config: Mapping[str, Any], root: Path) -> dict[str, Trust]:
    """Return the same from a stack file's `config:` in a checkout; empty where it cannot be read."""
    images, _ = parse(Images, config.get(f"{NAMESPACE}:images") or {}, "")
    return read(images, root) if images else {}


def together(*several: Mapping[str, Trust]) -> dict[str, Trust]:
    """Return the trust of all registries of `several`; the last one wins."""
    found: dict[str, Trust] = {}
    for trust in several:
        for host, entry in trust.items():
            found[host] = found.get(host, Trust()).and_also(entry)
    return found


def from_options(token_hosts: Iterable[str], ca_files: Iterable[str]) -> dict[str, Trust]:
    """Return the trust that a command's options (REGISTRY=HOST, REGISTRY=FILE) name; raise ValueError."""
    found: list[dict[str, Trust]] = []
    for text in token_hosts:
        registry, _, host = text.partition("=")
        if not registry or not host:
            raise ValueError(f"{text!r} must be REGISTRY=HOST, such as registry.example=git.example")
        found.append({registry.lower(): Trust((host,))})
    for text in ca_files:
        registry, _, file = text.partition("=")
        if not registry or not file:
            raise ValueError(f"{text!r} must be REGISTRY=FILE, such as registry.example=ca.pem")
        if why := _unusable(Path(file)):
            raise ValueError(f"{file} {why}")
        found.append({registry.lower(): Trust((), _text(Path(file)))})
    return together(*found)


def problems(file: str, content: StackFile, root: Path) -> list[Problem]:
    """Return certificates that cannot be used, and plain HTTP towards public addresses."""
    found = []
    for host, entry in content.images.registries.items():
        if entry.ca_file and (why := _unusable(root / entry.ca_file)):
            allowed = f"{why}; it must be a file with certificates in PEM"
            found.append(Problem(file, f"{_KEY}.{host}.caFile", entry.ca_file, allowed))
    delivery = content.delivery
    plain = [("bus:images.insecure", content.images.insecure and content.images.mirror)]
    if delivery:
        plain += [("bus:delivery.insecure", delivery.insecure and delivery.registry)]
        plain += [("bus:delivery.sourceInsecure", delivery.source_insecure and delivery.source_mirror)]
    for key, place in plain:
        host = place.split("/")[0] if place else ""
        if host and private.is_public(host):
            allowed = f"plain HTTP towards {host}, which is public; allowed: {private.ALLOWED}"
            remedy = (
                f'take it away, or for a certificate of your own: bus:images.registries: {{"{host}": {{caFile: FILE}}}}'
            )
            found.append(Problem(file, key, True, allowed, remedy))
    return found


def _unusable(file: Path) -> str:
    """Why a file has no certificates to use; empty where it has."""
    if not (text := _text(file)):
        return "cannot be read" if not file.is_file() else "is empty, or no text"
    try:
        verified_with(text)
    except ssl.SSLError:
        return "has no certificate"
    return ""


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
