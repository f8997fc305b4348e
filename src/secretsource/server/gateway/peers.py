"""The address of the client behind the gateways that are trusted. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from secretsource.server.settings import Network

__all__ = ["FORWARDED_FOR", "client_address", "forwarded_for", "is_trusted"]

FORWARDED_FOR = b"x-forwarded-for"


def client_address(headers: Iterable[tuple[bytes, bytes]], peer: str | None, trusted: Sequence[Network]) -> str | None:
    """Return the address of the client: that of the peer, or the nearest one before it that is not a gateway.

    Args:
        headers: The headers of the request, names in lower case, as ASGI has them.
        peer: The address of the connection.
        trusted: The networks of the gateways, whose ``X-Forwarded-For`` is believed.
    """
    if not trusted or not is_trusted(peer, trusted):
        return peer
    for written in reversed(forwarded_for(headers).decode("latin-1").split(",")):
        address = written.strip()
        if not address:
            continue
        if not is_trusted(address, trusted):
            return address
        peer = address
    return peer


def forwarded_for(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the addresses that a request has passed, as one list.

    Args:
        headers: The headers of the request.
    """
    return b",".join([value for name, value in headers if name == FORWARDED_FOR])


def is_trusted(address: str | None, trusted: Sequence[Network]) -> bool:
    """Return whether an address is that of a gateway.

    Args:
        address: The address, as text; None for a connection without one, such as a UNIX socket.
        trusted: The networks of the gateways.
    """
    try:
        found = ip_address(address or "")
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in network for network in trusted)
