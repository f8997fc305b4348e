"""A server that behaves badly on the wire: it falls silent, drips or cuts its answer, or never stops talking.

with rogue_server("drip_body") as address:
    provider = CellarProvider(url=address)              # a good driver still ends when its timeout is over
"""

from __future__ import annotations

import gzip
import socket
from contextlib import ExitStack, contextmanager, suppress
from socketserver import BaseRequestHandler
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

from secretsource.testing.servers._http import LOOPBACK, LocalServer, serving

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from ssl import SSLContext

__all__ = ["CUTS", "DRIPS", "FLOODS", "MISCONDUCT", "Misconduct", "rogue_server"]

MIB = 1024 * 1024
PAUSE = 0.02  # far below any timeout for a single read, so that a limit on each read alone never ends the call
MOST_SENT = 256 * MIB  # a flood ends here, so that a driver without a limit fails its test and not the machine
PATIENCE = 15.0  # seconds until a drip, or silence, ends, so that a driver without a deadline fails its test as well

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SIZED = OK + b"Content-Length: 99999999999\r\n\r\n{"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ZIPPED = OK + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n"


class Misconduct(NamedTuple):
    """The conduct of a rogue server after a question.

    Attributes:
        opening: Bytes that it sends at once.
        piece: Bytes that it sends again and again after that; empty for silence.
        pause: Seconds between two pieces; 0 for a flood.
        pieces: Greatest number of pieces; the connection is closed after the last one.
    """

    opening: bytes
    piece: bytes
    pause: float = 0.0
    pieces: float = float("inf")


def _drip(opening: bytes, piece: bytes) -> Misconduct:
    return Misconduct(opening, piece, PAUSE, pieces=PATIENCE // PAUSE)


def _flood(opening: bytes, piece: bytes) -> Misconduct:
    return Misconduct(opening, piece, pieces=MOST_SENT // len(piece))


MISCONDUCT: Mapping[str, Misconduct | None] = {
    "unaccepted": None,  # the queue of the listening socket is full, so no client gets a connection
    "silent": Misconduct(b"", b""),
    "drip_head": _drip(b"HTTP/1.1 200 OK\r\n", b"X"),
    "drip_interim": _drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "drip_body": _drip(SIZED, b" "),
    "drip_chunks": _drip(CHUNKED, b"1\r\n \r\n"),
    "flood_head": _flood(b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"x" * 60_000 + b"\r\n"),
    "flood_body": _flood(SIZED, b" " * 65_536),
    "flood_chunks": _flood(CHUNKED, b"10000\r\n" + b" " * 65_536 + b"\r\n"),
    "flood_zipped": Misconduct(ZIPPED + gzip.compress(b" " * MOST_SENT, 1), b"", pieces=0),
    "cut_unsaid": Misconduct(b"", b"", pieces=0),
    "cut_head": Misconduct(OK + b"Content-Le", b"", pieces=0),
    "cut_body": Misconduct(OK + b'Content-Length: 300\r\n\r\n{"data": {"value": ', b"", pieces=0),
    "cut_chunks": Misconduct(CHUNKED + b'20\r\n{"data": {"value": ', b"", pieces=0),
}
"""Each way to behave badly; None if no connection is accepted."""

FLOODS = frozenset(name for name in MISCONDUCT if name.startswith("flood"))
"""Answers without a reasonable end, which a driver must call malformed."""

CUTS = frozenset(name for name in MISCONDUCT if name.startswith("cut"))
"""Answers whose connection ends before they do, which a driver must call unavailable."""

DRIPS = frozenset(MISCONDUCT) - FLOODS - CUTS
"""Answers that do not arrive in time, which a driver must call a timeout."""


@contextmanager
def rogue_server(misconduct: str, tls: SSLContext | None = None) -> Generator[str]:
    """Run a server that behaves badly until the end of the ``with`` block.

    Args:
        misconduct: The way to behave badly, from `MISCONDUCT`.
        tls: The TLS context for a client that insists on it; None for plain HTTP.

    Yields:
        Its base URL.
    """
    scheme = "http" if tls is None else "https"
    act = MISCONDUCT[misconduct]
    with ExitStack() as ending:
        port = ending.enter_context(_full_queue() if act is None else _acting(act, tls))
        yield f"{scheme}://{LOOPBACK}:{port}"


@contextmanager
def _acting(act: Misconduct, tls: SSLContext | None) -> Generator[int]:
    released = Event()

    class Acting(BaseRequestHandler):
        def handle(self) -> None:
            with self.request if tls is None else tls.wrap_socket(self.request, server_side=True) as client:
                _play(act, client, released)

    server = LocalServer((LOOPBACK, 0), Acting)  # it need not speak HTTP
    with serving(server) as port:
        try:
            yield port
        finally:
            released.set()


def _play(act: Misconduct, client: socket.socket, released: Event) -> None:
    """Read the question, and send the planned bytes until the client is gone or the server ends."""
    client.recv(65_536)
    client.settimeout(0.1)
    _send(client, act.opening, released)
    sent = 0
    while act.piece and sent < act.pieces and not released.wait(act.pause):
        _send(client, act.piece, released)
        sent += 1
    if not act.piece and act.pieces:
        released.wait(PATIENCE)
    _part(client, released)


def _part(client: socket.socket, released: Event) -> None:
    """End the answer, then read the rest of the question: an earlier close would tear the answer, too."""
    client.shutdown(socket.SHUT_WR)
    while not released.is_set():
        with suppress(TimeoutError):
            if not client.recv(65_536):
                return


def _send(client: socket.socket, piece: bytes, released: Event) -> None:
    """Send all of a piece to a client that may be slow to read; it must not hold this thread once the server ends."""
    left = memoryview(piece)
    while left and not released.is_set():
        with suppress(TimeoutError):
            left = left[client.send(left) :]


@contextmanager
def _full_queue() -> Generator[int]:
    """Open a listening socket whose queue is full: the system drops every further attempt to connect."""
    with ExitStack() as open_sockets:
        listening = open_sockets.enter_context(socket.create_server((LOOPBACK, 0), backlog=0))
        for _ in range(4):
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]
