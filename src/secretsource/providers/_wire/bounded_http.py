"""One deadline and one size for every part of an HTTP answer.

`http.client`, the base of urllib3, botocore, requests and hvac, gives each read its own timeout, and reads bodies
without end. Here each read waits only for the time left in the call, and bytes are counted. An answer that is cut short
is an error; `http.client` takes headers without their end for complete, and botocore a body below its length. The seam
is `http.client`'s own: ``response_class`` of a connection.

    with bounded(deadline, 1024 * 1024):
        …                                   # connections of this thread whose class is a `BoundedConnection`
"""

from __future__ import annotations

import socket
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPResponse, IncompleteRead
from io import BufferedReader, RawIOBase
from queue import Empty, Full
from time import monotonic
from typing import TYPE_CHECKING, Any

from secretsource.providers._wire.errand import Errands

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = [
    "BATCH",
    "ONE",
    "BoundedConnection",
    "BoundedPoolConnection",
    "BoundedResponse",
    "Bounds",
    "Kept",
    "TooLarge",
    "bounded",
    "bounded_pool",
    "bounds_of_call",
    "time_left",
]

ONE = 1024 * 1024
"""Longest answer that holds one secret, in bytes."""

BATCH = 8 * ONE
"""Longest answer that holds several secrets, in bytes."""


PIECE = 65_536
"""Bytes of one read."""

TOLERANCE = 0.01
"""Seconds by which a single wait may outlast the time left."""


class TooLarge(Exception):
    """An error: the answer is longer than any that holds a secret."""


class Bounds:
    """The time and size left in a call.

    Args:
        deadline: Monotonic seconds at which the call must end.
        size: Bytes that one answer may have, headers included.
        connecting: Seconds that connecting to one address may take.
        reading: Seconds that one answer may take.
    """

    __slots__ = ("connecting", "deadline", "reading", "size")

    def __init__(
        self, deadline: float, size: int = ONE, connecting: float = float("inf"), reading: float = float("inf")
    ) -> None:
        self.deadline = deadline
        self.size = size
        self.connecting = connecting
        self.reading = reading


bounds_of_call: ContextVar[Bounds | None] = ContextVar("secretsource_bounds", default=None)
"""The bounds of the call that this thread is in; None outside our calls.

Set it inside ``try``, and set what it was before in ``finally``. A signal may raise between the call of ``set`` and the
assignment of its token, and a token that is lost cannot reset anything.
"""


@contextmanager
def bounded(deadline: float, size: int = ONE, *, connecting: float = float("inf")) -> Generator[None]:
    """Hold the calls of the block to these bounds; the arguments are those of `Bounds`."""
    outside = bounds_of_call.get()
    try:
        bounds_of_call.set(Bounds(deadline, size, connecting))
        yield
    finally:
        bounds_of_call.set(outside)


def time_left(deadline: float, most: float = float("inf")) -> float:
    """Return the seconds to wait at most.

    Raises:
        TimeoutError: The deadline has passed.
    """
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError("the time allowed for the call is over")
    return min(left, most)


def limit(sock: socket.socket, left: float) -> None:
    """Let the next wait of a socket take the time left; skip the call when the timeout is about right already."""
    now = sock.gettimeout()
    if now is None or not left / 2 < now < left + TOLERANCE:
        sock.settimeout(left)


class _BoundedReading(RawIOBase):
    """The bytes of one answer, as the socket delivers them."""

    def __init__(self, sock: socket.socket, raw: Any, bounds: Bounds) -> None:
        super().__init__()
        self._sock = sock
        self._raw = raw
        self._deadline = min(bounds.deadline, monotonic() + bounds.reading)
        self._size_left = bounds.size
        self.is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        limit(self._sock, time_left(self._deadline))
        count: int | None = self._raw.readinto(buffer)
        self._size_left -= count or 0
        if self._size_left < 0:
            raise TooLarge
        self.is_over = count == 0
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class BoundedResponse(HTTPResponse):
    """An answer that obeys the bounds of its call."""

    def __init__(self, sock: Any, *arguments: Any, **keywords: Any) -> None:
        super().__init__(sock, *arguments, **keywords)
        bounds = bounds_of_call.get()
        self._reading: _BoundedReading | None = None
        if bounds is not None:
            whole: Any = self.fp
            self._reading = _BoundedReading(sock, whole.detach(), bounds)
            self.fp = BufferedReader(self._reading)

    def begin(self) -> None:
        """Read the headers; raise `IncompleteRead` if the connection ends before they do."""
        super().begin()
        if self._reading is not None and self._reading.is_over:
            raise IncompleteRead(b"")

    def read(self, amt: int | None = None) -> bytes:
        """Read as `HTTPResponse.read` does, but reserve no memory for a length that an answer merely claims.

        Raises:
            IncompleteRead: The connection ended before the body, however much was asked for.
        """
        if amt is None:
            return b"".join(iter(lambda: self.read(PIECE), b""))
        piece = super().read(amt)
        if not piece and amt and self.length:
            raise IncompleteRead(b"", self.length)
        return piece


