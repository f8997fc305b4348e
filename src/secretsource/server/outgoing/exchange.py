"""One request to another server: bounds of time and size that hold for all of it, and no redirects.

The name of the host is resolved once, and the connection is made to a number that was judged. So a name that points
elsewhere a moment later changes nothing. Proxies of the environment are not used: they would resolve the name again.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead
from threading import Timer
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from secretsource.server.outgoing.targets import is_public

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.server.outgoing.targets import Target

__all__ = ["ExchangeError", "Reply", "Request", "exchange"]

AGENT = "secretsource"


class ExchangeError(Exception):
    """There was no answer; the text says why, and quotes no part of one."""


class Request(NamedTuple):
    """A request.

    Attributes:
        target: Where it goes.
        method: ``GET`` or ``POST``.
        headers: Headers beside ``Host``, ``User-Agent`` and ``Content-Length``.
        body: The body; None for a request without one.
    """

    target: Target
    method: str
    headers: Mapping[str, str]
    body: bytes | None = None

    def __repr__(self) -> str:
        return f"Request({self.method} to {self.target.host}, <masked>)"


class Reply(NamedTuple):
    """An answer.

    Attributes:
        status: The status, 100 to 599.
        retry_after: The header ``Retry-After``; empty without it.
        body: The body, up to one byte more than was asked for.
    """

    status: int
    retry_after: str
    body: bytes


def exchange(request: Request, *, within: float, most: int, private: bool) -> Reply:
    """Send a request, and return the answer; call it in a thread of its own.

    Args:
        request: The request.
        within: Seconds for everything after the name of the host is looked up.
        most: Bytes of the answer to read; 0 leaves its body unread.
        private: Whether the host may be in a network that is not public.

    Raises:
        ExchangeError: There was no whole answer in time, or the host may not be asked.
    """
    host = request.target.host
    numbers = _resolved(request.target)
    allowed = [number for number in numbers if private or is_public(number[4][0])]
    if not allowed:
        raise ExchangeError(f"{host} was not asked: it is in a network that is not public")
    line = _Line(request.target, monotonic() + within)
    # A server that sends a byte now and then would outlast every single timeout: the end of the time ends the line.
    clock = Timer(within, line.cut)
    clock.daemon = True
    clock.start()
    try:
        line.connect(allowed)
        reply = _asked(line.connection, request, most)
        if monotonic() >= line.ends:  # the line was cut, which looks like the end of the answer
            raise TimeoutError
        return reply
    except (OSError, HTTPException, ValueError) as error:
        failure = type(error).__name__
    finally:
        clock.cancel()
        clock.join()
        line.connection.close()
    raise ExchangeError(f"{host} could not be asked within {within:g} seconds ({failure})")


class _Line:
    """A connection to one of the numbers of a host, which can be cut."""

    def __init__(self, target: Target, ends: float) -> None:
        self._target = target
        self.ends = ends
        kind = HTTPSConnection if target.is_secured else HTTPConnection
        self.connection: HTTPConnection = kind(target.host, target.port)
        self._socket: socket.socket | None = None
        """The socket; the connection lets go of it at the headers of an answer that ends with the connection."""

    def connect(self, numbers: list[_Number]) -> None:
        """Connect to the first number that answers."""
        failure: OSError = TimeoutError()
        for family, kind, protocol, _, address in numbers:
            left = self.ends - monotonic()
            if left <= 0:
                break
            raw = socket.socket(family, kind, protocol)
            raw.settimeout(left)
            self._hold(raw)
            try:
                raw.connect(address)
            except OSError as error:
                raw.close()
                failure = error
            else:
                self._secure(raw)
                return
        raise failure

    def _secure(self, raw: socket.socket) -> None:
        """Begin TLS, in the name of the host, for an address that asks for it."""
        if self._target.is_secured:
            secured = _trust().wrap_socket(raw, server_hostname=self._target.host, do_handshake_on_connect=False)
            self._hold(secured)
            secured.do_handshake()

    def _hold(self, line: socket.socket) -> None:
        self._socket = self.connection.sock = line

    def cut(self) -> None:
        """End a connection whose time is over; a read that waits on it returns."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


if TYPE_CHECKING:
    from typing import Any, TypeAlias

    _Number: TypeAlias = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]


def _resolved(target: Target) -> list[_Number]:
    try:
        return list(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        failure = type(error).__name__
    raise ExchangeError(f"{target.host} could not be found ({failure})")


@cache
def _trust() -> ssl.SSLContext:
    """Return the authorities that this machine believes; reading them takes longer than a request."""
    return ssl.create_default_context()


def _asked(connection: HTTPConnection, request: Request, most: int) -> Reply:
    connection.request(request.method, request.target.path, request.body, {"User-Agent": AGENT, **request.headers})
    answer = connection.getresponse()
    body = answer.read(most + 1) if most else b""
    if answer.length and most and len(body) <= most:  # bytes that were announced and did not come
        raise IncompleteRead(body, answer.length)
    return Reply(answer.status, answer.headers.get("Retry-After", ""), body)
