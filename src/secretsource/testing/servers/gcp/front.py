"""One port for both wires, as Google's front end has it; also the place where connections are torn."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from functools import partial
from threading import Lock, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

HTTP2 = b"PRI"
"""The start of a connection of HTTP/2 (RFC 9113 §3.4)."""


class Front:
    """A front that passes each connection on to the server of its protocol.

    Args:
        http2: Port of the gRPC server.
        http1: Port of the REST server.

    Attributes:
        port: Its port.
    """

    def __init__(self, *, http2: int, http1: int) -> None:
        self._http2, self._http1 = http2, http1
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._lock = Lock()
        self._open: set[socket.socket] = set()
        self._cut = False

    def __enter__(self) -> Self:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Tear every connection, and each new one as soon as it sends something."""
        self._cut = True
        with self._lock:
            torn, self._open = self._open, set()
        for connection in torn:
            _reset(connection)

    def heal(self) -> None:
        """Pass connections on again."""
        self._cut = False

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with self._lock:
            self._open.add(client)
        with suppress(OSError):
            begins = client.recv(65536)
            if self._cut or not begins:
                _reset(client)
                return
            server = socket.create_connection(("127.0.0.1", self._http2 if begins.startswith(HTTP2) else self._http1))
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.sendall(begins)
            Thread(target=_pump, args=(server, client), daemon=True).start()
            _pump(client, server)
        with self._lock:
            self._open.discard(client)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass on the bytes of one side until it ends, and then end the other."""
    with suppress(OSError):
        for chunk in iter(partial(source.recv, 65536), b""):
            sink.sendall(chunk)
    for side in (source, sink):
        with suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)
        side.close()


def _reset(connection: socket.socket) -> None:
    """End a connection as a crash does: with a reset, in the middle of any data."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
        connection.close()
