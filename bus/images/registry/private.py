"""Where plain HTTP may go: this machine, and networks that only who is inside reaches. Decided by address alone."""

import ipaddress
import socket
from collections.abc import Callable, Iterable

import httpx

from bus.errors import UserError

# RFC 1918 and RFC 4193. Link-local addresses are not among them: the metadata services of clouds answer there.
_PRIVATE = tuple(
    ipaddress.ip_network(net)
    for net in ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
ALLOWED = "loopback and private addresses: 127.0.0.0/8, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, ::1, fc00::/7"


class Insecure(UserError):
    """Plain HTTP towards a registry that others may listen to, or answer in the place of."""


def addresses(name: str) -> list[str]:
    """Return what DNS says of a name; empty where it says nothing."""
    try:
        return sorted({str(entry[4][0]) for entry in socket.getaddrinfo(name, None)})
    except (OSError, UnicodeError):
        return []


def is_private(address: str) -> bool:
    """Tell whether an address is one that plain HTTP may go to."""
    try:
        found: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found.version == net.version and found in net for net in _PRIVATE)


def is_public(host: str) -> bool:
    """Tell whether host[:port] is written as an address that plain HTTP may not go to; a name is not judged."""
    name = _name(host)
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return not is_private(name)


def check(host: str, resolve: Callable[[str], Iterable[str]] = addresses) -> None:
    """Raise Insecure unless host[:port] is, or resolves to nothing but, addresses that plain HTTP may go to."""
    name = _name(host)
    if name == "localhost" or name.endswith(".localhost") or is_private(name):
        return
    found = [name] if is_public(host) else list(resolve(name))
    public = [address for address in found if not is_private(address)]
    if found and not public:
        return
    why = f"is {', '.join(public)}" if public and public != [name] else "is public" if public else "does not resolve"
    raise Insecure(
        f"insecure: plain HTTP towards {host}, which {why}; allowed: {ALLOWED}; take insecure away, and for a "
        f'certificate of your own write bus:images.registries: {{"{host}": {{caFile: FILE}}}} or give --ca-file'
    )


def _name(host: str) -> str:
    try:
        return httpx.URL(f"http://{host}").host
    except httpx.InvalidURL:
        return host
