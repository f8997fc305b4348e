"""One web application on uvicorn, in a process of its own, so that nothing shares its interpreter.

    python -m benchmarks.edge_server NAME DATABASE

prints, as one line of JSON, its port and a key; then, for each line that it reads, the seconds of processor time that
it has used. It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
from pathlib import Path
from time import process_time
from typing import Any

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


def issue(database: str, limited: bool) -> str:
    """A key in the database."""
    with ApiKeys.open(f"sqlite:///{database}", **NEVER_FLUSHED) as keys:
        return keys.issue(owner="acme", scopes=[SCOPE], rate_limit=LIMITED if limited else None).plaintext


async def guarded(name: str, database: str) -> Any:
    """The application of a name."""
    ttl = 1e-9 if name.startswith("uncached") else 1e6
    settings: dict[str, Any] = {**NEVER_FLUSHED, "ttl": ttl}
    if name == "bare":
        return hello
    if name == "by hand":
        return Guarded(database)
    url = f"sqlite:///{database}"
    is_for_threads = name.endswith("threads")
    keys = ApiKeys.open(url, **settings) if is_for_threads else await AsyncApiKeys.open(url, **settings)
    return ApiKeyMiddleware(hello, keys, scope=SCOPE)


async def serve(name: str, database: str) -> None:
    """Serve until standard input ends."""
    import uvicorn

    text = issue(database, "limit" in name)
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # which event loops do for a socket of their own
    app = await guarded(name, database)
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", access_log=False, log_level="warning"))

    def tell() -> None:
        print(json.dumps({"port": listener.getsockname()[1], "key": text}), flush=True)
        for _ in sys.stdin:
            print(process_time(), flush=True)
        server.should_exit = True

    threading.Thread(target=tell, daemon=True).start()
    await server.serve(sockets=[listener])


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
