"""One web application on uvicorn, in a process of its own, so that nothing shares its interpreter.

    python -m benchmarks.edge_server NAME DATABASE

prints, as one line of JSON, the address and the headers to ask with, and further arguments of wrk; then, for each line
that it reads, the seconds of processor time that it has used. It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from hashlib import sha256
from math import ceil
from pathlib import Path
from time import monotonic, process_time
from typing import Any, Literal

from benchmarks.keyring import PEPPER, SCOPE
from secretsource.integrations.asgi import ApiKeyMiddleware
from secretsource.issuing import ApiKeys, AsyncApiKeys

START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", b"2")],
}
BODY = {"type": "http.response.body", "body": b"ok"}
LIMITED = "1000000000/minute"
EACH = 60 / 1e9
"""Seconds of the rate that one request takes."""
NEVER_FLUSHED: dict[str, Any] = {"peppers": [PEPPER], "flush_every": 3600.0}


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answer as little as can be."""
    await send(START)
    await send(BODY)


class Guarded:
    """The application behind a check by hand: SHA-256, one look-up by `sqlite3`, and the same questions to the row."""

    def __init__(self, database: str) -> None:
        from benchmarks.raw import RawSqlite

        self._check = RawSqlite(Path(database)).check

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        for name, value in scope["headers"]:
            if name == b"authorization":
                assert self._check(value[7:].decode(), SCOPE) is not None
        await hello(scope, receive, send)


class Remembering:
    """The application behind a cached check by hand: the keyed hash, one look-up, and what every answer needs.

    It knows one key, takes it from one header, notes no use and tells nobody. What it does, any edge has to do.

    Args:
        is_limited: Whether to draw on a rate, and say what is left of it.
    """

    def __init__(self, text: str, is_limited: bool) -> None:
        self._inner, self._outer = sha256(b"6" * 64).copy, sha256(b"\\" * 64).copy
        self._kept = {self._hash(text): (monotonic() + 1e6, frozenset({SCOPE}), {"owner": "acme"})}
        self._headers = [(b"vary", b"Authorization")]
        self._arrival: float | None = 0.0 if is_limited else None

    def _hash(self, text: str) -> bytes:
        inner, outer = self._inner(), self._outer()
        inner.update(text.encode())
        outer.update(inner.digest())
        return outer.digest()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        text = ""
        for name, value in scope["headers"]:
            if name == b"authorization" and value[:7].lower() == b"bearer ":
                text = value[7:].decode()
        until, granted, record = self._kept[self._hash(text)]
        now = monotonic()
        assert now < until
        assert SCOPE in granted
        added = self._headers
        if self._arrival is not None:
            self._arrival = arrival = max(self._arrival, now) + EACH
            assert arrival - now <= 60
            left = b'"rate";r=%d;t=%d' % ((60 - arrival + now) / EACH, ceil(arrival - now))
            added = [(b"ratelimit-policy", b'"rate";q=1000000000;w=60'), (b"ratelimit", left), *added]

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await hello({**scope, "record": record}, receive, send_with_headers)


def issue(database: str, limited: bool) -> str:
    """A key in the database."""
    with ApiKeys.open(f"sqlite:///{database}", **NEVER_FLUSHED) as keys:
        return keys.issue(owner="acme", scopes=[SCOPE], rate_limit=LIMITED if limited else None).plaintext


async def guarded(name: str, database: str, text: str) -> Any:
    """The application of a name, for a key."""
    ttl = 1e-9 if name.startswith("uncached") else 1e6
    settings: dict[str, Any] = {**NEVER_FLUSHED, "ttl": ttl}
    if name.startswith("bare"):
        return hello
    if name == "by hand, uncached":
        return Guarded(database)
    if name.startswith("by hand"):
        return Remembering(text, "limit" in name)
    url = f"sqlite:///{database}"
    is_for_threads = name.endswith("threads")
    keys = ApiKeys.open(url, **settings) if is_for_threads else await AsyncApiKeys.open(url, **settings)
    return ApiKeyMiddleware(hello, keys, scope=SCOPE)


async def serve(name: str, database: str) -> None:
    """Serve an application of a name."""
    text = issue(database, "limit" in name)
    app = await guarded(name, database, text)
    await serve_app(app, "/invoices", {"Authorization": f"Bearer {text}"})


async def serve_app(
    app: Any,
    path: str,
    headers: Mapping[str, str],
    *wrk: str,
    proxy_headers: bool = True,
    used: Callable[[], object] = process_time,
    lifespan: Literal["on", "off"] = "off",
) -> None:
    """Serve an application until standard input ends.

    Args:
        app: The application.
        path: The path to ask for.
        headers: The headers to ask with.
        wrk: Further arguments of wrk.
        proxy_headers: Whether uvicorn takes the address of the client from ``X-Forwarded-For``, as it does by itself.
        used: Returns what to print for each line; the processor time when left out.
        lifespan: Whether the application is told of its start and its end.
    """
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # which event loops do for a socket of their own
    url = f"http://127.0.0.1:{listener.getsockname()[1]}{path}"
    config = uvicorn.Config(
        app, lifespan=lifespan, access_log=False, log_level="warning", proxy_headers=proxy_headers, ws="none"
    )
    server = uvicorn.Server(config)

    def tell() -> None:
        print(json.dumps({"url": url, "headers": headers, "wrk": wrk}), flush=True)
        for _ in sys.stdin:
            print(used(), flush=True)
        server.should_exit = True

    threading.Thread(target=tell, daemon=True).start()
    await server.serve(sockets=[listener])


def run(name: str, database: str) -> None:
    """Serve an application of a name, on Python's event loop or on uvloop."""
    if name.endswith("uvloop"):
        import uvloop

        uvloop.run(serve(name, database))
    else:
        asyncio.run(serve(name, database))


if __name__ == "__main__":
    run(*sys.argv[1:3])
