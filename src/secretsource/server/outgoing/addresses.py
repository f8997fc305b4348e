"""The addresses that the service may ask. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["is_safe"]

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def is_safe(address: str) -> bool:
    """Return whether an address is one that nobody on the way can answer for: it has https, or is on this machine.

    Args:
        address: The address, as a setting or another host names it.
    """
    try:
        parts = urlsplit(address)
        is_secured = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        is_whole = bool(parts.hostname) and parts.username is None and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    return is_secured and is_whole and address.isascii() and address.isprintable() and " " not in address
