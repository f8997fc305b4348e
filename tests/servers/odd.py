"""A server of HTTP or Redis that answers as a test says, byte by byte, on TCP, TLS or a Unix socket.

with odd(lambda line: line.sendall(b"HTTP/1.1 200 OK\\r\\n")) as port:
"""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator
    from pathlib import Path
    from typing import TypeAlias

    Answer: TypeAlias = Callable[[socket.socket], object]

__all__ = ["REDIS_ANSWERS", "drip", "flood", "odd", "repeat"]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{"
REDIS_ANSWERS = (
    b":abc\r\n",
    b"*1\r\n" * 5000,
    b":" + b"9" * 5000 + b"\r\n",
    b"+OK\r\n",
    b"$8\r\n12345678\r\n",
)
"""Answers that no command of ours has: malformed ones, and those of another command."""


@contextmanager
def odd(answer: Answer, *, path: Path | None = None, tls: ssl.SSLContext | None = None) -> Generator[int]:
    """Answer every call until the end of the ``with`` block; the port, or 0 for a Unix socket at ``path``.

    A client that goes away ends its answer.
    """
    if path is None:
        listening = socket.create_server(("127.0.0.1", 0))
    else:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(path))
        listening.listen()
    lines: list[tuple[socket.socket, Thread]] = []

    def serve(line: socket.socket) -> None:
        with suppress(OSError), line if tls is None else tls.wrap_socket(line, server_side=True) as open_line:
            open_line.recv(65536)
            answer(open_line)

    def accept() -> None:
        with suppress(OSError):
            while True:
                line, _ = listening.accept()
                lines.append((line, Thread(target=serve, args=(line,), daemon=True)))
                lines[-1][1].start()

    accepting = Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield 0 if path is not None else listening.getsockname()[1]
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        accepting.join()
        for line, thread in lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            thread.join()


def drip(head: bytes) -> Answer:
    """Send this, and then a byte now and then, for ever."""

    def answer(line: socket.socket) -> None:
        line.sendall(head)
        pause = Event()
        while not pause.wait(0.05):
            line.sendall(b" ")

    return answer


def flood(head: bytes, piece: bytes) -> Answer:
    """Send this, and then the same piece without end."""

    def answer(line: socket.socket) -> None:
        line.sendall(head)
        while True:
            line.sendall(piece)

    return answer


def repeat(words: bytes) -> Answer:
    """Send this for whatever arrives, as often as it may be a command of Redis."""

    def answer(line: socket.socket) -> None:
        line.sendall(words * 8)
        while line.recv(65536):
            line.sendall(words * 8)

    return answer
