"""Each gateway in turn, between a key service and an application that shows what reaches it."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from tests.gateways.keyservice import KeyService
from tests.gateways.running import KINDS, Kind, running

from secretsource.testing.asgi_server import asgi_server
from secretsource.testing.servers._process import reserved_port

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


class Reply(NamedTuple):
    """An answer of a gateway."""

    status: int
    headers: Any
    body: bytes

    @property
    def seen(self) -> Any:
        """The request as the application saw it; or a problem."""
        return json.loads(self.body)


class Site(NamedTuple):
    """A gateway with all that is behind it.

    Attributes:
        kind: The gateway.
        port: Where it listens.
        keys: The key service behind it.
        folder: The folder that it was started in.
    """

    kind: Kind
    port: int
    keys: KeyService
    folder: Path

    def ask(
        self,
        key: str | None,
        path: str = "/orders/7",
        headers: Any = (),
        *,
        method: str = "GET",
        body: bytes = b"",
        timeout: float = 20,
    ) -> Reply:
        """Ask it, with exactly this path and these headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.putrequest(method, path)
            sent = [] if key is None else [("Authorization", f"Bearer {key}")]
            for name, value in [*sent, *headers, *([("Content-Length", len(body))] if body else [])]:
                connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def ask_with_trailers(self, key: str, trailers: dict[str, str], *, declared: bool) -> Reply:
        """Upload two bytes in a chunked body, with trailers behind it, which are named in ``Trailer`` or not."""
        told = f"Trailer: {', '.join(trailers)}\r\n" if declared else ""
        sent = (
            f"POST /orders/7 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nTE: trailers\r\n{told}"
            "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"
            + "".join([f"{name}: {value}\r\n" for name, value in trailers.items()])
        )
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as line:
            line.sendall(f"{sent}\r\n".encode())
            answer = http.client.HTTPResponse(line, method="POST")
            answer.begin()
            return Reply(answer.status, answer.headers, answer.read())


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Tell what arrived; a web socket tells the owner of the key with each word that it echoes."""
    if scope["type"] == "lifespan":
        return
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": f"{dict(headers)['x-key-owner']} {message['text']}"})
        return
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    path = scope["raw_path"].decode()
    body = json.dumps({"method": scope["method"], "path": path, "headers": headers, "size": size}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def site_of(kind: Kind, cache: float = 0.0) -> Generator[Site]:
    """Run a gateway, a key service and an application until the end of the ``with`` block."""
    if kind.program is None:
        pytest.skip(f"there is no {kind.name} here: {kind.install}")
    with (
        TemporaryDirectory(prefix="secretsource-") as name, asgi_server(application) as url,
        reserved_port() as own, reserved_port() as port,
    ):  # fmt: skip
        keys = KeyService(Path(name), own, cache)
        try:
            with running(kind, port, keys.port, urlsplit(url).port or 0) as folder:
                site = Site(kind, port, keys, folder)
                until = monotonic() + 20
                while site.ask(None).status != 401:  # Traefik listens before it has read its routes
                    assert monotonic() < until
                yield site
        finally:
            keys.stop()


@pytest.fixture(scope="module", params=KINDS, ids=[kind.name for kind in KINDS])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """Each gateway in turn."""
    with site_of(request.param, cache=2.0 if "cached" in request.param.name else 0.0) as made:
        yield made
