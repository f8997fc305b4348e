"""A receiver of webhooks at a free port of this machine, over HTTP or HTTPS, which answers as it is told."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from standardwebhooks import Webhook

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator

__all__ = ["Receiver", "receiving", "signing_secret"]


def signing_secret(letter: str = "s") -> str:
    """A signing secret."""
    return "whsec_" + b64encode(letter.encode() * 24).decode()


class Receiver:
    """What arrived, each with its headers and its body."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.answer: Callable[[int], tuple[int, dict[str, str]]] = lambda _: (204, {})
        self.arrived = threading.Condition()

    def take(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        """Note what arrived, and return the answer."""
        with self.arrived:
            self.seen.append((headers, body))
            self.arrived.notify_all()
            return self.answer(len(self.seen))

    def wait_for(self, number: int) -> None:
        """Wait until so many have arrived."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.seen) >= number, 90)

    def ids(self) -> list[str]:
        """The identifiers of the messages, as they arrived."""
        return [headers["webhook-id"] for headers, _ in self.seen]

    def read(self, secret: str = "") -> list[Any]:
        """Verify all that arrived with the library of receivers, and return the bodies."""
        verifier = Webhook(secret or signing_secret())
        return [verifier.verify(body, headers) for headers, body in self.seen]

    def kinds(self) -> list[str]:
        """The types of the messages, as they arrived."""
        return [json.loads(body)["type"] for _, body in self.seen]


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Generator[Receiver]:
    """Receive until the end of the block; with a context, over TLS."""
    receiver = Receiver()

    class Taking(BaseHTTPRequestHandler):
        """One connection."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        """A server that many connect to at once, and whose threads end with it."""

        request_queue_size = 128
        daemon_threads = False

    server = Server(("127.0.0.1", 0), Taking)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.url = f"{'http' if context is None else 'https'}://127.0.0.1:{server.server_address[1]}/hooks?t=1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)
    assert not thread.is_alive()
