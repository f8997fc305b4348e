"""A relay in front of an HTTP server: it passes calls on, records them, and can fail in the server's place.

with relay(bao.address) as front:
    front.answer(503, b'{"errors":["Vault is sealed"]}')
"""

from __future__ import annotations

from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from secretsource.testing.servers._http import LocalServer, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from typing import TypeAlias

__all__ = ["Call", "Relay", "Reply", "relay"]

JSON = {"Content-Type": "application/json"}
OWN = {"connection", "content-length", "date", "server", "transfer-encoding"}
"""Headers of an answer that the relay writes itself."""


class Call(NamedTuple):
    """One call that passed."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Reply(NamedTuple):
    """An answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = JSON


if TYPE_CHECKING:
    Fault: TypeAlias = Callable[[Call], Reply | None]
    """A function that answers a call in the server's place; None passes the call on."""


class Relay:
    """A running relay.

    Attributes:
        address: Its base URL.
        calls: The calls so far, in order.
        fault: Asked before the server.
    """

    def __init__(self, port: int, upstream: str | None) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.calls: list[Call] = []
        self.fault: Fault | None = None
        self._upstream = None if upstream is None else urlsplit(upstream).netloc
        self._released = Event()

    @property
    def asked(self) -> list[str]:
        """Method and path of each call."""
        return [f"{call.method} {call.path.removeprefix('/v1/')}" for call in self.calls]

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, on: str = "") -> None:
        """Answer every call with this from now on, or every call whose path contains ``on``."""
        reply = Reply(status, body, {**JSON, **(headers or {})})
        self.fault = lambda call: reply if on in call.path else None

    def hang(self, on: str = "") -> None:
        """Accept every call from now on, or every call whose path contains ``on``, and answer at the fault's end."""
        self._released = released = Event()

        def fault(call: Call) -> Reply | None:
            if on in call.path:
                released.wait(30)
            return None

        self.fault = fault

    def heal(self) -> None:
        """End the fault."""
        self.fault = None
        self._released.set()

    def reply(self, call: Call) -> Reply:
        """Return the answer to a call."""
        self.calls.append(call)
        fault = self.fault
        planned = None if fault is None else fault(call)
        return planned or self.pass_on(call)

    def pass_on(self, call: Call) -> Reply:
        """Return the answer of the server behind to a call."""
        if self._upstream is None:
            return Reply(500, b'{"errors":["nothing is planned"]}')
        connection = HTTPConnection(self._upstream, timeout=30)
        try:
            connection.request(call.method, call.path, call.body, dict(call.headers))
            answer = connection.getresponse()
            status, body, headers = answer.status, answer.read(), answer.getheaders()
        finally:
            connection.close()
        return Reply(status, body, {key: value for key, value in headers if key.lower() not in OWN})


@contextmanager
def relay(upstream: str | None = None) -> Generator[Relay]:
    """Run a relay in front of ``upstream``, or one that only returns planned answers."""
    server = LocalServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    front = Relay(server.server_port, upstream)
    server.RequestHandlerClass = _requests_to(front)
    with serving(server):
        try:
            yield front
        finally:
            front.heal()


def _requests_to(front: Relay) -> type[BaseHTTPRequestHandler]:
    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            reply = front.reply(Call(self.command, self.path, dict(self.headers.items()), body))
            head = [f"HTTP/1.1 {reply.status} Relayed", f"Content-Length: {len(reply.body)}"]
            head += [f"{key}: {value}" for key, value in reply.headers.items()]
            try:
                # In one piece: two would wait for each other's acknowledgement.
                self.wfile.write("\r\n".join([*head, "", ""]).encode("latin-1") + reply.body)
            except OSError:
                self.close_connection = True  # the client has given up

        do_GET = do_POST = do_PUT = do_DELETE = do_LIST = answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Request