class BoundedConnection:
    """A mixin for a connection class of `http.client`; connecting and sending also obey the deadline."""

    response_class: type[HTTPResponse] = BoundedResponse
    sock: socket.socket | None
    timeout: Any

    def connect(self) -> None:
        """Connect within the time left in the call."""
        bounds = bounds_of_call.get()
        if bounds is not None:
            self.timeout = time_left(bounds.deadline, bounds.connecting)
        super().connect()  # type: ignore[misc]  # that of the class it is mixed into

    def send(self, data: Any) -> Any:
        """Send within the time left in the call."""
        bounds = bounds_of_call.get()
        if bounds is not None and self.sock is not None:
            limit(self.sock, time_left(bounds.deadline, bounds.reading))
        return super().send(data)  # type: ignore[misc]  # that of the class it is mixed into


class BoundedPoolConnection(BoundedConnection):
    """A mixin for a connection class of urllib3, which gives every address the whole timeout."""

    _dns_host: str
    port: int

    def _new_conn(self) -> socket.socket:
        bounds = bounds_of_call.get()
        if bounds is None:
            return self._connected()
        name = self._dns_host
        failure: Exception | None = None
        try:
            for address in look_up(name, self.port, bounds.deadline):
                self._dns_host = address
                self.timeout = time_left(bounds.deadline, bounds.connecting)
                try:
                    return self._connected()
                except Exception as error:
                    failure = error
        finally:
            self._dns_host = name
        raise failure or OSError(f"{name} has no address")

    def _connected(self) -> socket.socket:
        sock: socket.socket = super()._new_conn()  # type: ignore[misc]  # urllib3's word for "connect", since 1.7
        bounds = bounds_of_call.get()
        if bounds is not None:
            sock.settimeout(time_left(bounds.deadline))  # for TLS, which starts now
        return sock


class Kept:
    """The unused connections of a pool of urllib3, without a lock: a signal handler may make a call, too.

    The queue of urllib3 has a lock that is not taken twice, and the thread that a signal struck would wait for itself.

    Args:
        size: Most connections that are kept.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: list[Any] = []

    def qsize(self) -> int:
        """Return how many are kept."""
        return len(self._kept)

    def put(self, connection: Any, **_: Any) -> None:
        """Store a connection.

        Raises:
            queue.Full: Enough are kept; nobody waits for room.
        """
        if len(self._kept) >= self._size:
            raise Full
        self._kept.append(connection)

    def get(self, **_: Any) -> Any:
        """Take the connection that was kept last.

        Raises:
            queue.Empty: There is no connection, and nobody waits for one.
        """
        try:
            return self._kept.pop()
        except IndexError:
            raise Empty from None


def bounded_pool(pool: Any, kind: type[BoundedConnection] = BoundedPoolConnection) -> Any:
    """Return a pool class of urllib3 with bounded connections; a bounded class is returned unchanged.

    Args:
        pool: The class, of urllib3 or of a library that is built on it.
        kind: The mixin for its connection class.
    """
    connection = pool.ConnectionCls
    if issubclass(connection, BoundedConnection):
        return pool
    return type(
        f"Bounded{pool.__name__}",
        (pool,),
        {"ConnectionCls": type(f"Bounded{connection.__name__}", (kind, connection), {}), "QueueCls": Kept},
    )


_errands = Errands()


def look_up(name: str, port: int, deadline: float) -> list[str]:
    """Return the distinct addresses of a host name; the system's look-up has no timeout, so a thread waits for it."""

    def ask() -> list[str]:
        found = socket.getaddrinfo(name.strip("[]"), port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    return _errands.result((name, port), ask, deadline)
