"""Servers that answer as fast as Python can: what the real one said the first time, they say ever after.

A server that thinks for milliseconds makes every client look alike. These stand before it, remember the answer to each
question as bytes, and send the bytes again, so that of a call hardly more is left than the client. They can be as far
away as is wanted: each answer then waits for as long as it would be on its way.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from threading import Lock, Thread
from time import sleep
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl

__all__ = ["GrpcReplay", "HttpReplay", "Replay"]

OWN = {"connection", "content-length", "transfer-encoding"}
"""Headers of an answer that are written here."""


class Replay:
    """The answers that are known.

    Attributes:
        calls: How many questions came by.
        distance: Seconds that each answer is on its way.
    """

    port: int

    def __init__(self) -> None:
        self.calls = 0
        self.distance = 0.0
        self._lock = Lock()
        self._known: dict[object, bytes] = {}

    def answer(self, question: object, ask: Callable[[], bytes]) -> bytes:
        """What is known, or what the real server says to it."""
        with self._lock:
            self.calls += 1
            if question not in self._known:
                self._known[question] = ask()
            known = self._known[question]
        if self.distance:
            sleep(self.distance)
        return known


class HttpReplay(Replay):
    """A replay of an HTTP server; signatures and tokens, which change from call to call, are looked at for presence.

    Args:
        upstream: Base URL of the real server.
        tls: How to speak TLS to the client and to the real server; None for plain HTTP.

    Attributes:
        port: Where it listens, on 127.0.0.1.
    """

    def __init__(self, upstream: str, tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None) -> None:
        super().__init__()
        self._host = urlsplit(upstream).netloc
        self._serving = None if tls is None else tls[0]
        self._asking = None if tls is None else tls[1]
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError):
            if self._serving is not None:
                client = self._serving.wrap_socket(client, server_side=True)
            with client:
                while request := Request.received(client):
                    client.sendall(self.answer(request.question, partial(self._ask, request)))

    def _ask(self, request: Request) -> bytes:
        if self._asking is None:
            upstream = HTTPConnection(self._host)
        else:
            upstream = HTTPSConnection(self._host, context=self._asking)
        method, path, _ = request.line.split(" ")
        try:
            upstream.request(method, path, request.body, request.headers)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        head = [f"HTTP/1.1 {answer.status} Replayed", f"Content-Length: {len(content)}"]
        head += [f"{key}: {value}" for key, value in answer.getheaders() if key.lower() not in OWN]
        return "\r\n".join([*head, "", ""]).encode("latin-1") + content


class Request(NamedTuple):
    """One request; the names of its headers in small letters."""

    line: str
    headers: dict[str, str]
    body: bytes

    @classmethod
    def received(cls, client: socket.socket) -> Request | None:
        """The next one of a connection; None when there is none."""
        held = b""
        while b"\r\n\r\n" not in held:
            if not (chunk := client.recv(65536)):
                return None
            held += chunk
        head, _, body = held.partition(b"\r\n\r\n")
        line, *rest = head.decode("latin-1").split("\r\n")
        pairs = [pair.partition(": ") for pair in rest]
        headers = {key.lower(): value for key, _, value in pairs}
        while len(body) < int(headers.get("content-length", 0)):
            body += client.recv(65536)
        return cls(line, headers, body)

    @property
    def question(self) -> object:
        """What tells it from others."""
        return self.line, self.headers.get("x-amz-target"), "authorization" in self.headers, self.body


class GrpcReplay(Replay):
    """A replay of a gRPC server, for calls of one question and one answer.

    Args:
        upstream: ``host:port`` of the real server.

    Attributes:
        port: Where it listens, on 127.0.0.1.
    """

    def __init__(self, upstream: str) -> None:
        super().__init__()
        import grpc

        channel, replay = grpc.insecure_channel(upstream), self

        class Anything(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
            def service(self, handler_call_details: Any) -> Any:
                method = handler_call_details.method
                ask = channel.unary_unary(method)

                def answer(asked: bytes, _: object) -> bytes:
                    return replay.answer((method, asked), partial(ask, asked))

                return grpc.unary_unary_rpc_method_handler(answer)

        self._server = grpc.server(ThreadPoolExecutor(64), handlers=[Anything()])
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
