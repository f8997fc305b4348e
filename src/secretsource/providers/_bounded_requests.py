"""HTTP by requests with an end: one deadline for a whole call, and a limit to the length of an answer.

requests counts a timeout anew for every read, so a server that sends a byte now and then is read for ever, and it
keeps whatever a server sends. Here every read of status, headers and body has only the time that the call has left,
and counts towards the limit. For drivers whose SDK takes a `requests.Session`; only they import this.
"""

from __future__ import annotations

import socket
from functools import cache
from http.client import HTTPResponse
from io import BufferedReader, RawIOBase
from time import monotonic
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3 import Timeout

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

__all__ = ["LIMIT", "BoundedAdapter", "ClosedSocket", "Deadline", "NoSocket", "TooLarge"]

LIMIT = 1024 * 1024
"""Most bytes of one answer, headers included, unless an adapter is told otherwise."""

LONGEST = 600.0
"""Seconds for an answer where the call has no timeout."""


class TooLarge(Exception):
    """A server sends more than the limit; no `OSError`, so that requests and urllib3 let it pass as it is."""


class NoSocket(OSError):
    """There is no Unix socket at the path."""


class ClosedSocket(OSError):
    """There is a Unix socket, and this user may not connect to it."""


class Deadline(Timeout):
    """A timeout for requests that ends at one moment, whatever number of steps or redirects the call takes.

    Args:
        at: Monotonic second at which the call must end.
        connect: Longest time, in seconds, to connect to one address.
    """

    def __init__(self, at: float, connect: float) -> None:
        super().__init__()
        self._at = at
        self._longest = connect

    def clone(self) -> Deadline:
        """The same: there is nothing in it that a call changes."""
        return self

    def start_connect(self) -> float:
        """The time now; nothing is measured from it."""
        return monotonic()

    @property
    def connect_timeout(self) -> float:
        """Seconds to connect; never 0, which would mean not to wait for an answer at all."""
        return max(0.001, min(self._longest, self._at - monotonic()))

    @property
    def read_timeout(self) -> float:
        """Seconds that are left."""
        return max(0.0, self._at - monotonic())


class BoundedAdapter(HTTPAdapter):
    """What a `requests.Session` sends calls with.

    Args:
        limit: Most bytes of one answer, headers included.
        socket_path: A Unix socket to connect to, whatever host a URL names.
        options: As for `HTTPAdapter`.
    """

    def __init__(self, *, limit: int = LIMIT, socket_path: str | None = None, **options: Any) -> None:
        self._limit = limit
        self._socket_path = socket_path
        super().__init__(**options)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """As the original, with pools whose answers are bounded."""
        super().init_poolmanager(*arguments, **options)
        self._bound(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """As the original, with pools whose answers are bounded."""
        return self._bound(super().proxy_manager_for(proxy, **options))

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        """As the original, but a compressed answer is not expanded: a short one could become a huge one."""
        resp.headers.discard("Content-Encoding")
        return super().build_response(req, resp)

    def _bound(self, pools: Any) -> Any:
        kinds = pools.pool_classes_by_scheme
        pools.pool_classes_by_scheme = {
            scheme: _bounded(kind, self._limit, self._socket_path) for scheme, kind in kinds.items()
        }
        return pools


class _BoundedStream(RawIOBase):
    """What one answer is read from: it ends with the time or the limit of the call.

    Args:
        stream: The stream of the socket.
        connection: The socket, whose timeout is the time for the whole answer.
        limit: Most bytes of the answer.
    """

    def __init__(self, stream: RawIOBase, connection: socket.socket, limit: int) -> None:
        seconds = connection.gettimeout()
        self._until = monotonic() + (LONGEST if seconds is None else seconds)
        self._stream = stream
        self._connection = connection
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        seconds = self._until - monotonic()
        if seconds <= 0:
            raise TimeoutError("the time for this answer is over")
        self._connection.settimeout(seconds)
        count = self._stream.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise TooLarge
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


@cache
def _bounded(pool: Any, limit: int, path: str | None) -> Any:
    """A kind of pool of urllib3 as another whose answers are bounded, and whose connections go to ``path``."""

    class Answer(HTTPResponse):
        def __init__(self, connection: socket.socket, *arguments: Any, **options: Any) -> None:
            super().__init__(connection, *arguments, **options)
            stream: Any = self.fp.detach()
            self.fp = BufferedReader(_BoundedStream(stream, connection, limit))

    connection_kind: Any = pool.ConnectionCls

    class Connection(connection_kind):  # type: ignore[misc]  # whichever urllib3 has for the scheme or the proxy
        response_class = Answer

        def _new_conn(self) -> socket.socket:
            return super()._new_conn() if path is None else _connected(path, self.timeout)

    class Pool(pool):  # type: ignore[misc]
        ConnectionCls = Connection

    return Pool


def _connected(path: str, seconds: float) -> socket.socket:
    """A connection to a Unix socket."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect(path)
    except BaseException as error:
        connection.close()
        known: dict[type, type[OSError]] = {FileNotFoundError: NoSocket, PermissionError: ClosedSocket}
        if type(error) in known:
            raise known[type(error)] from error
        raise
    return connection
