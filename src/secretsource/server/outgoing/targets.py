"""Where a request of the service may go: the parts of an address, and which networks are public. Pure.

The number that a connection is made to counts, and not the name that stands for it. The owner of a name can let it
point anywhere, and elsewhere a moment later.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

__all__ = ["LOOPBACK", "Target", "is_public", "is_safe", "read_target"]

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""The names of this machine that no other machine can answer for."""
_PORTS = {"http": 80, "https": 443}


class Target(NamedTuple):
    """The parts of an address of the web.

    Attributes:
        is_secured: Whether it begins with ``https://``.
        host: The name or the number of the host, in lower case.
        port: The port.
        path: The path and the query; at least ``/``.
    """

    is_secured: bool
    host: str
    port: int
    path: str


def read_target(address: str) -> Target | None:
    """Return the parts of an address; None if it is not whole, or holds a user, a blank or a control character.

    Args:
        address: An address such as ``https://example.org/hooks``.
    """
    if not (address.isascii() and address.isprintable()) or " " in address or "\\" in address:
        return None
    try:
        parts = urlsplit(address)
        port = _PORTS[parts.scheme] if parts.port is None else parts.port
    except (ValueError, KeyError):
        return None
    if not parts.hostname or parts.username is not None or parts.password is not None or port == 0:
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme == "https", parts.hostname, port, path)


def is_safe(address: str) -> bool:
    """Return whether an address is one that nobody on the way can answer for: it has https, or is on this machine.

    Args:
        address: The address, as a setting or another host names it.
    """
    target = read_target(address)
    return target is not None and (target.is_secured or target.host in LOOPBACK)


def is_public(number: str) -> bool:
    """Return whether the number of a host is reachable by everybody, so that nothing inside can be meant.

    Private, loopback, link-local, multicast and reserved networks are not, nor the services of clouds that tell
    credentials to their machines, nor IPv6 numbers that carry such an IPv4 number.

    Args:
        number: The number of a host, such as ``203.0.113.7``.
    """
    try:
        address = ip_address(number)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address in _NAT64:
        address = IPv4Address(int(address) & 0xFFFFFFFF)
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    is_closed = address.is_multicast or any(address in network for network in _CLOSED)
    return address.is_global and not is_closed


_NAT64 = IPv6Network("64:ff9b::/96")
_UNICAST = IPv6Network("2000::/3")
"""The part of IPv6 that is given to hosts of the internet; mapped and local numbers are outside of it."""
_CLOSED = tuple(
    ip_network(each)
    for each in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/23", "2002::/16", "3fff::/20")
)
"""Networks that Python calls global, in one version or another: relays, examples, and the inside of Azure."""
