"""The address of Vault: the URL of a host, or a Unix socket where an agent listens; pure."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from secretsource.providers._wire.reach import place_of

__all__ = ["Address"]

UNIX = "unix://"


class Address(NamedTuple):
    """The address of calls.

    Attributes:
        url: The base URL of a call.
        socket_path: The Unix socket to connect to, or None for the host of the URL.
        shown: The host and port, or the socket, for messages; unlike a URL, it never holds a password.
    """

    url: str
    socket_path: str | None
    shown: str

    @classmethod
    def of(cls, text: str) -> Address | None:
        """Return an address as it is set; None if it is neither the URL of a host nor a socket."""
        if not text.isprintable() or " " in text:
            return None
        if text.startswith(UNIX):
            path = text.removeprefix(UNIX)
            return cls("http://localhost", path, place_of(text)) if path.startswith("/") and path != "/" else None
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            return None
        if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
            return None
        return cls(text, None, place_of(text))
