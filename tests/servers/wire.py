"""A wire to a server, which passes bytes on in both directions, and can be cut before an answer comes through.

with wire(server.port) as line:
    line.lose_answer_to(b"COMMIT\0")                # what it asks for happens, and the connection is gone
"""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

PIECE = 65536


class Wire:
    """A running wire.

    Attributes:
        port: Where it begins, on 127.0.0.1.
        lost: Set when an answer was lost.
        is_open: Clear it, and nothing comes back any more, though no connection ends.
    """

    def __init__(self, listening: socket.socket, to: int) -> None:
        self.port = listening.getsockname()[1]
        self._listening = listening
        self._to = to
        self._words = b""
        self._pairs: list[Thread] = []
        self.lost = Event()
        self.is_open = Event()
        self.is_open.set()

    def lose_answer_to(self, words: bytes) -> None:
        """Cut the connection on which these words are said next, when they are answered."""
        self.lost.clear()
        self._words = words

    def serve(self) -> None:
        """Connect whoever comes, until the wire is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self._pairs.append(Thread(target=self._connect, args=(client,), daemon=True))
                self._pairs[-1].start()

    def _connect(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._to)) as server:
            said = Event()
            asking = Thread(target=self._ask, args=(client, server, said), daemon=True)
            asking.start()
            self._answer(server, client, said)
            asking.join()

    def end(self) -> None:
        """Wait until every connection is closed; who is connected has closed it."""
        for pair in self._pairs:
            pair.join()

    def _ask(self, client: socket.socket, server: socket.socket, said: Event) -> None:
        with _both(client, server):
            while piece := client.recv(PIECE):
                if self._words and self._words in piece:
                    self._words = b""
                    said.set()
                server.sendall(piece)

    def _answer(self, server: socket.socket, client: socket.socket, said: Event) -> None:
        with _both(client, server):
            while piece := server.recv(PIECE):
                if said.is_set():
                    self.lost.set()
                    return
                if self.is_open.is_set():
                    client.sendall(piece)


@contextmanager
def _both(*ends: socket.socket) -> Generator[None]:
    """Whoever closes one end closes both."""
    with suppress(OSError):
        yield
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire(to: int) -> Generator[Wire]:
    """Run a wire to a port of this machine until the end of the ``with`` block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        line = Wire(listening, to)
        serving = Thread(target=line.serve, daemon=True)
        serving.start()
        try:
            yield line
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            serving.join()
            line.end()
